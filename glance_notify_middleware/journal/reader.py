"""Reads the journals of all processes of a node, in the order in which their entries were made.

A pass takes the clock, then lists the directory, then reads, and returns the entries up to that
time. If operation B began after the answer of operation A was read, A's entry was in its file
before the clock of B's entry was taken: a pass that returns B has read A. Entries that are later
than the clock of a pass wait for the next pass.
"""

import heapq
import os
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import clock, entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.files import open_owned
from glance_notify_middleware.journal.layout import listing, segment_path
from glance_notify_middleware.journal.origin import Origin, boot_id
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.own_log import log_error

_CHUNK = 64 * 1024  # bytes that are read of one journal at a time; less, if there are many
_READ_AHEAD = 1024 * 1024  # bytes that are read ahead of all journals together
_MIN_CHUNK = 4 * 1024  # bytes that are read of one journal at a time, however many there are
_WHOLE_ENTRY = entries.MAX_BODY + 1024  # bytes in which a whole entry is found, if there is one
_OPEN_FILES = 64
_ASTRAY = 2_000_000_000  # nanoseconds: an entry so far ahead was made by another clock


@dataclass(slots=True)
class Step:
    """One entry with messages, and the position behind it.

    Entries without messages that follow it belong to the step, and the position is behind them. A
    step without messages only moves the position.
    """

    identity: str
    messages: list[Message]
    after: Position
    lost: int = 0  # notifications that were recorded before it, and are damaged or removed
    gone: bool = False  # they were in a segment that was removed


