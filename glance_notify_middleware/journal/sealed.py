"""Sealed segments: their process appends to a later segment, and keeps them open for a while.

Whoever takes a living process for dead reads its segments to their end, and removes them later.
What the process appends in between goes with them. So a process keeps a sealed segment open until
it sees that its live file is in place and that the lock of the live file is its own. Nobody can
have taken it for dead before that moment, and whoever does so later reads all that was appended
before it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.segment import Segment

_MOST_OPEN = 64  # sealed segments of one process that are open at a time


@dataclass(slots=True)
class Remainder:
    """A part of a segment whose events are to be recorded again: all from `offset` on."""

    segment: Segment
    offset: int  # bytes

    @classmethod
    def behind(cls, position: Position | None, segment: Segment) -> Self:
        """What of `segment` is not known to be delivered; `position` is how far that is known."""
        if position is None or segment.number > position.segment:
            return cls(segment, 0)
        return cls(segment, position.offset if segment.number == position.segment else segment.size)

    def entries(self) -> Iterator[Entry]:
        """Its entries with events. One that was taken does not come again. Raises OSError."""
        start = self.offset
        for entry in entries.scan(self.segment.content()[start:]):
            if entry.kind == Kind.EVENTS:
                yield entry
            self.offset = start + entry.end


class SealedSegments:
    """The sealed segments of one process since the process last saw that it counts as alive."""

    def __init__(self) -> None:
        self._segments: list[Segment] = []

    @property
    def is_full(self) -> bool:
        """Whether no further segment can be kept open."""
        return len(self._segments) >= _MOST_OPEN

    def add(self, segment: Segment) -> None:
        """Nothing more is appended to `segment`."""
        self._segments.append(segment)

    def release(self, delivered: Callable[[], Position | None]) -> list[Remainder]:
        """The process counts as alive: close the segments.

        Those that were removed before they were delivered are returned, still open. `delivered`
        gives how far the journal is known to be delivered. Raises OSError.
        """
        removed = self.removed_undelivered(delivered)
        for segment in self._segments:
            if segment not in removed:
                segment.close()
        self._segments = []
        return [Remainder(segment, 0) for segment in removed]

    def removed_undelivered(self, delivered: Callable[[], Position | None]) -> list[Segment]:
        """The segments that were removed before they were delivered; they stay here.

        `delivered` gives how far the journal is known to be delivered. Raises OSError.
        """
        removed = [segment for segment in self._segments if segment.is_removed()]
        known = delivered() if removed else None
        return [each for each in removed if known is None or each.number >= known.segment]

    def close(self, segments: list[Segment]) -> None:
        """Close these of the segments: they are not needed any more."""
        self._segments = [each for each in self._segments if each not in segments]
        for segment in segments:
            segment.close()

    def take_all(self) -> list[Segment]:
        """Hand all segments, open, to the caller."""
        taken, self._segments = self._segments, []
        return taken
