"""Which intents of a process stand open: what its records say, one after the other.

A segment begins with copies of the intents that were open then, and a mark behind the last one: so
the newest segment that has its mark tells all of them, and the older ones can go.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.journal import records
from glance_notify_middleware.journal.directory import segment_path
from glance_notify_middleware.journal.records import INTENT, Kind, Record

Facts = bytes
Progress = bytes


class OpenIntents:
    """The open intents, each by its key: its facts, and the latest progress, if there is any."""

    def __init__(self) -> None:
        self.by_key: dict[bytes, tuple[Facts, Progress | None]] = {}
        self.is_whole = False  # a mark was seen, since which every record was taken
        self._copies: dict[bytes, tuple[Facts, Progress | None]] | None = None

    def take(self, kind: int, body: bytes) -> None:
        """Take a record of the journal, in order."""
        known = self.by_key if self._copies is None else self._copies
        key = body[:INTENT]
        if kind in (Kind.EVENTS, Kind.END):
            known.pop(key, None)
            self.by_key.pop(key, None)
        elif kind == Kind.BEGIN:
            known[key] = body[INTENT:], None
        elif kind == Kind.PROGRESS and key in known:
            known[key] = known[key][0], body[INTENT:]
        elif kind == Kind.SEGMENT:
            self._copies = {}
        elif kind == Kind.MARK:
            self.by_key, self._copies, self.is_whole = known, None, True

    def copies(self) -> Iterator[tuple[Kind, bytes]]:
        """The records that a segment begins with, without its first; the mark is the last one."""
        for key, (facts, progress) in self.by_key.items():
            yield Kind.BEGIN, key + facts
            if progress is not None:
                yield Kind.PROGRESS, key + progress
        yield Kind.MARK, b""

    def without_mark(self) -> None:
        """There is nothing more to take: what was copied stands open, though its mark is lost."""
        self.by_key |= self._copies or {}


def left_open(directory: Path, identity: str, segments: Sequence[int]) -> OpenIntents | None:
    """What stands open in the journal of a dead process; `segments` are the sorted numbers of all.

    None where a newer version has written it: it is not for us to read. Raises OSError.
    """
    found = OpenIntents()
    for first in reversed(range(len(segments))):
        found = OpenIntents()
        for number in segments[first:]:
            for record in _read(segment_path(directory, identity, number)):
                if record.version > records.VERSION:
                    return None
                found.take(record.kind, record.body)
        if found.is_whole:
            return found
    found.without_mark()
    return found


def _read(segment: Path) -> Iterator[Record]:
    with contextlib.suppress(FileNotFoundError):  # another leader may have been here
        yield from records.scan(segment.read_bytes())
