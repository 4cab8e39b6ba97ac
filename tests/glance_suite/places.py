"""Runs of Glance's tests in several places, and whether they end alike."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.glance_suite.pipeline import Place

RERUNS = 3
"""How often a test that ended differently is run again, with the filter and without."""

_LONGEST_RUN = 3600  # seconds

Outcomes = Mapping[str, str]
"""Test id -> ok, fail, error or skip."""


def run(place: Place, out: Path, *options: str) -> dict[str, Any]:
    """One run of the runner, in a process of its own; what it wrote to `out`."""
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
    """Test id -> same, flaky (without the filter, and no other with it) or different.

    `without` are the runs without the filter. `again` runs tests once more and gives their
    outcomes without and with the filter. A test that ends with the filter as it never does
    without it is different, however often it ends the same.
    """
    bare: dict[str, set[str]] = {}
    ours: dict[str, set[str]] = {}
    for outcomes in without:
        _add(bare, outcomes)
    _add(ours, with_filter)
    tests = sorted(bare.keys() | ours.keys())
    for _ in range(RERUNS):
        in_doubt = [test for test in tests if not _is_covered(test, bare, ours)]
        if not in_doubt:
            break
        bare_again, ours_again = again(in_doubt)
        _add(bare, bare_again)
        _add(ours, ours_again)
    return {test: _verdict(test, bare, ours) for test in tests}


def _add(seen: dict[str, set[str]], outcomes: Outcomes) -> None:
    for test, outcome in outcomes.items():
        seen.setdefault(test, set()).add(outcome)


def _is_covered(test: str, bare: dict[str, set[str]], ours: dict[str, set[str]]) -> bool:
    """Whether every end that the test came to with the filter was seen without it."""
    return ours.get(test, {"missing"}) <= bare.get(test, set())


def _verdict(test: str, bare: dict[str, set[str]], ours: dict[str, set[str]]) -> str:
    if not _is_covered(test, bare, ours):
        return "different"
    return "same" if len(bare[test]) == 1 else "flaky"
