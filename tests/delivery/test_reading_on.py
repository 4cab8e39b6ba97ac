"""A lane reads the next messages while its strategy waits for the broker."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.lane import JournalAccess, Lane, Route
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import entries
from glance_notify_middleware.strategies import Outcome
from tests.delivery.file_broker import ASIDE_MAX_SIZE, AppendingStrategy, FileBroker
from tests.journal.processes import eventually
from tests.journal.sample_journals import MakeJournal, message, record_each


class ReadingOn(AppendingStrategy):
    """A strategy whose broker confirms a batch when `waiting` has returned."""

    read_on: Callable[[], bool]

    def __init__(self, path: Path, waiting: Callable[["ReadingOn"], object]) -> None:
        super().__init__(path)
        self.waiting = waiting
        self.batches: list[int] = []

    def overlap(self, read_on: Callable[[], bool]) -> None:
        self.read_on = read_on

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        outcomes = super().send(batch)
        self.batches.append(len(batch))
        self.waiting(self)
        return outcomes


class Delivery:
    """A lane in a thread, and the errors that have ended its work."""

    def __init__(self, directory: Path, waiting: Callable[[ReadingOn], object]) -> None:
        self.broker = FileBroker(directory / "broker")
        self.strategy = ReadingOn(self.broker.path, waiting)
        self.access = JournalAccess(directory)
        self.errors: list[Exception] = []
        route = Route("rabbit", lambda: self.strategy, "plain", BackOff(0.05, 0.2), ASIDE_MAX_SIZE)
        cursors = CursorFile(directory, ["rabbit"]).of("rabbit")
        report = lambda name, error: self.errors.append(error)  # noqa: E731
        self.lane = Lane(self.access, route, cursors, report)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self.lane.run, args=(self._over,))

    def __enter__(self) -> "Delivery":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)
        assert not self._thread.is_alive()

    @property
    def read_ahead(self) -> int:
        """How many messages were read and are not in the window."""
        chains = self.lane.subscription.reader.chains.values()
        return sum(len(step.messages) for chain in chains for _, step in chain.ahead)


def test_messages_that_are_read_while_the_broker_confirms_are_sent_next(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    recorded = record_each(make_journal(), [message(bytes(1000)) for _ in range(1100)])
    ahead: list[int] = []

    def waiting(strategy: ReadingOn) -> None:
        while strategy.read_on():
            pass
        ahead.append(delivery.read_ahead)

    delivery = Delivery(tmp_path, waiting)
    with delivery:
        eventually(delivery.broker.has(recorded))
    assert delivery.strategy.batches == [500, 500, 100]
    assert ahead == [600, 100, 0]
    assert delivery.broker.ids == recorded


def test_reading_on_does_not_wait_for_the_lock(make_journal: MakeJournal, tmp_path: Path) -> None:
    """The survey of the leader can hold it for long."""
    recorded = record_each(make_journal(), [message(bytes(1000)) for _ in range(700)])
    answers: list[bool] = []

    def waiting(strategy: ReadingOn) -> None:
        with delivery.access.lock:
            reading = threading.Thread(target=lambda: answers.append(strategy.read_on()))
            reading.daemon = True
            reading.start()
            reading.join(30)
            assert not reading.is_alive()

    delivery = Delivery(tmp_path, waiting)
    with delivery:
        eventually(delivery.broker.has(recorded))
    assert not delivery.errors
    assert answers == [False, False]
    assert delivery.broker.ids == recorded


def test_error_of_reading_on_is_left_to_the_next_batch(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = record_each(make_journal(), [message(bytes(1000)) for _ in range(700)])
    answers: list[bool] = []

    def waiting(strategy: ReadingOn) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(entries, "decode_messages", raise_memory_error)
            answers.append(strategy.read_on())

    delivery = Delivery(tmp_path, waiting)
    with delivery:
        eventually(delivery.broker.has(recorded))
    assert not delivery.errors
    assert not any(answers)
    assert delivery.broker.ids == recorded


def raise_memory_error(*_: object) -> list[Message]:
    raise MemoryError
