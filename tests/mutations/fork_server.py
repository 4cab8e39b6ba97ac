"""Runs pytest in forks of this process, which has imported the slow libraries of most tests before.

It runs the tests of the folder in which it is started. A line of its input is a JSON array: the
file for the output of pytest, then pytest's arguments. The line that answers is pytest's exit
status.
"""

import gc
import importlib
import json
import os
import signal
import sys
from typing import NoReturn

import pytest

LIBRARIES = (
    *("hypothesis.strategies", "webob"),
    *("amqp", "cliff.app", "cliff.lister", "cryptography.x509", "prometheus_client", "proton"),
    *("requests", "urllib3"),
)
"""What the tests import, for more than half of the time of a short run; nothing of this project,
which a fork imports with the mistake in it."""

SECONDS = 120
"""No test of the table takes longer. A run that does is killed: its status is -14 (SIGALRM)."""


def main() -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # a fork need not look through all of that for garbage
    for line in sys.stdin:
        output, *arguments = json.loads(line)
        fork = os.fork()
        if not fork:
            _run(output, arguments)
        _, status = os.waitpid(fork, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(output: str, arguments: list[str]) -> NoReturn:
    """Run pytest, with `output` as stdout and stderr and with an empty stdin; end this process with
    its exit status."""
    signal.alarm(SECONDS)
    with open(os.devnull) as nothing, open(output, "w") as written:
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    status = pytest.main(arguments)
    sys.stdout.flush()
    os._exit(status)  # at once: to take down all that was imported takes as long as a short test


if __name__ == "__main__":
    main()
