"""Segments that their process has turned over, until it is certain that all of them is read.

Whoever takes a living process for dead reads its segments to their end, and removes them later:
what the process appends in between is gone with them. So it keeps open what it has turned over
until it sees that its live file is in place, and the lock its own: nobody can have taken it for
dead before that, and who does so later reads all that was appended before.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.segment import Segment

_MOST = 64  # open files


@dataclass(slots=True)
class Remainder:
    """What is to be recorded again: the events of a segment from an offset on."""

    segment: Segment
    offset: int

    @classmethod
    def behind(cls, place: Position | None, segment: Segment) -> Self:
        """What is not known to be delivered, if that is known up to `place`."""
        if place is None or segment.number > place.segment:
            return cls(segment, 0)
        return cls(segment, place.offset if segment.number == place.segment else segment.size)

    def records(self) -> Iterator[Entry]:
        """Each of them; those that were taken do not come again. Raises OSError."""
        begin = self.offset
        for record in entries.scan(self.segment.content()[begin:]):
            if record.kind == Kind.EVENTS:
                yield record
            self.offset = begin + record.end


class SealedSegments:
    """Those of one process, since it was last seen to live."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []

    @property
    def is_full(self) -> bool:
        """Whether no further one can be kept open."""
        return len(self._segments) >= _MOST

    def add(self, segment: Segment) -> None:
        """Nothing more is appended to it."""
        self._segments.append(segment)

    def release(self, place: Callable[[], Position | None]) -> list[Remainder]:
        """The process is seen to live: close them. What was removed, and was not delivered, as
        `place` tells how far that is known, is returned open. Raises OSError."""
        left = self.removed_undelivered(place)
        for each in self._segments:
            if each not in left:
                each.close()
        self._segments = []
        return [Remainder(each, 0) for each in left]

    def removed_undelivered(self, place: Callable[[], Position | None]) -> list[Segment]:
        """Those that were removed, and were not delivered, as `place` tells how far that is known;
        they stay here. Raises OSError."""
        removed = [each for each in self._segments if each.is_removed()]
        known = place() if removed else None
        return [each for each in removed if known is None or each.number >= known.segment]

    def close(self, segments: list[Segment]) -> None:
        """These of them are not needed any more."""
        self._segments = [each for each in self._segments if each not in segments]
        for each in segments:
            each.close()

    def take_all(self) -> list[Segment]:
        """Have them; they are open."""
        taken, self._segments = self._segments, []
        return taken
