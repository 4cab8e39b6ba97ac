"""What the documents say is what the code does."""

import configparser
import re
from pathlib import Path

from demo.glance import STOCK_PASTE_FILE
from glance_notify_middleware.config.options import OPTIONS
from glance_notify_middleware.events.operations import ROUTES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
OPTIONS_PAGE = (ROOT / "docs" / "options.md").read_text()
SAMPLE = (ROOT / "etc" / "api-paste-notify.ini").read_text()


def test_the_options_page_has_every_option_with_its_default_and_help() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*) \|$", OPTIONS_PAGE, re.MULTILINE)
    options = [(o.name, f"`{o.default}`" if o.default else "empty", o.help) for o in OPTIONS]
    assert rows == options


def test_the_sample_shows_every_option_with_its_default() -> None:
    shown = dict(re.findall(r"^#?(\w+) = ?(.*)$", SAMPLE.split("# 2.")[0], re.MULTILINE))
    defaults = {option.name: option.default for option in OPTIONS}
    assert {name: shown[name] for name in defaults} == defaults | {"notifier_strategy": "logging"}


def test_the_sample_explains_every_option_as_the_table_does() -> None:
    prose = re.sub(r"\n# ?", " ", SAMPLE)
    for option in OPTIONS:
        assert option.help in prose, option.name


def test_the_samples_pipelines_hold_the_filter_after_context_and_before_cache() -> None:
    pipelines = dict(re.findall(r"^#(keystone\S*) = (.*)$", SAMPLE, re.MULTILINE))
    assert sorted(pipelines) == ["keystone", "keystone+cachemanagement", "keystone+caching"]
    for words in map(str.split, pipelines.values()):
        assert words[words.index("notify") - 1] == "context"
        assert words[words.index("notify") + 1] in ("cache", "rootapp")


def test_the_sample_can_be_appended_to_the_stock_paste_file() -> None:
    whole = configparser.ConfigParser(interpolation=None)
    whole.read_string(STOCK_PASTE_FILE.read_text() + SAMPLE)
    assert whole["filter:notify"]["notifier_strategy"] == "logging"


def test_the_readme_has_every_api_call() -> None:
    for route in ROUTES:
        path = f"/v{route.version}/" + re.sub(r"\{(image)\}", "{id}", route.path)
        row = next((line for line in README.splitlines() if f"`{route.method} {path}`" in line), "")
        assert row, f"{route.method} {path}"
        for event_type in route.success_events:
            assert event_type.removeprefix("image.") in row, (row, event_type)
