"""Which intents of a process stand open: what its records say, one after the other.

A segment begins with copies of the intents that were open then, and a mark behind the last one: so
the newest segment that has its mark tells all of them, and the older ones can go.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import KEY_SIZE, Entry, Kind
from glance_notify_middleware.journal.files import read_owned
from glance_notify_middleware.journal.layout import segment_path

Facts = bytes
Progress = bytes


class OpenIntents:
    """The open intents, each by its key: its facts, and the latest progress, if there is any."""

    def __init__(self) -> None:
        self.by_key: dict[bytes, tuple[Facts, Progress | None]] = {}
        self.is_complete = False  # a mark was seen, since which every record was taken
        self._before: dict[bytes, tuple[Facts, Progress | None]] = {}  # of the segment that is read

    def begin(self, key: bytes, facts: Facts) -> None:
        """It stands open."""
        self.by_key[key] = facts, None

    def progress(self, key: bytes, told: Progress) -> None:
        """It is a download that has come so far."""
        if key in self.by_key:
            self.by_key[key] = self.by_key[key][0], told

    def end(self, key: bytes) -> None:
        """It is no longer open."""
        self.by_key.pop(key, None)
        self._before.pop(key, None)

    def apply(self, kind: int, body: bytes) -> None:
        """Take a record of the journal, in order."""
        key, rest = body[:KEY_SIZE], body[KEY_SIZE:]
        match kind:
            case Kind.BEGIN:
                self.begin(key, rest)
            case Kind.PROGRESS:
                self.progress(key, rest)
            case Kind.EVENTS | Kind.END:
                self.end(key)
            case Kind.SEGMENT:
                self._before = self.by_key
                self.by_key = {}
            case Kind.MARK:
                self._before, self.is_complete = {}, True

    def copies(self) -> Iterator[tuple[Kind, bytes]]:
        """The records that a segment begins with, without its first; the mark is the last one."""
        for key, (facts, progress) in self.by_key.items():
            yield Kind.BEGIN, key + facts
            if progress is not None:
                yield Kind.PROGRESS, key + progress
        yield Kind.MARK, b""

    def finish(self) -> None:
        """There is nothing more to take, and the mark is lost: not all may have been copied."""
        self.by_key = self._before | self.by_key


def read_open_intents(
    directory: Path, identity: str, segments: Sequence[int]
) -> OpenIntents | None:
    """What stands open in the journal of a dead process; `segments` are the sorted numbers of all.

    None where a newer version has written it: it is not for us to read. Raises OSError.
    """
    found = OpenIntents()
    for first in reversed(range(len(segments))):
        found = OpenIntents()
        for number in segments[first:]:
            for record in _read(segment_path(directory, identity, number)):
                if record.version > entries.VERSION:
                    return None
                found.apply(record.kind, record.body)
        found.finish()
        if found.is_complete:
            break
    return found


def _read(segment: Path) -> Iterator[Entry]:
    with contextlib.suppress(FileNotFoundError):  # another leader may have been here
        yield from entries.scan(read_owned(segment))
