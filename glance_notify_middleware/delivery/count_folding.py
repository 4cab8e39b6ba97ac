"""Adds what ended processes have counted to the totals, where nothing is delivered: logging alone.

Elsewhere the leader does that, when it has settled a process.
"""

import os
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.journal import entries, locks
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import open_owned, read_owned
from glance_notify_middleware.journal.layout import (
    RELAY_LOCK,
    listing,
    live_path,
    segment_path,
)
from glance_notify_middleware.journal.live_file import content_of
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.totals import add_ended
from glance_notify_middleware.runtime.own_log import ErrorsOnce


class CountFolding:
    """Folds the counters of one directory. Not to be used in a process that relays there."""

    def __init__(self, directory: Path, own_identity: Callable[[], str | None]) -> None:
        """`own_identity` gives the identity under which this process counts there."""
        self._directory = directory
        self._own_identity = own_identity
        self._owner_filter = OwnerFilter(directory)
        self._left: set[str] = set()  # identities whose journals have more than counters
        self._errors = ErrorsOnce()

    def check(self) -> None:
        """Fold what can be folded now. To be called about once a second. Does not raise."""
        try:
            found = self._owner_filter.apply(listing(self._directory)).live_files
            # Asked after the listing: see Settling.survey.
            others = found - self._left - {str(self._own_identity())}
            if others:
                self._fold(others)
        except OSError:
            return  # the maintenance of the journal reports what is wrong with the directory

    def _fold(self, identities: set[str]) -> None:
        """Raises OSError. A leader, if there is one, settles these processes: then nothing is
        done."""
        fd = open_owned(self._directory / RELAY_LOCK, os.O_RDWR | os.O_CREAT)
        try:
            if locks.try_lock(fd):
                for identity in identities:
                    try:
                        self._fold_one(identity)
                    except OSError as error:
                        self._report(identity, error)
        finally:
            os.close(fd)

    def _report(self, identity: str, error: OSError) -> None:
        what = f"what the process of {identity} has counted cannot be read, added or removed"
        self._errors.log(identity, f"{what}, and waits; the others go on", error)

    def _fold_one(self, identity: str) -> None:
        live = live_path(self._directory, identity)
        fd = locks.open_locked(live)
        if fd is None:
            return  # its process lives
        try:
            numbers = listing(self._directory).segments.get(identity, [])
            segments = [segment_path(self._directory, identity, number) for number in numbers]
            if any(map(_has_more_than_counters, segments)):
                self._left.add(identity)
                return
            content = content_of(fd)
            add_ended(self._directory, identity, Counters.of(content))
            for path in [*segments, live]:
                path.unlink(missing_ok=True)
        finally:
            os.close(fd)


def _has_more_than_counters(segment: Path) -> bool:
    """Whether a segment has notifications, or intents: they wait for a leader."""
    heads = (Kind.SEGMENT, Kind.MARK, Kind.END)
    return any(entry.kind not in heads for entry in entries.scan(read_owned(segment)))
