"""Runs glance-notify as an operator does: the installed program, in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = str(Path(sys.executable).with_name("glance-notify"))


def glance_notify(
    *words: object, timeout: float = 60, **more: Any
) -> subprocess.CompletedProcess[str]:
    """What the command has printed, and its exit status; `more` are keywords of Popen."""
    command = [PROGRAM, *map(str, words)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, check=False, **more
    )
