"""A dispatcher with a connection, a scripted strategy, and a clock that the test moves."""

import json
from pathlib import Path

from glance_notify_middleware.delivery.connection import BackOff, Connection
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.dispatcher import Dispatcher
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.window import Window
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.positions import Position
from tests.delivery.scripted_strategy import ScriptedStrategy
from tests.journal.sample_journals import message

FIRST_WAIT = 0.2  # seconds
IDENTITY = "a" * 16
WARN = Priority.WARN


class DispatcherHarness:
    """Sends batches as a lane does, when the test says so."""

    def __init__(self, directory: Path, *, aside_max_size: int = 1024 * 1024) -> None:
        self.directory = directory
        self.strategy = ScriptedStrategy()
        self.now = 1000.0
        self._number = 0
        self._aside_max_size = aside_max_size
        self.begin_again()

    def begin_again(self, *, message_format: str = "plain") -> None:
        """Begin from the saved cursors, as the next leader does."""
        self.cursors = CursorFile(self.directory, ["scripted"]).of("scripted")
        self.subscription = Subscription(self.directory, self.cursors)
        self.connection = Connection(
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
        """Take the next messages of the journal, in a step for each or in one step `together`;
        returns their ids."""
        steps = [list(messages)] if together else [[message] for message in messages]
        for step in steps:
            self._number += len(step)
            place = Position(0, 1000 * self._number, self._number)
            self.window.take([Step(IDENTITY, step, place)])
        return [message.message_id for message in messages]

    def take_some(self, count: int) -> list[str]:
        """Take so many messages of priority INFO; returns their ids."""
        return self.take(*(message() for _ in range(count)))

    def send(self, times: int = 1) -> list[bool]:
        """Send so many batches; returns for each whether there may be more to send at once."""
        return [self._send_batch() for _ in range(times)]

    def send_all(self) -> None:
        """Send until there is nothing to send at this time of the clock."""
        self.send(20)

    def sent_since(self, batch: int) -> list[str]:
        """The ids that were sent in this batch, by its number, and in later ones."""
        return [message_id for ids in self.strategy.ids[batch:] for message_id in ids]

    def _send_batch(self) -> bool:
        batch = self.dispatcher.next_batch()
        return self.dispatcher.apply_outcomes(batch, self.connection.send(batch.messages))

    def keep_alive(self) -> None:
        self.connection.keep_alive(is_idle=self.dispatcher.is_idle)

    def wait(self, seconds: float) -> None:
        """Move the clock."""
        self.now += seconds

    @property
    def done(self) -> int:
        """How many notifications of the journal the cursor has passed."""
        place = self.cursors.positions.get(IDENTITY)
        return 0 if place is None else place.number or 0

    def dead_letters(self) -> list[str]:
        """The ids of the dead letters that are whole."""
        found = []
        for path in sorted(self.directory.glob("dead-*.jsonl")):
            for line in path.read_text().splitlines():
                try:
                    found.append(json.loads(line)["notification"]["message_id"])
                except ValueError:
                    continue
        return found

    def aside_files(self) -> list[str]:
        """The names of the aside files."""
        return [path.name for path in self.directory.glob("aside.*")]


def warning(body: bytes = b"{}") -> Message:
    return message(body, priority=WARN)


def message_with_id(priority: Priority = Priority.INFO, **more: str) -> Message:
    """A message whose JSON has its id, as that of every real message has."""
    made = message()
    body = json.dumps({"message_id": made.message_id, **more}).encode()
    return Message(made.message_id, made.event_type, priority, made.timestamp, body)
