"""The paste file and the section that a command reads are those that Glance uses."""

from pathlib import Path

import pytest

from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.errors import UsageError

SECTION = """
[filter:{name}]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = logging
"""


def written(path: Path, text: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_given_paste_file_is_taken(tmp_path: Path) -> None:
    path = written(tmp_path / "mine.ini")
    assert paste_file.find(str(path), None) == path


def test_given_paste_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"missing\.ini is no file"):
        paste_file.find(str(tmp_path / "missing.ini"), None)


@pytest.mark.parametrize("name", ["{folder}/other.ini", "other.ini"])
def test_configuration_names_the_paste_file(name: str, tmp_path: Path) -> None:
    path = written(tmp_path / "other.ini")
    lines = f"[paste_deploy]\n# config_file = no.ini\nconfig_file = {name.format(folder=tmp_path)}"
    conf = written(tmp_path / "glance-api.conf", f"[DEFAULT]\nconfig_file = wrong\n{lines}\n")
    assert paste_file.find(None, str(conf)) == path


def test_paste_file_that_the_configuration_names_must_exist(tmp_path: Path) -> None:
    conf = written(tmp_path / "glance-api.conf", "[paste_deploy]\nconfig_file = gone.ini\n")
    with pytest.raises(UsageError, match=r"\[paste_deploy\] config_file"):
        paste_file.find(None, str(conf))


def test_paste_file_beside_the_configuration_is_the_default(tmp_path: Path) -> None:
    path = written(tmp_path / "glance-api-paste.ini")
    conf = written(tmp_path / "glance-api.conf", "[paste_deploy]\nflavor = keystone\n")
    assert paste_file.find(None, str(conf)) == path


def test_configuration_of_the_machine_is_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste_file, "CONF", tmp_path / "glance-api.conf")
    path = written(tmp_path / "glance-api-paste.ini")
    assert paste_file.find(None, None) == path


def test_missing_paste_file_names_the_places_and_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paste_file, "CONF", tmp_path / "glance-api.conf")
    monkeypatch.setattr(paste_file, "_DISTRIBUTION", tmp_path / "dist.ini")
    with pytest.raises(UsageError, match=r"or .*dist\.ini; name it, or name --conf"):
        paste_file.find(None, None)


def test_section_is_found_by_its_factory(tmp_path: Path) -> None:
    other = "[filter:context]\npaste.filter_factory = glance.api:factory\n"
    path = written(tmp_path / "paste.ini", other + SECTION.format(name="audit"))
    assert paste_file.settings_of(path, None).notifier_strategy == ("logging",)


def test_section_is_found_by_its_egg(tmp_path: Path) -> None:
    section = "[filter:audit]\nuse = egg:glance-notify-middleware\nlog_file = /x\n"
    path = written(tmp_path / "paste.ini", section)
    assert paste_file.settings_of(path, None).log_file == "/x"


def test_one_of_several_sections_must_be_named(tmp_path: Path) -> None:
    both = SECTION.format(name="audit") + SECTION.format(name="bill")
    path = written(tmp_path / "paste.ini", both)
    with pytest.raises(UsageError, match="audit, bill; say --filter NAME"):
        paste_file.settings_of(path, None)
    assert paste_file.settings_of(path, "bill").notifier_strategy == ("logging",)


def test_section_of_the_usual_name_is_taken_among_several(tmp_path: Path) -> None:
    both = SECTION.format(name="audit") + SECTION.format(name="notify") + "log_file = /x\n"
    path = written(tmp_path / "paste.ini", both)
    assert paste_file.settings_of(path, None).log_file == "/x"


def test_missing_section_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no section \[filter:notify\]"):
        paste_file.settings_of(written(tmp_path / "paste.ini", "[DEFAULT]\n"), None)
