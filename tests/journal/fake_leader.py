"""A leader without strategies and threads: the test says what is read, sent and confirmed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.delivery.settling import Settling
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.reader import Reader
from tests.journal.sample_journals import ids, message, segments, write_segment


class FakeLane:
    """The subscription of one strategy."""

    def __init__(self, directory: Path, cursors: Cursors) -> None:
        self.subscription = Subscription(directory, cursors)
        self.cursors = cursors

    @property
    def reader(self) -> Reader:
        return self.subscription.reader

    def read(self) -> list[str]:
        """Read all that there is, and send it; returns the ids of the messages."""
        steps = self.reader.read(10**9)
        self.subscription.window.take(steps)
        return ids(steps)

    def confirm(self) -> None:
        """The broker confirms all that was sent."""
        window = self.subscription.window
        for pending in window.waiting():
            pending.done = Done.TAKEN
        window.advance()

    def deliver(self) -> list[str]:
        """Read, send and confirm; returns the ids of the messages."""
        found = self.read()
        self.confirm()
        return found


class FakeLeader(FakeLane):
    """A leader whose strategies are `rabbit` and `others`. It is itself the lane of `rabbit`.

    `unknown` are the notifications that it has recorded of unknown outcomes; with `has_room` False
    it cannot record them.
    """

    def __init__(self, directory: Path, *others: str) -> None:
        file = CursorFile(directory, ["rabbit", *others])
        super().__init__(directory, file.of("rabbit"))
        self.others = [FakeLane(directory, file.of(name)) for name in others]
        self.unknown: list[Notification] = []
        self.has_room = True
        subscriptions = [each.subscription for each in (self, *self.others)]
        self.settling = Settling(directory, subscriptions, self._record)

    def survey(self, own_identity: str | None = None) -> None:
        """Look once for dead processes, and for what can be removed."""
        self.settling.survey(lambda: own_identity)

    def settle(self) -> None:
        """Survey and deliver until all dead processes are settled."""
        for _ in range(3):
            self.survey()
            for each in (self, *self.others):
                each.deliver()

    def _record(self, unknown: Sequence[Notification]) -> bool:
        if self.has_room:
            self.unknown += unknown
        return self.has_room

    def close(self) -> None:
        """Close its files, and save the cursors."""
        self.settling.close()
        for each in (self, *self.others):
            each.reader.close()
        self.cursors.save(at_once=True)


def write_dead_process(
    directory: Path, identity: str, count: int = 2, **counters: Any
) -> list[str]:
    """Write the files of a process that has recorded `count` notifications and has died.

    Returns the ids of the notifications. `counters` replace parts of its live file.
    """
    made = [message() for _ in range(count)]
    write_segment(directory, identity, [(at, each) for at, each in enumerate(made, 5)])
    content = {"number": count, "recorded": {"image.update INFO": count}, "dropped": {}, **counters}
    live_path(directory, identity).write_bytes(checksummed.dumps(content))
    return [each.message_id for each in made]


def read_totals(directory: Path) -> tuple[Counter[str], Counter[str]]:
    """How many events the settled processes have recorded, and how many they have dropped."""
    found = checksummed.load(directory / "totals.json") or {}
    return Counter(found.get("recorded", {})), Counter(found.get("dropped", {}))


def journal_file_names(directory: Path) -> set[str]:
    """The names of the segments and live files that lie there."""
    live = {path.name for path in directory.glob("*.live")}
    return {path.name for path in segments(directory)} | live
