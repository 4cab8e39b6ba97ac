"""Finds the dead processes of a directory, and has their journals read to the end."""

import os
import time
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.journal import layout, locks
from glance_notify_middleware.journal.chain import Chain
from glance_notify_middleware.journal.layout import Listing
from glance_notify_middleware.journal.live_file import content_of

_MAX_LOCKS = 64  # held at a time
_TURN = 10.0  # seconds for which a lock is held at least, while a process is settled
_RETRY = 60.0  # seconds after which a process that could not be settled is looked at again
_NO_LIVE_FILE = 3.0  # seconds after which a segment without a live file counts as dead


class _Held(NamedTuple):
    """The lock of a live file: its descriptor, and since when it is held, by the monotonic clock in
    seconds."""

    fd: int
    since: float


class DeadProcesses:
    """The dead processes of a directory, by journal identity.

    A process is dead if its live file is there and no process holds the lock of it. Then this
    object holds the lock until `release`, so that one leader settles the process. A process counts
    as dead, too, if its segments have had no live file for 3 seconds.
    """

    def __init__(
        self,
        directory: Path,
        subscriptions: Sequence[Subscription],
        report: Callable[[str, OSError], None],
    ) -> None:
        """`subscriptions` are those of all strategies. `report` gets the identity of a process
        whose live file cannot be opened, and the error."""
        self._directory = directory
        self._subscriptions = subscriptions
        self._report = report
        self._locks: dict[str, _Held] = {}  # by identity
        self._missing_since: dict[str, float] = {}  # since when there is no live file, by identity
        self._left_alone: dict[str, float] = {}  # until when, by identity: see leave_alone

    def find(self, listed: Listing, own_identity: str | None, can_wait: Container[str]) -> None:
        """Look for dead processes among those that are `listed`.

        `own_identity` is that of this process: to itself it would look dead, as POSIX locks belong
        to the process. Processes that `can_wait` give their locks up to others: a target that is
        down for hours keeps all of them from being settled.
        """
        now = time.monotonic()
        self._left_alone = {
            identity: until for identity, until in self._left_alone.items() if until > now
        }
        known = {*self._locks, *self._left_alone, own_identity}
        for identity in sorted(listed.live_files - known, key=can_wait.__contains__):
            try:
                fd = locks.open_locked(layout.live_path(self._directory, identity))
            except OSError as error:
                self._report(identity, error)
                continue
            if fd is None:
                for chain in self.chains(identity):
                    chain.is_dead = False  # also if it had no live file for a while
            elif self._has_room(can_wait):
                self._locks[identity] = _Held(fd, now)
                self.read_to_end(identity)
            else:
                os.close(fd)
        missing = listed.segments.keys() - listed.live_files - {*self._left_alone, own_identity}
        self._missing_since = {
            identity: self._missing_since.get(identity, now) for identity in missing
        }
        for identity in self._missing_since:
            if self.is_dead(identity):
                self.read_to_end(identity)

    def _has_room(self, can_wait: Container[str]) -> bool:
        """Whether another lock may be held. Those that can wait, and had the time in which a target
        that is up is sent all, are left alone for that."""
        if len(self._locks) >= _MAX_LOCKS:
            now = time.monotonic()
            for identity, held in list(self._locks.items()):
                if identity in can_wait and now - held.since >= _TURN:
                    self.leave_alone(identity)
        return len(self._locks) < _MAX_LOCKS

    def candidates(self) -> list[str]:
        """The processes that may be dead: see is_dead."""
        return [*self._locks, *self._missing_since]

    def is_dead(self, identity: str) -> bool:
        """Whether the process is dead."""
        since = self._missing_since.get(identity)
        return identity in self._locks or (
            since is not None and time.monotonic() - since >= _NO_LIVE_FILE
        )

    def chains(self, identity: str) -> list[Chain]:
        """The journal of a process, as read by each strategy that has begun to read it."""
        chains = (subscription.reader.chains.get(identity) for subscription in self._subscriptions)
        return [chain for chain in chains if chain is not None]

    def read_to_end(self, identity: str) -> None:
        """Have the journal of a dead process read to its end by all strategies: the process may
        have recorded more than was read so far."""
        for chain in self.chains(identity):
            if not chain.is_dead:
                chain.is_dead = True
                chain.at_end = False

    @property
    def held(self) -> list[str]:
        """The processes whose locks are held."""
        return list(self._locks)

    def content(self, identity: str) -> dict[str, Any] | None:
        """The content of the live file; empty where it cannot be read. None: there is none."""
        held = self._locks.get(identity)
        return None if held is None else content_of(held.fd)

    def leave_alone(self, identity: str) -> None:
        """Release a process that cannot be settled now, for 60 seconds: it would keep one of the
        few locks from other processes."""
        self._left_alone[identity] = time.monotonic() + _RETRY
        self._missing_since.pop(identity, None)
        self.release(identity)

    def release(self, identity: str) -> None:
        """Release the lock of a process, if it is held."""
        held = self._locks.pop(identity, None)
        if held is not None:
            os.close(held.fd)

    def close(self) -> None:
        """Release all locks."""
        while self._locks:
            os.close(self._locks.popitem()[1].fd)
