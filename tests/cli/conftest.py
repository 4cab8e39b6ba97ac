"""Runs a command in the process of the test."""

from collections.abc import Callable
from typing import NamedTuple

import pytest

from glance_notify_middleware import cli
from tests.cli.node_states import seen

__all__ = ["seen"]


class Ended(NamedTuple):
    """What a command has printed, and its exit status."""

    status: int
    out: str
    err: str

    def one_line(self, status: int) -> str:
        """The one line on standard error, of a command that ended so and printed nothing else."""
        assert (self.status, self.out) == (status, "")
        (line,) = self.err.splitlines()
        return line


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs glance-notify with the given words."""

    def run_command(*words: str) -> Ended:
        try:
            status = cli.main(list(words))
        except SystemExit as ended:
            status = int(ended.code or 0)
        printed = capsys.readouterr()
        return Ended(status, printed.out, printed.err)

    return run_command
