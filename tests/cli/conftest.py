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
