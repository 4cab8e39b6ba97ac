"""Runs Glance's tests with the filter in several places, and compares how they end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.glance_suite.pipeline import Place

RERUNS = 3
"""How often a test that ended differently is run again, with the filter and without it."""

_LONGEST_RUN = 3600  # seconds

Outcomes = Mapping[str, str]
"""Test id -> ok, fail, error or skip."""


def run(place: Place, out: Path, *options: str) -> dict[str, Any]:
    """Run the runner once, in a process of its own; returns what it wrote to `out`. Raises
    RuntimeError when it fails."""
    command = [sys.executable, "-m", "tests.glance_suite.runner", "--place", place]
    done = subprocess.run(
        [*command, "--out", str(out), *options],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        timeout=_LONGEST_RUN,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the run in place {place} failed:\n{done.stderr[-4000:]}")
    report: dict[str, Any] = json.loads(out.read_text())
    return report


def verdicts(
    without: Iterable[Outcomes], with_filter: Outcomes, again: Callable[[list[str]], list[Outcomes]]
) -> dict[str, str]:
    """Test id -> same, flaky or different.

    `without` are the runs without the filter. `again` runs tests once more and returns their
    outcomes without and with the filter. Flaky: the test has several outcomes without the filter,
    and no other with it. Different: the test has an outcome with the filter that it never has
    without it, however often its outcome is the same.
    """
    bare: dict[str, set[str]] = {}
    filtered: dict[str, set[str]] = {}
    for outcomes in without:
        _add(bare, outcomes)
    _add(filtered, with_filter)
    tests = sorted(bare.keys() | filtered.keys())
    for _ in range(RERUNS):
        in_doubt = [test for test in tests if not _is_covered(test, bare, filtered)]
        if not in_doubt:
            break
        bare_again, filtered_again = again(in_doubt)
        _add(bare, bare_again)
        _add(filtered, filtered_again)
    return {test: _verdict(test, bare, filtered) for test in tests}


def _add(seen: dict[str, set[str]], outcomes: Outcomes) -> None:
    for test, outcome in outcomes.items():
        seen.setdefault(test, set()).add(outcome)


def _is_covered(test: str, bare: dict[str, set[str]], filtered: dict[str, set[str]]) -> bool:
    """Whether every outcome of the test with the filter was seen without it, too."""
    return filtered.get(test, {"missing"}) <= bare.get(test, set())


def _verdict(test: str, bare: dict[str, set[str]], filtered: dict[str, set[str]]) -> str:
    if not _is_covered(test, bare, filtered):
        return "different"
    return "same" if len(bare[test]) == 1 else "flaky"
