"""promtool of Prometheus, which checks metrics and the rules of alerts."""

import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

Promtool = Callable[..., str]
"""Runs promtool with the given words and, as `text`, its standard input. Returns what it prints;
where it finds something wrong, the test fails."""


@pytest.fixture(scope="session")
def promtool() -> Promtool:
    """Skips where Debian's package prometheus is missing; with CI=true the test fails."""
    program = shutil.which("promtool")
    if program is None:
        reason = "missing: promtool: apt-get install prometheus"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)

    def run(*words: str, text: str = "") -> str:
        command = [str(program), *words]
        done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run
