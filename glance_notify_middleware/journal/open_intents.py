"""Which intents of a process are open, by the entries of its journal, in their order.

A segment begins with copies of the intents that were open when it was begun, and a mark behind the
last copy. So the newest segment that has its mark holds all of them, and the older ones can go.
"""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import KEY_SIZE, Entry, Kind
from glance_notify_middleware.journal.files import read_owned
from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.runtime.giving_way import give_way

_AT_ONCE = 64 * 1024  # bytes of a segment; their entries are read in about a millisecond

Facts = bytes
Progress = bytes


class OpenIntents:
    """The open intents of one process.

    `by_key`: the facts of each, and its latest progress, if there is any. `is_complete`: a mark
    was read, and all entries since, so that no open intent is missing.
    """

    def __init__(self) -> None:
        self.by_key: dict[bytes, tuple[Facts, Progress | None]] = {}
        self.is_complete = False
        self._before: dict[bytes, tuple[Facts, Progress | None]] = {}
        """The intents that were open when the segment that is being read was begun. Emptied at its
        mark: all that are still open are copied before it."""

    def begin(self, key: bytes, facts: Facts) -> None:
        """The intent `key` is open."""
        self.by_key[key] = facts, None

    def progress(self, key: bytes, progress: Progress) -> None:
        """The download of the intent `key`, if that is open, has come so far."""
        if key in self.by_key:
            self.by_key[key] = self.by_key[key][0], progress

    def end(self, key: bytes) -> None:
        """The intent `key` is not open any more."""
        self.by_key.pop(key, None)
        self._before.pop(key, None)

    def apply(self, kind: int, body: bytes) -> None:
        """Apply the next entry of the journal."""
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
        """The entries of a new segment after its first: copies of the open intents, then a mark."""
        for key, (facts, progress) in self.by_key.items():
            yield Kind.BEGIN, key + facts
            if progress is not None:
                yield Kind.PROGRESS, key + progress
        yield Kind.MARK, b""

    def finish(self) -> None:
        """All entries were applied. Where the last segment has no mark, the intents that were open
        before it are open, too: not all of them may have been copied."""
        self.by_key = self._before | self.by_key


def read_open_intents(
    directory: Path, identity: str, segments: Sequence[int]
) -> OpenIntents | None:
    """The open intents in the journal of a dead process; `segments` are the sorted numbers of all
    its segments.

    None where a newer version has written an entry: a relay of that version reads it. Raises
    OSError.
    """
    found = OpenIntents()
    for first in reversed(range(len(segments))):
        found = OpenIntents()
        for number in segments[first:]:
            for entry in _read(segment_path(directory, identity, number)):
                if entry.version > entries.VERSION:
                    return None
                found.apply(entry.kind, entry.body)
        found.finish()
        if found.is_complete:
            break
    return found


def _read(segment: Path) -> Iterator[Entry]:
    """The entries of a segment. Gives way once in _AT_ONCE bytes."""
    with contextlib.suppress(FileNotFoundError):  # another leader may have removed it
        data = read_owned(segment)
        gave_way_at = 0
        for entry in entries.scan(data):
            yield entry
            if entry.end - gave_way_at >= _AT_ONCE:
                gave_way_at = entry.end
                give_way()
