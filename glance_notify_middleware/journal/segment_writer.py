"""Appends entries to the newest segment of this process, and begins the next when that is full."""

import contextlib
import secrets
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import clock, entries, files
from glance_notify_middleware.journal.capacity import Capacity
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.group_sync import sync_errors_logged
from glance_notify_middleware.journal.live_file import LiveFile
from glance_notify_middleware.journal.open_intents import OpenIntents
from glance_notify_middleware.journal.origin import Origin
from glance_notify_middleware.journal.positions import Position, delivered_positions
from glance_notify_middleware.journal.sealed import Remainder, SealedSegments
from glance_notify_middleware.journal.segment import Segment

_NEARLY_FULL = 1 / 4
"""The part of its share that a segment still has room for, when the next one is begun in time."""


class SegmentWriter:
    """The live file and the segments of one process. All is used under the lock of its journal.

    `number` is that of the next notification, `written` how many entries were appended so far.
    `remainders` have events that are to be recorded again.
    """

    def __init__(
        self,
        directory: Path,
        capacity: Capacity,
        counters: Counters,
        *,
        sync: bool,
        on_failure: Callable[[OSError], None],
    ) -> None:
        """Opens nothing. `counters` are what the process has counted.

        With `sync` a sealed segment is synced before an entry is appended to the next segment.
        `on_failure` gets the error of each append that has failed.
        """
        self.directory = directory
        self.identity: str | None = None
        self.live: LiveFile | None = None
        self.segment: Segment | None = None
        self.sealed = SealedSegments()
        self.remainders: deque[Remainder] = deque()
        self.intents = OpenIntents()
        self.number = 0
        self.written = 0
        self._next_segment = 0  # a number; a segment that could not be made has used up its own
        self._clock_offset = 0  # nanoseconds: see clock.namespace_offset
        self._capacity = capacity
        self._counters = counters
        self._sync = sync
        self._on_failure = on_failure

    def append(self, kind: Kind, body: bytes, count: int = 0, crc: int | None = None) -> None:
        """Append an entry with `count` notifications. Raises OSError and TooLongError.

        `crc` is `entries.checksum(body)`, where that is known already.
        """
        segment = self.segment or self.begin()
        if segment.size >= segment.limit:
            segment = self._next(segment)
        if crc is None:
            crc = entries.checksum(body)
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_offset
        data = entries.encode(kind, body, crc, count=count, number=self.number, clock=now)
        try:
            segment.append(data)
        except OSError as error:
            self._on_failure(error)
            raise
        self.written += 1
        self.number += count

    def begin(self) -> Segment:
        """Begin to live under a new identity; returns its first segment. Raises OSError.

        The live file is made before the segment: a segment without one counts as a dead process's.
        """
        # The identity is known before the live file exists: a relay in this process must not take
        # the file for that of a dead process.
        self.identity = identity = secrets.token_hex(8)
        self._next_segment = self.number = 0
        self._clock_offset = clock.namespace_offset()
        live: LiveFile | None = None
        try:
            live = LiveFile(self.directory, identity)
            self.segment = self._new_segment(self._head())
        except OSError as error:
            if live is not None:
                live.remove()
            self._on_failure(error)
            raise
        self.live = live
        return self.segment

    def turn_over(self, before: Segment) -> Segment:
        """Begin the segment that follows `before`, and return it. Raises OSError.

        Where somebody has removed `before`, the new segment begins with the content of the sealed
        segments that were removed before they were delivered, in their order, and then that of
        `before`. Messages of these segments that were delivered already are sent twice.

        The counters are written first: what they do not have yet must stand in the newest segment,
        as `before` may be delivered, and removed. Not where another process has taken this one for
        dead, and settles it by what the live file says.
        """
        with contextlib.suppress(OSError):
            if self.live is not None and self.live.relock():
                self.write_counters()
        is_removed = before.is_removed()
        lost = self.sealed.removed_undelivered(self.delivered) if is_removed else []
        before_it = b"".join(segment.content() for segment in lost)
        self.segment = self._new_segment(
            before_it + before.content() if is_removed else self._head()
        )
        self.sealed.close(lost)
        if self._sync:
            with sync_errors_logged():
                (self.segment if is_removed else before).sync()
        if is_removed:
            before.close()
        else:
            self.sealed.add(before)
        return self.segment

    def turn_over_in_time(self) -> None:
        """Begin the next segment where the newest one is nearly full, so that no request waits for
        that. Where none can be begun, the next request tries it once the segment is full."""
        before = self.segment
        if before is None or before.limit - before.size > self._capacity.share * _NEARLY_FULL:
            return
        with contextlib.suppress(OSError):
            if self._may_turn_over():
                self.turn_over(before)

    def write_counters(self) -> None:
        """Write into the live file what the process has counted. Raises OSError."""
        if self.live is not None:
            self.live.write(self.counted())

    def counted(self) -> dict[str, Any]:
        """What the live file holds: the counters, the `number` of the next notification, and the
        `place` behind the last entry: number of a segment, and bytes."""
        found = {"number": self.number, **self._counters.content()}
        if self.segment is not None:
            found["place"] = [self.segment.number, self.segment.size]
        return found

    def plan_turnover(self) -> None:
        """Set the size at which the newest segment is followed by the next one, by its share.

        That is its head and its share of the bound, or twice the head, if that is more: copies of
        open intents must not be most of what is written.
        """
        if self.segment is not None:
            self._set_limit(self.segment)

    def is_known_to_live(self) -> bool:
        """Whether a process that looks for dead ones takes this process for alive. Raises OSError.

        Then all that it has recorded so far will be read, and the sealed segments are released.
        """
        live, segment = self.live, self.segment
        if live is None or not live.relock() or not live.is_in_place():
            return False
        if segment is not None and not segment.is_removed():  # else it is turned over soon
            self.remainders += self.sealed.release(self.delivered)
        return True

    def delivered(self) -> Position | None:
        """How far this journal is known to be delivered to all strategies."""
        return delivered_positions(self.directory).get(str(self.identity))

    def end_copies(self, segment: Segment) -> None:
        """Append the end of each open intent to a segment of an earlier identity. Raises OSError.

        The intents go on under this identity. Whoever reads the earlier segments from then on does
        not report that their outcome is unknown.
        """
        segment.append(b"".join(self._encoded(Kind.END, key) for key in self.intents.by_key))

    def close(self) -> None:
        """Close all files: the process counts as dead from then on.

        A forked child closes what it has inherited; its parent keeps the lock.
        """
        if self.live is not None:
            self.live.close()
        if self.segment is not None:
            self.segment.close()
        for segment in [*self.sealed.take_all(), *(each.segment for each in self.remainders)]:
            segment.close()

    def _encoded(self, kind: Kind, body: bytes) -> bytes:
        now = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_offset
        crc = entries.checksum(body)
        return entries.encode(kind, body, crc, count=0, number=self.number, clock=now)

    def _next(self, before: Segment) -> Segment:
        """The next segment. Where none can be made, `before`, which may become longer."""
        with contextlib.suppress(OSError):
            if self._may_turn_over():
                return self.turn_over(before)
        before.limit += self._capacity.share
        return before

    def _may_turn_over(self) -> bool:
        """Whether one more segment may be sealed. Raises OSError."""
        return not self.sealed.is_full or self.is_known_to_live()

    def _head(self) -> bytes:
        """What a segment begins with: its origin, the intents that are open, and the mark."""
        origin = Origin.of_this_process().encode()
        return b"".join(
            [
                self._encoded(Kind.SEGMENT, origin),
                *(self._encoded(kind, body) for kind, body in self.intents.copies()),
            ]
        )

    def _new_segment(self, head: bytes) -> Segment:
        """A further segment, in which `head` stands. Raises OSError: then there is none."""
        number = self._next_segment
        self._next_segment += 1
        segment = Segment(self.directory, str(self.identity), number, head)
        if self._sync:
            with sync_errors_logged():
                files.sync_directory(self.directory)
        self._set_limit(segment)
        return segment

    def _set_limit(self, segment: Segment) -> None:
        segment.limit = segment.head_size + max(self._capacity.share, segment.head_size)
