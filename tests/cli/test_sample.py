"""glance-notify sample: the section that it prints."""

from pathlib import Path

from glance_notify_middleware import config
from tests.cli.conftest import Run

ETC = Path(__file__).parents[2] / "etc" / "api-paste-notify.ini"


def test_sample_is_the_section_of_the_file_in_etc(run: Run) -> None:
    text = ETC.read_text()
    section = text[text.index("[filter:notify]") : text.index("\n# 2. ")]
    assert run("sample") == (0, section, "")


def test_options_of_the_sample_without_their_comment_signs_are_those_of_an_empty_section(
    run: Run,
) -> None:
    lines = {}
    for line in run("sample").out.splitlines()[2:]:
        if line and not line.startswith("# "):
            name, _, value = line.removeprefix("#").partition(" =")
            lines[name] = value.strip()
    assert lines.pop("notifier_strategy") == "logging"
    assert list(lines) == [o.name for o in config.OPTIONS if o.name != "notifier_strategy"]
    assert lines == {o.name: o.default for o in config.OPTIONS if o.name in lines}
