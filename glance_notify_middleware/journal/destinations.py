"""Where the notifications of a directory go: all processes that use it agree on that."""

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

# Another that starts in this moment holds a lock for as long as it takes to see that it can.
_LOOKS = 3
_BETWEEN_LOOKS = 0.05  # seconds

_AGREED: dict[tuple[int, Path], int] = {}
"""Descriptors of DESTINATIONS_LOCK, by process and directory; never closed while the process lives,
see `try_lock`."""


class DestinationsError(Exception):
    """A living process of this directory sends elsewhere: `name` is what differs."""

    def __init__(self, name: str, living: object) -> None:
        super().__init__(f"{name} is {living!r} there")
        self.name = name
        self.living = living


def agree(
    directory: Path,
    wanted: Mapping[str, object],
    ours: Callable[[], str | None],
    before_a_change: Callable[[], None] = lambda: None,
) -> None:
    """See that all who use the directory send to the same destinations.

    The first one in a directory in which nobody lives says which, and calls `before_a_change`
    then, as nobody records or sends. `ours` tells the identity that this process has there, if
    it has one. What has agreed lives from here on, before it has a live file: two that start at
    the same time could else each be the first. What an older version, which knew of fewer
    destinations, has written is completed. Raises DestinationsError, and OSError.
    """
    key = os.getpid(), directory
    agreed_before = key in _AGREED
    if not agreed_before:
        _AGREED[key] = open_owned(directory / DESTINATIONS_LOCK, os.O_RDWR | os.O_CREAT)
    try:
        _agree(_AGREED[key], directory, wanted, ours, before_a_change)
    except BaseException:
        if not agreed_before:
            os.close(_AGREED.pop(key))
        raise
    try_lock_shared(_AGREED[key])


def _agree(
    fd: int,
    directory: Path,
    wanted: Mapping[str, object],
    ours: Callable[[], str | None],
    before_a_change: Callable[[], None],
) -> None:
    path = directory / DESTINATIONS
    for looks_left in reversed(range(_LOOKS)):
        is_alone = try_lock(fd)
        stands = is_alone or try_lock_shared(fd)  # or else another process is about to change it
        found = checksummed.load(path)
        if found is None:
            change = is_alone or not looks_left
        else:
            # What a version of before did not know of is no difference.
            names = [each for each in found if found[each] != wanted.get(each)]
            if not names and (stands or not looks_left):
                if wanted.keys() - found.keys():
                    checksummed.replace(path, {**found, **wanted})
                return
            change = bool(names) and is_alone and not _somebody_lives(directory, ours)
            if names and not change and not looks_left:
                name = next((each for each in wanted if each in names), names[0])
                raise DestinationsError(name, found[name])
        if change:
            before_a_change()
            checksummed.replace(path, dict(wanted))
            return
        time.sleep(_BETWEEN_LOOKS)


def _somebody_lives(directory: Path, ours: Callable[[], str | None]) -> bool:
    living = listing(directory).living
    if ours() is not None:  # asked after the listing: see Settling.survey
        return True
    # A relay with a process of its own has no live file, and the leader's lock alone.
    paths = [live_path(directory, identity) for identity in living]
    for path in [*paths, *directory.glob(RELAY_LOCK)]:
        fd = open_locked(path)
        if fd is None:
            return True
        os.close(fd)
    return False
