"""How much one target has not been sent yet, by the cursors that were saved and the files.

The numbers of notifications show how many are pending: only the first of them is read.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.aside import marks
from glance_notify_middleware.delivery.aside.marks import AsideCount
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.files import ForeignFileError, open_owned
from glance_notify_middleware.journal.layout import aside_path, segment_path
from glance_notify_middleware.journal.positions import Position

_CHUNK = 256 * 1024  # bytes that are read at a time
_WHOLE_ENTRY = 2 * (entries.MAX_BODY + 1024)  # bytes; half of them hold a whole entry


@dataclass(slots=True)
class Backlog:
    """What one target has not been sent yet: see TargetState.

    `dropped`: set aside, and dropped by an operator; the leader has not counted them yet. They are
    not in `pending`.
    """

    pending: int = 0
    dropped: int = 0
    oldest: float | None = None
    set_aside: dict[Priority, int] = field(default_factory=dict)

    def see(self, timestamp: float | None) -> None:
        """A pending notification has this timestamp."""
        if timestamp is not None and (self.oldest is None or timestamp < self.oldest):
            self.oldest = timestamp

    def add_journals(
        self,
        directory: Path,
        positions: Mapping[str, Position],
        segments: Mapping[str, Sequence[int]],
        ends: Mapping[str, int],
    ) -> None:
        """Add what is pending in the journals with these segments, behind these positions.

        `ends`: the number of the next notification of each journal. Raises OSError.
        """
        for identity, numbers in segments.items():
            place = positions.get(identity, Position(numbers[0], 0, None))
            number = 0 if (identity not in positions and numbers[0] == 0) else place.number
            if number is not None and number >= ends[identity]:
                continue
            found = _from(directory, identity, numbers, place)
            first = next(found, None)
            if first is None:
                self.pending += 0 if number is None else ends[identity] - number
                continue
            self.pending += max(0, ends[identity] - (first.number if number is None else number))
            self.see(_first_timestamp(first, found))

    def add_set_aside(self, directory: Path, target: str, section: Mapping[str, Any]) -> None:
        """Add what is set aside, by the target's section of cursors.json. Raises OSError."""
        offsets = section.get("aside", {})
        passed = section.get("aside_passed")  # an older version has not written it
        for priority in Priority:
            path = aside_path(directory, target, priority)
            before = None if passed is None else passed.get(priority, 0)
            found = _count_aside(path, offsets.get(priority, 0), before)
            self.pending += found.pending - found.dropped
            self.dropped += found.dropped
            if found.set_aside:
                self.set_aside[priority] = found.set_aside
                self.see(found.oldest)


def _count_aside(path: Path, offset: int, passed: int | None) -> AsideCount:
    try:
        fd = open_owned(path, os.O_RDONLY)
    except (FileNotFoundError, ForeignFileError):
        return AsideCount()
    try:
        # An offset behind the end is one in an earlier file.
        return marks.count(fd, 0 if offset > os.fstat(fd).st_size else offset, passed)
    finally:
        os.close(fd)


def _first_timestamp(first: Entry, found: Iterator[Entry]) -> float | None:
    """The timestamp of the first message; None where there is none that this version can read."""
    entry: Entry | None = first
    while entry is not None and entry.version <= entries.VERSION:
        if entry.kind == Kind.EVENTS:
            return entries.decode_messages(entry.body)[0].timestamp
        entry = next(found, None)
    return None


def _from(
    directory: Path, identity: str, segments: Sequence[int], place: Position
) -> Iterator[Entry]:
    """The entries of a journal from a position on, as they are needed."""
    for number in segments:
        if number >= place.segment:
            # Delivered, and removed meanwhile; or foreign.
            with contextlib.suppress(FileNotFoundError, ForeignFileError):
                offset = place.offset if number == place.segment else 0
                yield from _entries(segment_path(directory, identity, number), offset)


def _entries(segment: Path, offset: int) -> Iterator[Entry]:
    fd = open_owned(segment, os.O_RDONLY)
    try:
        size = _CHUNK
        while data := os.pread(fd, size, offset):
            end = 0
            for entry in entries.scan(data):
                end = entry.end
                yield entry
            if len(data) < size and not end:
                return
            if end:
                offset, size = offset + end, _CHUNK
            elif size == _CHUNK:
                size = _WHOLE_ENTRY
            else:
                offset += _WHOLE_ENTRY // 2
    finally:
        os.close(fd)
