"""A command that is killed at a chosen step: at each call by which it changes, or syncs, a file."""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from glance_notify_middleware import cli

AFTER, IN_THE_MIDDLE = "after", "in the middle of"
"""Where in a step a command is killed. A write is killed in the middle: half of it is there."""

_STEPS = ("open", "write", "pwrite", "fsync", "unlink", "rename", "replace")


class Steps:
    """Counts the steps of this process; kills it (-9) at one of them."""

    def __init__(self, number: int, where: str) -> None:
        """Number 0: before the first step."""
        self.names: list[str] = []
        self._number = number
        self._where = where
        for name in _STEPS:
            setattr(os, name, self._watched(name, getattr(os, name)))

    def begin(self) -> None:
        """The command begins."""
        if self._number == 0:
            self._die()

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            if name == "open" and not args[1] & os.O_CREAT:
                return call(*args, **named)
            self.names.append(name)
            is_it = len(self.names) == self._number
            if is_it and self._where == IN_THE_MIDDLE:
                if name in ("write", "pwrite"):
                    call(args[0], args[1][: len(args[1]) // 2], *args[2:])
                self._die()
            result = call(*args, **named)
            if is_it:
                self._die()
            return result

        return watched

    def _die(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


def run_and_die(words: Sequence[str], number: int, where: str) -> None:
    """Run a command in this process, which is killed at a step."""
    _be_silent()
    steps = Steps(number, where)
    steps.begin()
    cli.main(list(words))


def steps_of(words: Sequence[str]) -> list[str]:
    """The steps of a command, which is run to its end in this process."""
    _be_silent()
    steps = Steps(-1, AFTER)
    assert cli.main(list(words)) == 0
    return steps.names


def _be_silent() -> None:
    sys.stdout = sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
