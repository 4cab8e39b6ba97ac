"""A strategy that answers as it is told, a clock that stands, and a delivery that has both."""

import json
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.connection import Connection as BrokerConnection
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.dispatcher import Dispatcher
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.window import Window
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Step
from glance_notify_middleware.strategies import Outcome, SendError
from tests.journal.sample_journals import message

Answer = Callable[[Message], Outcome]

FIRST_WAIT = 0.2
IDENTITY = "a" * 16


def taken(_: Message) -> Outcome:
    return Outcome.TAKEN


class Scripted:
    """A strategy. `errors` come first, one for each call; then `answer` decides."""

    def __init__(self, answer: Answer = taken) -> None:
        self.answer = answer
        self.errors: list[SendError] = []
        self.batches: list[list[Message]] = []
        self.is_closed = False

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.batches.append(list(batch))
        if self.errors:
            raise self.errors.pop(0)
        return [self.answer(each) for each in batch]

    def keep_alive(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def close(self) -> None:
        self.is_closed = True

    @property
    def ids(self) -> list[list[str]]:
        """Of each batch."""
        return [[each.message_id for each in batch] for batch in self.batches]


class Connecting(Scripted):
    """One that can connect without a message, and knows why. `connect_errors` come first."""

    def __init__(self) -> None:
        super().__init__()
        self.connect_errors: list[SendError] = []
        self.connects = 0

    def connect(self) -> None:
        self.connects += 1
        if self.connect_errors:
            raise self.connect_errors.pop(0)

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        return f"why {priority} was {outcome.value}"


class Bench:
    """A delivery and all that it works with; time passes when the test says so."""

    def __init__(self, directory: Path, *, aside_max_size: int = 1024 * 1024) -> None:
        self.directory = directory
        self.strategy = Scripted()
        self.now = 1000.0
        self._number = 0
        self._aside_max_size = aside_max_size
        self.begin_again()

    def begin_again(self, *, message_format: str = "plain") -> None:
        """As the next leader does: from the cursors that were saved."""
        self.cursors = CursorFile(self.directory, ["scripted"]).of("scripted")
        self.subscription = Subscription(self.directory, self.cursors)
        self.connection = BrokerConnection(
            "scripted",
            self.strategy,
            self.directory,
            message_format=message_format,
            back_off=BackOff(FIRST_WAIT, 30.0),
            clock=lambda: self.now,
        )
        self.dispatcher = Dispatcher(
            "scripted",
            self.connection,
            self.subscription,
            self.directory,
            back_off=BackOff(FIRST_WAIT, 30.0),
            aside_max_size=self._aside_max_size,
            clock=lambda: self.now,
        )

    @property
    def window(self) -> Window:
        return self.subscription.window

    def take(self, *messages: Message, together: bool = False) -> list[str]:
        """The next messages of the journal, a step for each, or one for all; their ids."""
        steps = [list(messages)] if together else [[each] for each in messages]
        for each in steps:
            self._number += len(each)
            place = Position(0, 1000 * self._number, self._number)
            self.window.take([Step(IDENTITY, each, place)])
        return [each.message_id for each in messages]

    def take_some(self, count: int) -> list[str]:
        return self.take(*(message() for _ in range(count)))

    def send(self, times: int = 1) -> list[bool]:
        """As a lane does it, so many times: whether there may be more to send at once."""
        return [self._send_batch() for _ in range(times)]

    def _send_batch(self) -> bool:
        batch = self.dispatcher.next_batch()
        return self.dispatcher.settle(batch, self.connection.send(batch.messages))

    def keep_alive(self) -> None:
        self.connection.keep_alive(is_idle=self.dispatcher.is_idle)

    def wait(self, seconds: float) -> None:
        self.now += seconds

    @property
    def done(self) -> int:
        """How many notifications of the journal the cursor has passed."""
        place = self.cursors.positions.get(IDENTITY)
        return 0 if place is None else place.number or 0

    def dead_letters(self) -> list[str]:
        """The ids of those that are whole in the files of dead letters."""
        found = []
        for path in sorted(self.directory.glob("dead-*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    found.append(json.loads(line)["notification"]["message_id"])
                except ValueError:
                    continue
        return found


def letter(**more: str) -> Message:
    """A message whose JSON has its id, as all of ours have."""
    made = message()
    body = json.dumps({"message_id": made.message_id, **more}).encode()
    return Message(made.message_id, made.event_type, made.priority, made.timestamp, body)


def lines(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """What was logged from `level` on."""
    return [each.getMessage() for each in caplog.records if each.levelno >= level]
