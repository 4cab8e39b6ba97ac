"""What a leader has in its hands, without a strategy: a test says what is delivered."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.delivery.settling import Settling
from glance_notify_middleware.delivery.subscription import Subscription
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
        """Send what there is to send; the ids."""
        steps = self.reader.read(10**9)
        self.subscription.window.take(steps)
        return ids(steps)

    def confirm(self) -> None:
        """The broker has taken all that was sent."""
        window = self.subscription.window
        for pending in window.waiting():
            pending.is_done = True
        window.advance()

    def deliver(self) -> list[str]:
        found = self.read()
        self.confirm()
        return found


class FakeLeader(FakeLane):
    """Those of one leader, and its settling; the `others` are those of further strategies."""

    def __init__(self, directory: Path, *others: str) -> None:
        file = CursorFile(directory, ["rabbit", *others])
        super().__init__(directory, file.of("rabbit"))
        self.others = [FakeLane(directory, file.of(name)) for name in others]
        self.unknown: list[Notification] = []  # what was told of operations that were cut
        self.has_room = True  # for that
        subscriptions = [each.subscription for each in (self, *self.others)]
        self.settling = Settling(directory, subscriptions, self._record)

    def survey(self, ours: str | None = None) -> None:
        self.settling.survey(lambda: ours)

    def settle(self) -> None:
        """As long as it takes: find the dead, read them to their end, remove them."""
        for _ in range(3):
            self.survey()
            for each in (self, *self.others):
                each.deliver()

    def _record(self, unknown: Sequence[Notification]) -> bool:
        if self.has_room:
            self.unknown += unknown
        return self.has_room

    def close(self) -> None:
        self.settling.close()
        for each in (self, *self.others):
            each.reader.close()
        self.cursors.save(at_once=True)


def write_dead_process(
    directory: Path, identity: str, count: int = 2, **counters: Any
) -> list[str]:
    """The files of a process that has recorded `count` notifications and has died; their ids."""
    made = [message() for _ in range(count)]
    write_segment(directory, identity, [(at, each) for at, each in enumerate(made, 5)])
    told = {"number": count, "recorded": {"image.update INFO": count}, "dropped": {}, **counters}
    live_path(directory, identity).write_bytes(checksummed.dumps(told))
    return [each.message_id for each in made]


def read_totals(directory: Path) -> tuple[Counter[str], Counter[str]]:
    """Recorded and dropped, of all processes that have been settled."""
    found = checksummed.load(directory / "totals.json") or {}
    return Counter(found.get("recorded", {})), Counter(found.get("dropped", {}))


def journal_file_names(directory: Path) -> set[str]:
    """Segments and live files."""
    live = {path.name for path in directory.glob("*.live")}
    return {path.name for path in segments(directory)} | live
