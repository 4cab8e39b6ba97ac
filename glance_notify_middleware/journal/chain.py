"""The journal of one process as it is read: its segments in their order, from a position on."""

import os
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind, Wants
from glance_notify_middleware.journal.files import open_owned
from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.journal.origin import Origin
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.giving_way import give_way

CHUNK = 64 * 1024
"""Bytes that are read of one journal at a time; less, if there are many journals. The messages in
them take about a millisecond."""

_EVENTS = int(Kind.EVENTS)  # faster to compare than the member; each entry is compared
_WHOLE_ENTRY = entries.MAX_BODY + 1024  # bytes in which a whole entry is found, if there is one
_OPEN_FILES = 64


@dataclass(slots=True)
class Step:
    """One entry with messages, and the position behind it.

    Entries without messages that follow it belong to the step, and the position is behind them. A
    step without messages only moves the position.
    """

    identity: str
    messages: list[Message]
    after: Position
    first: int = 0  # the number of its first message, or of the next one where it has none
    numbers: Sequence[int] = ()  # those of its messages; none where the entry counts none
    lost: int = 0  # notifications that were recorded before it, and are damaged or removed
    gone: bool = False  # they were in a segment that was removed
    is_repeat: bool = False  # its messages are recorded again: they were counted before
    skipped: int = 0  # messages of the entry that are not for the target that reads
    last: int | None = None  # the number of the last message so far that the target gets

    def select(self, selection: Selection) -> None:
        """Keep the messages that the target gets, as it gets them."""
        found = [selection.message(message) for message in self.messages]
        kept = [message for message in found if message is not None]
        self.skipped = len(found) - len(kept)
        if self.skipped:
            self.numbers = [
                number
                for number, message in zip(self.numbers, found, strict=False)
                if message is not None
            ]
        self.messages = kept


class OpenFiles:
    """The segments that are being read; at most _OPEN_FILES of them are open at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: OrderedDict[tuple[str, int], int] = OrderedDict()
        self._read = 0  # bytes, since other threads were let run

    def read(self, identity: str, segment: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset` on; b"" where the file is missing: another leader may
        have removed it. Gives way once in CHUNK bytes. Raises OSError."""
        key = identity, segment
        if key not in self._open:
            path = segment_path(self._directory, identity, segment)
            try:
                self._open[key] = open_owned(path, os.O_RDONLY)
            except FileNotFoundError:
                return b""
            if len(self._open) > _OPEN_FILES:
                os.close(self._open.popitem(last=False)[1])
        self._open.move_to_end(key)
        data = os.pread(self._open[key], size, offset)
        self._read += len(data)
        if self._read >= CHUNK:
            self._read = 0
            give_way()
        return data

    def close(self, identity: str, segment: int) -> None:
        """Close a segment, if it is open."""
        fd = self._open.pop((identity, segment), None)
        if fd is not None:
            os.close(fd)

    def close_all(self) -> None:
        """Close all segments; `read` opens them again."""
        while self._open:
            os.close(self._open.popitem()[1])


@dataclass(slots=True)
class Chain:
    """The segments of one process, as they are read from a position on."""

    identity: str
    position: Position  # behind the last entry that is in `ahead`
    origin: Origin | None = None  # of the segment; None: its first entry is damaged
    wants: Wants | None = None  # see entries.decode_messages
    is_dead: bool = False
    is_astray: bool = False  # the segment was written by a clock that cannot be compared
    is_newer: bool = False  # a newer version wrote the next entry: a relay of that version reads it
    at_end: bool = False  # there is nothing more to read; what a dead process left there is torn
    lacks_segment: bool = False  # a segment before the next entry is missing
    ahead: deque[tuple[int, Step]] = field(default_factory=deque)  # read ahead, with their clocks

    @property
    def is_finished(self) -> bool:
        """Whether the process is dead, and all that it has recorded was taken from `ahead`."""
        return self.is_dead and self.at_end and not self.ahead

    def load(self, files: OpenFiles, segments: list[int], chunk: int) -> None:
        """Read the next entries into `ahead`, if there are any: those in the next `chunk` bytes, or
        one entry. `segments` are the sorted numbers of the listed segments. Raises OSError."""
        while True:
            at = self.position.segment
            if at in segments and self._load_segment(files, chunk):
                return
            later = [number for number in segments if number > at]
            if not later:
                self.at_end = True
                return
            self.lacks_segment |= at not in segments or later[0] > at + 1
            files.close(self.identity, at)
            self.position = Position(later[0], 0, self.position.number)
            self.origin = None
            self.is_astray = False

    def read_on(self, files: OpenFiles, chunk: int, most: int) -> bool:
        """Read the entries in the next `chunk` bytes of the same segment into `ahead`, unless the
        entries there have `most` bytes already. Returns whether there were any. Raises OSError.

        What follows this segment only `load` can find: by a list of the segments that was made
        after all that is in `ahead`.
        """
        begun = self.position
        if not self.ahead or begun.offset - self.ahead[0][1].after.offset >= most:
            return False
        self._load_segment(files, chunk)
        return self.position.offset > begun.offset

    def goes_on(self, files: OpenFiles, segments: list[int]) -> bool:
        """Whether a process that was taken for dead has recorded more since all was read: then it
        lives, and `at_end` becomes False. `segments` are as in `load`, which finds no removed one.
        Raises OSError."""
        identity, (at, offset, _) = self.identity, self.position
        rest = files.read(identity, at, _WHOLE_ENTRY, offset) if at in segments else b""
        if segments[-1:] > [at] or any(True for _ in entries.scan(rest)):
            self.at_end = False
        return not self.at_end

    def lost_at_end(self, files: OpenFiles, counted: int | None) -> int:
        """How many notifications of a dead process are lost behind the last good entry.

        `counted` is the `number` in its live file: what the process itself had counted when the
        file was last written. An entry in the middle of which the process was killed does not
        count: no answer was complete by then. Raises OSError.
        """
        number = self.position.number
        if number is None:
            return 0
        rest = files.read(self.identity, self.position.segment, _WHOLE_ENTRY, self.position.offset)
        return max(entries.damaged_count(rest), (counted or 0) - number)

    def _load_segment(self, files: OpenFiles, chunk: int) -> bool:
        identity, segment, offset = self.identity, self.position.segment, self.position.offset
        if self.origin is None:
            self.origin = Origin.decode(files.read(identity, segment, CHUNK, 0))
        for size in (chunk, _WHOLE_ENTRY):
            data = files.read(identity, segment, size, offset)
            for entry in entries.scan(data):
                if entry.version > entries.VERSION:
                    self.is_newer = True
                    break
                self._take(entry, offset + entry.end)
                if entry.end > chunk:
                    break
            if self.ahead or self.is_newer:
                return True
            if len(data) < size:
                return False
        return False

    def _take(self, entry: Entry, end: int) -> None:
        segment, _, expected = self.position
        first, count, known = entry.number, entry.count, expected or 0
        after = Position(segment, end, first + count if first + count > known else known)
        lost = first - expected if expected is not None and first > expected else 0
        is_events = entry.kind == _EVENTS
        if not is_events and not lost and self.ahead:
            self.position = self.ahead[-1][1].after = after  # it belongs to the step before it
            return
        # First: an entry over whose messages an error comes is read again.
        messages = entries.decode_messages(entry.body, self.wants) if is_events else []
        step = Step(
            self.identity,
            messages,
            after,
            first,
            range(first, first + count),
            lost,
            gone=self.lacks_segment,
            is_repeat=not count or first < known,
        )
        self.position = after
        self.lacks_segment = False
        self.ahead.append((entry.clock, step))
