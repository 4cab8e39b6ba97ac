"""A small `journal_max_size` beside a broker that takes all messages."""

import os
import time
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.journal.layout import file_sizes
from glance_notify_middleware.recorder import NotRecordedError
from tests.delivery.file_broker import AppendingStrategy, FileBroker, running_relay
from tests.delivery.test_assembly import REFUSE, settings
from tests.journal.processes import eventually, pipe, running

MIB = 1024 * 1024
SECONDS = 4.0
ENTRY = 1600  # bytes


class Delivered:
    """Counts the messages that a FileBroker has."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("rb")
        self._count = 0

    def count(self) -> int:
        self._count += self._file.read().count(b" ")  # one in each line
        return self._count


def record(
    directory: Path, broker: Path, bound: int, processes: int, count: int, result: Connection
) -> None:
    """Serve `count` requests over some seconds, as one of so many workers does; send how many were
    refused.

    Where the machine is too busy to deliver as fast, the clients wait: what all workers have
    recorded and the broker lacks is a third of the bound.
    """
    most_pending = bound * MIB // ENTRY // 3
    delivered = Delivered(broker)
    chosen = settings(directory, relay="external", journal_max_size=f"{bound}MiB", **REFUSE)
    recorder = assembly.recorder(chosen, {"rabbit": lambda: AppendingStrategy(directory)}, Host())
    refused = 0
    began = time.monotonic()
    for number in range(count):
        one = Notification(
            f"{os.getpid():020x}{number:016x}", "host", EventType.UPDATE, Priority.INFO, 0.0,
            {"name": "n" * 1300}, None, None, None,
        )  # fmt: skip
        try:
            if recorder.refuses():
                refused += 1
            else:
                recorder.record([one])
        except NotRecordedError:
            refused += 1
        time.sleep(max(0.0, began + number * SECONDS / count - time.monotonic()))
        while number * processes - delivered.count() > most_pending:
            time.sleep(0.02)
    result.send(refused)
    time.sleep(20)  # the process lives on, and maintains its journal


@pytest.mark.parametrize(
    ("bound", "processes", "each"), [(1, 1, 2000), (1, 6, 500), (2, 6, 1000), (1, 20, 100)]
)
def test_small_journal_loses_and_refuses_nothing_while_the_broker_takes_all(
    bound: int, processes: int, each: int, journal_dir: Path, broker: FileBroker
) -> None:
    with ExitStack() as stack:
        stack.enter_context(running_relay(journal_dir, lambda: AppendingStrategy(broker.path)))
        answers = []
        for _ in range(processes):
            from_it, result = pipe()
            answers.append(from_it)
            arguments = journal_dir, broker.path, bound, processes, each, result
            stack.enter_context(running(record, *arguments))
        most = 0

        def all_have_recorded() -> bool:
            nonlocal most
            most = max(most, sum(file_sizes(journal_dir).values()))
            return all(answer.poll() for answer in answers)

        eventually(all_have_recorded, 60.0)
        assert [answer.recv() for answer in answers] == [0] * processes
        eventually(lambda: len(broker.lines) == processes * each)
    in_two_seconds = processes * each * ENTRY * 2 / SECONDS
    assert most < bound * MIB * 1.25 + in_two_seconds