class _Files:
    """The segments that are being read; at most _OPEN_FILES of them are open at a time."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: OrderedDict[tuple[str, int], int] = OrderedDict()

    def read(self, identity: str, segment: int, size: int, offset: int) -> bytes:
        """At most `size` bytes from `offset` on. None where the file is missing: another leader
        may have removed it. Raises OSError."""
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
        return os.pread(self._open[key], size, offset)

    def close(self, identity: str, segment: int) -> None:
        fd = self._open.pop((identity, segment), None)
        if fd is not None:
            os.close(fd)

    def close_all(self) -> None:
        while self._open:
            os.close(self._open.popitem()[1])


@dataclass(slots=True)
class Chain:
    """The segments of one process, as they are read from a position on."""

    identity: str
    position: Position  # behind the last entry that is in `ahead`
    origin: Origin | None = None  # of the segment; None: its first entry is damaged
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

    def load(self, files: _Files, segments: list[int], chunk: int) -> None:
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

    def lost_at_end(self, files: _Files, counted: int | None) -> int:
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

    def _load_segment(self, files: _Files, chunk: int) -> bool:
        identity, segment, offset = self.identity, self.position.segment, self.position.offset
        if self.origin is None:
            self.origin = Origin.decode(files.read(identity, segment, _CHUNK, 0))
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
        expected = self.position.number
        number = max(entry.number + entry.count, expected or 0)
        after = Position(self.position.segment, end, number)
        lost = 0 if expected is None else max(entry.number - expected, 0)
        self.position = after
        if self.ahead and not lost and entry.kind != Kind.EVENTS:
            self.ahead[-1][1].after = after  # the entry belongs to the step before it
            return
        messages = entries.decode_messages(entry.body) if entry.kind == Kind.EVENTS else []
        step = Step(self.identity, messages, after, lost, self.lacks_segment)
        self.lacks_segment = False
        self.ahead.append((entry.clock, step))


class Reader:
    """The merged entries of a directory, from given positions on."""

    def __init__(self, directory: Path, positions: Mapping[str, Position]) -> None:
        """A journal of which `positions` has none is read from its beginning. Opens nothing."""
        self.chains: dict[str, Chain] = {}
        self._directory = directory
        self._positions = positions
        self._files = _Files(directory)
        self._owner_filter = OwnerFilter(directory)
        self._this_boot = boot_id()
        self._clock_ahead = clock.namespace_offset()
        self._cut = 0  # nanoseconds: the clock at the beginning of the pass
        self._unreadable: set[str] = set()
        self._clocks: dict[str, float] = {}  # other clocks than the machine's: since when each ran

    def read(self, limit: int) -> list[Step]:
        """One pass: the next entries, with `limit` messages or a few more. Raises OSError."""
        self._cut = cut = self._now()
        listed = self._owner_filter.apply(listing(self._directory)).segments
        self._begin_chains(listed)
        heads = [
            (self._order(chain), chain)
            for chain in self.chains.values()
            if self._has_more(chain, listed)
        ]
        heapq.heapify(heads)
        steps: list[Step] = []
        count = 0
        while heads and count < limit:
            (is_current, _, at, _), chain = heads[0]
            # A dead process has recorded nothing that is later than the pass: an entry that seems
            # later was made by the clock of another boot.
            if is_current and at > cut and not chain.is_dead:
                break
            _, step = chain.ahead.popleft()
            steps.append(step)
            count += len(step.messages)
            if self._has_more(chain, listed):
                heapq.heapreplace(heads, (self._order(chain), chain))
            else:
                heapq.heappop(heads)
        return steps

    def lost_at_end(self, identity: str, counted: int | None) -> int:
        """See Chain.lost_at_end; 0 where nothing of the journal was read. Raises OSError."""
        chain = self.chains.get(identity)
        return 0 if chain is None else chain.lost_at_end(self._files, counted)

    def forget(self, identity: str) -> None:
        """Forget a journal: its process is settled, and its files are removed."""
        chain = self.chains.pop(identity, None)
        if chain is not None:
            self._files.close(identity, chain.position.segment)

    def close(self) -> None:
        """Close all files; the next pass opens them again."""
        self._files.close_all()

    def _begin_chains(self, listed: Mapping[str, list[int]]) -> None:
        for identity, numbers in listed.items():
            if identity not in self.chains:
                first = Position(numbers[0], 0, 0 if numbers[0] == 0 else None)
                self.chains[identity] = Chain(identity, self._positions.get(identity, first))

    def _has_more(self, chain: Chain, listed: Mapping[str, list[int]]) -> bool:
        if not chain.ahead and not chain.is_newer and not chain.is_finished:
            try:
                chain.load(self._files, listed.get(chain.identity, []), self._chunk())
            except OSError as error:
                self._log_unreadable(chain, error)
        return bool(chain.ahead)

    def _chunk(self) -> int:
        """Bytes to read of one journal: memory must not grow with the number of dead processes."""
        return max(_MIN_CHUNK, min(_CHUNK, _READ_AHEAD // len(self.chains)))

    def _log_unreadable(self, chain: Chain, error: OSError) -> None:
        """Log once that a journal cannot be read. It is tried again in each pass, and must not keep
        the others from being read."""
        if chain.identity not in self._unreadable:
            self._unreadable.add(chain.identity)
            line = f"the journal of {chain.identity} cannot be read, and waits; the others go on"
            log_error(line, error)

    def _order(self, chain: Chain) -> tuple[bool, float, int, str]:
        """The place of the chain's next entry in the order of all. The first field is whether the
        entry was made by the machine's clock in this boot.

        Entries of other clocks come first, clock by clock, then those of the machine's clock.
        """
        at = chain.ahead[0][0]
        origin = chain.origin
        if origin is None or origin.boot == self._this_boot:
            chain.is_astray |= self._is_astray(at)
            if not chain.is_astray:
                return True, 0.0, at, chain.identity
        began = 0.0 if origin is None else origin.time
        clock_id = chain.identity if origin is None or chain.is_astray else origin.boot
        return False, self._clocks.setdefault(clock_id, began), at, chain.identity

    def _is_astray(self, at: int) -> bool:
        """Whether an entry that was read is later than now: the machine's clock has not made it."""
        return at - self._cut > _ASTRAY and at - self._now() > _ASTRAY

    def _now(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_ahead
