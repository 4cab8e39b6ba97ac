"""Reads the journals of all processes of a node, in the order in which their entries were made.

A pass takes the clock, then lists the directory, then reads, and returns the entries up to that
time. If operation B began after the answer of operation A was read, A's entry was in its file
before the clock of B's entry was taken: a pass that returns B has read A. Entries that are later
than the clock of a pass wait for the next pass.
"""

import heapq
import time
from collections.abc import Mapping
from pathlib import Path

from glance_notify_middleware.journal import clock
from glance_notify_middleware.journal.chain import CHUNK, Chain, OpenFiles, Step
from glance_notify_middleware.journal.entries import Wants
from glance_notify_middleware.journal.layout import listing
from glance_notify_middleware.journal.origin import boot_id
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.own_log import ErrorsOnce

_READ_AHEAD = 1024 * 1024  # bytes that are read ahead of all journals together
_MIN_CHUNK = 4 * 1024  # bytes that are read of one journal at a time, however many there are
_ASTRAY = 2_000_000_000  # nanoseconds: an entry so far ahead was made by another clock


class Reader:
    """The merged entries of a directory, from given positions on."""

    def __init__(
        self,
        directory: Path,
        positions: Mapping[str, Position],
        wants: Wants | None = None,
        *,
        knows_all: bool = False,
    ) -> None:
        """A journal of which `positions` has none is read from its beginning. With `knows_all`
        nothing of it was sent yet: segments that it lacks before its first one are lost. `wants`:
        see entries.decode_messages. Opens nothing."""
        self.chains: dict[str, Chain] = {}
        self._directory = directory
        self._positions = positions
        self._knows_all = knows_all
        self._wants = wants
        self._files = OpenFiles(directory)
        self._owner_filter = OwnerFilter(directory)
        self._this_boot = boot_id()
        self._clock_offset = clock.namespace_offset()
        self._pass_time = 0  # nanoseconds: the clock at the beginning of the pass
        self._unfinished: list[Chain] = []  # those of the pass of which more may be read ahead
        self._most_ahead = 0  # bytes that are read ahead of each of them
        self._errors = ErrorsOnce()
        self._clocks: dict[str, float] = {}
        """The clocks that are not the machine's in this boot, by id: when the first segment of each
        was begun, by the wall clock, in seconds; 0.0 where that is not known."""

    def read(self, limit: int) -> list[Step]:
        """One pass: the next entries, with `limit` messages or a few more. Raises OSError."""
        self._pass_time = pass_time = self._now()
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
            if is_current and at > pass_time and not chain.is_dead:
                break
            # Entries of this journal that come before the next one of any other: they need no heap.
            # Where the first is of the machine's clock, so are all heads.
            others = [head[0][2] for head in heads[1:3]]
            before = min(pass_time, *others) if others and is_current else pass_time
            ahead = chain.ahead
            while True:
                step = ahead.popleft()[1]
                steps.append(step)
                count += len(step.messages)
                if count >= limit or not is_current or not ahead or ahead[0][0] >= before:
                    break
            if self._has_more(chain, listed):
                heapq.heapreplace(heads, (self._order(chain), chain))
            else:
                heapq.heappop(heads)
        self._unfinished = [chain for _, chain in heads]
        self._most_ahead = _READ_AHEAD // max(len(heads), 1)
        return steps

    def read_on(self) -> bool:
        """Read the next chunk of one journal ahead of the next pass, so that this has less to do.
        Returns whether there may be another. Raises OSError.

        The entries that are read ahead have _READ_AHEAD bytes in all.
        """
        while self._unfinished:
            if self._unfinished[-1].read_on(self._files, self._chunk(), self._most_ahead):
                return True
            self._unfinished.pop()
        return False

    def goes_on(self, identity: str, segments: list[int]) -> bool:
        """See Chain.goes_on; False where nothing of the journal was read. Raises OSError."""
        chain = self.chains.get(identity)
        return chain is not None and chain.goes_on(self._files, segments)

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
                is_whole = self._knows_all or numbers[0] == 0
                first = Position(0, 0, 0) if is_whole else Position(numbers[0], 0, None)
                position = self._positions.get(identity, first)
                self.chains[identity] = Chain(identity, position, wants=self._wants)

    def _has_more(self, chain: Chain, listed: Mapping[str, list[int]]) -> bool:
        if not chain.ahead and not chain.is_newer and not chain.is_finished:
            try:
                chain.load(self._files, listed.get(chain.identity, []), self._chunk())
            except OSError as error:
                self._log_unreadable(chain, error)
        return bool(chain.ahead)

    def _chunk(self) -> int:
        """Bytes to read of one journal: memory must not grow with the number of dead processes."""
        return max(_MIN_CHUNK, min(CHUNK, _READ_AHEAD // len(self.chains)))

    def _log_unreadable(self, chain: Chain, error: OSError) -> None:
        """Log once that a journal cannot be read. It must not keep the others from being read."""
        what = f"the journal of {chain.identity} cannot be read, and waits; the others go on"
        self._errors.log(chain.identity, what, error)

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
        return at - self._pass_time > _ASTRAY and at - self._now() > _ASTRAY

    def _now(self) -> int:
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME) - self._clock_offset
