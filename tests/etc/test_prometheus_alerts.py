"""etc/prometheus-alerts.yml: the rules at work, and what they say."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from glance_notify_middleware.cli.app import COMMANDS
from tests.etc.metric_names import named, unknown
from tests.tools import promtool

ROOT = Path(__file__).parents[2]
PATH = ROOT / "etc" / "prometheus-alerts.yml"
PAGE = ROOT / "docs" / "monitoring.md"
TESTS = Path(__file__).with_name("prometheus-alerts-test.yml")
RULES: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(PATH.read_text())["groups"] for rule in group["rules"]
]

by_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


def run(*arguments: str | Path) -> str:
    """What promtool prints; it must find nothing wrong."""
    ended = subprocess.run([promtool(), *arguments], capture_output=True, text=True, check=False)
    printed = ended.stdout + ended.stderr
    assert ended.returncode == 0, printed
    return printed


def test_rules_are_well_formed() -> None:
    assert f"{len(RULES)} rules found" in run("check", "rules", PATH)


def test_rules_fire_when_they_should_and_at_no_other_time() -> None:
    assert "SUCCESS" in run("test", "rules", TESTS)


@by_rule
def test_rule_fires_in_a_test(rule: dict[str, Any]) -> None:
    assert f'alertname="{rule["alert"]}"' in TESTS.read_text()


def test_page_has_each_rule_with_its_severity() -> None:
    rows = re.findall(r"^\| (GlanceNotify\w+) \| .* \| (\w+) \|$", PAGE.read_text(), re.MULTILINE)
    assert rows == [(rule["alert"], rule["labels"]["severity"]) for rule in RULES]


@by_rule
def test_rule_names_metrics_and_labels_that_exist(rule: dict[str, Any]) -> None:
    assert list(named(rule["expr"]))
    assert unknown(rule["expr"]) == []


@by_rule
def test_rule_says_where_how_bad_and_which_command_shows_it(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert "{{ $labels.instance }}" in rule["annotations"]["summary"]
    said = rule["annotations"]["description"]
    commands = re.findall(r"glance-notify ((?:dead |aside )?[a-z][a-z-]+)", said)
    assert commands, said
    assert set(commands) <= COMMANDS.keys()
