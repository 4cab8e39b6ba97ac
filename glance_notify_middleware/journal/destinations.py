"""Where the notifications of a directory go: all processes that use the directory agree on that.

One process, the leader, delivers what all have recorded, by its own settings. So a process that
wants other destinations than a living one must not start. What was agreed on lies in
destinations.json. A process holds the lock of destinations.lock, shared, from the moment it has
agreed until it ends: it has no live file yet, and of two processes that start at the same time
each could otherwise take itself for the first.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.files import open_owned
from glance_notify_middleware.journal.layout import (
    DESTINATIONS,
    DESTINATIONS_LOCK,
    RELAY_LOCK,
    listing,
    live_path,
)
from glance_notify_middleware.journal.locks import open_locked, try_lock, try_lock_shared

# A process that starts at the same moment holds a lock only for as long as it takes to find out
# whether the lock is free.
_LOOKS = 3
_BETWEEN_LOOKS = 0.05  # seconds


class DestinationsError(Exception):
    """A living process of this directory sends elsewhere: `name` is the option that differs,
    `living` its value there."""

    def __init__(self, name: str, living: object) -> None:
        super().__init__(f"{name} is {living!r} there")
        self.name = name
        self.living = living


class Destinations:
    """The agreements of this process; a forked child makes its own.

    It holds a descriptor of destinations.lock for each directory. The descriptors are never closed
    while the process lives: to close a descriptor would drop the lock (see locks.py).
    """

    def __init__(self) -> None:
        self._descriptors: dict[tuple[int, Path], int] = {}  # by process id and directory

    def agree(
        self,
        directory: Path,
        wanted: Mapping[str, object],
        own_identity: Callable[[], str | None],
        before_change: Callable[[], None] = lambda: None,
        is_optional: Callable[[str], bool] = lambda name: False,
    ) -> None:
        """Make sure that all processes that use `directory` send to the `wanted` destinations.

        In a directory in which no process lives `wanted` is written down; `before_change` is
        called just before, while nobody records or sends. What an older version has written, which
        knew of fewer destinations, is completed, but by none that `is_optional`: where such a one
        is missing, it is not set. `own_identity` gives the identity under which this process itself
        records there, None if it does not. Raises DestinationsError and OSError.
        """
        key = os.getpid(), directory
        agreed_before = key in self._descriptors
        if not agreed_before:
            lock_file = directory / DESTINATIONS_LOCK
            self._descriptors[key] = open_owned(lock_file, os.O_RDWR | os.O_CREAT)
        try:
            fd = self._descriptors[key]
            _agree(fd, directory, wanted, own_identity, before_change, is_optional)
        except BaseException:
            if not agreed_before:
                os.close(self._descriptors.pop(key))
            raise
        try_lock_shared(self._descriptors[key])


def _agree(
    fd: int,
    directory: Path,
    wanted: Mapping[str, object],
    own_identity: Callable[[], str | None],
    before_change: Callable[[], None],
    is_optional: Callable[[str], bool],
) -> None:
    path = directory / DESTINATIONS
    for looks_left in reversed(range(_LOOKS)):
        is_alone = try_lock(fd)
        # Neither lock is to be had: another process is about to change the file.
        is_stable = is_alone or try_lock_shared(fd)
        found = checksummed.load(path)
        if found is None:
            change = is_alone or not looks_left
        else:
            # A destination that an older version did not know of is no difference.
            differing = [name for name in found if found[name] != wanted.get(name)]
            differing += [name for name in wanted if name not in found and is_optional(name)]
            if not differing and (is_stable or not looks_left):
                if wanted.keys() - found.keys():
                    checksummed.replace(path, {**found, **wanted})
                return
            change = bool(differing) and is_alone and not _is_used(directory, own_identity)
            if differing and not change and not looks_left:
                name = next((name for name in wanted if name in differing), differing[0])
                raise DestinationsError(name, found.get(name))
        if change:
            before_change()
            checksummed.replace(path, dict(wanted))
            return
        time.sleep(_BETWEEN_LOOKS)


def _is_used(directory: Path, own_identity: Callable[[], str | None]) -> bool:
    """Whether a process records or relays there."""
    living = listing(directory).live_files
    if own_identity() is not None:  # asked after the listing: see Settling.survey
        return True
    # A relay in a process of its own has no live file: only the leader's lock shows it.
    paths = [live_path(directory, identity) for identity in living]
    for path in [*paths, *directory.glob(RELAY_LOCK)]:
        fd = open_locked(path)
        if fd is None:
            return True
        os.close(fd)
    return False
