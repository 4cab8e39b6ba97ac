"""What is done with the files of processes: whose process is dead, and what can be removed."""

import logging
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.events import intent
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.journal import checksummed, layout, locks
from glance_notify_middleware.journal.files import sync
from glance_notify_middleware.journal.layout import Listing
from glance_notify_middleware.journal.open_intents import OpenIntents, read_open_intents
from glance_notify_middleware.journal.ownership import DirectoryAudit, OwnerFilter
from glance_notify_middleware.journal.reader import Chain
from glance_notify_middleware.journal.totals import ADDED, REPORTED
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line

_LOCKS = 64  # held at a time
_AT_ONCE = 100  # notifications in one entry
_RETRY = 60.0  # seconds after which one is looked at again that could not be settled
_NO_LIVE_FILE = 3.0  # seconds after which a segment without a live file counts as dead


RecordUnknown = Callable[[Sequence[Notification]], bool]


class Settling:
    """Settles the dead, and removes what has been delivered: segments first, live file last.

    Delivered is what all strategies have been sent.
    """

    def __init__(
        self, directory: Path, subscriptions: Sequence[Subscription], record_unknown: RecordUnknown
    ) -> None:
        """`subscriptions` are those of all strategies: one at least. `record_unknown` records in
        the journal of this process that outcomes of operations are unknown; it returns False where
        that cannot be written now. Raises OSError."""
        self._directory = directory
        self._record_unknown = record_unknown
        self._reported: set[str] = set()  # the dead whose open intents have been told
        self._subscriptions = subscriptions
        self._locks: dict[str, int] = {}  # the live files of dead processes, by identity
        self._without: dict[str, float] = {}  # since when there is no live file
        self._left_alone: dict[str, float] = {}  # the dead that cannot be read, and until when
        self._unreadable: set[str] = set()  # of whom that was told
        self._owner_filter = OwnerFilter(directory)
        self._audit = DirectoryAudit(directory)

    def survey(self, own_identity: Callable[[], str | None]) -> None:
        """To be called once a second. Raises OSError.

        `own_identity` tells under which identity this process itself records. It is asked after the
        listing, and known before its live file is made: what we lock ourselves looks dead to us.
        """
        self._subscriptions[0].cursors.save(at_once=True)  # which saves those of all
        self._audit.check()
        self._find_dead(self._listed(), own_identity())
        # Listed again: before its lock was taken, a process may have begun another segment.
        listed = self._listed()
        for identity, numbers in listed.segments.items():
            self._remove_delivered(identity, numbers)
        for identity in [*self._locks, *self._without]:
            segments = listed.segments.get(identity, [])
            if self._is_dead(identity) and self._report_unknown(identity, segments):
                self._settle(identity, segments)
        self._forget_the_gone(listed)

    def close(self) -> None:
        """Let go of the locks."""
        while self._locks:
            os.close(self._locks.popitem()[1])

    def _listed(self) -> Listing:
        return self._owner_filter.apply(layout.listing(self._directory))

    def _find_dead(self, listed: Listing, own_identity: str | None) -> None:
        now = time.monotonic()
        self._left_alone = {each: until for each, until in self._left_alone.items() if until > now}
        known = {*self._locks, *self._left_alone, own_identity}
        for identity in listed.living - known:
            if len(self._locks) >= _LOCKS:
                break
            fd = locks.open_locked(layout.live_path(self._directory, identity))
            if fd is not None:
                self._locks[identity] = fd
                self._found_dead(identity)
            for chain in self._chains(identity) if fd is None else ():
                chain.is_dead = False  # also after it had no live file for a while
        without = listed.segments.keys() - listed.living - {*self._left_alone, own_identity}
        self._without = {each: self._without.get(each, now) for each in without}
        for identity in self._without:
            if self._is_dead(identity):
                self._found_dead(identity)

    def _is_dead(self, identity: str) -> bool:
        since = self._without.get(identity)
        return identity in self._locks or (
            since is not None and time.monotonic() - since >= _NO_LIVE_FILE
        )

    def _found_dead(self, identity: str) -> None:
        """From now on it is read to its end: it may have recorded more than was read so far."""
        for chain in self._chains(identity):
            if not chain.is_dead:
                chain.is_dead = True
                chain.at_end = False

    def _chains(self, identity: str) -> list[Chain]:
        """That process's journal, as each strategy reads it that has begun to."""
        chains = (each.reader.chains.get(identity) for each in self._subscriptions)
        return [chain for chain in chains if chain is not None]

    def _remove_delivered(self, identity: str, numbers: list[int]) -> None:
        places = [each.cursors.saved.get(identity) for each in self._subscriptions]
        passed = min(0 if place is None else place.segment for place in places)
        gone = [number for number in numbers if number < passed]
        if not gone:
            return
        following = next((number for number in numbers if number >= passed), None)
        if following is not None:
            # It has copies of the intents that stand open: on the disk, before the others go.
            try:
                sync(layout.segment_path(self._directory, identity, following))
            except OSError as error:
                self._report_unreadable(identity, error)
                return
        for number in gone:
            self._remove(layout.segment_path(self._directory, identity, number))

    def _settle(self, identity: str, segments: list[int]) -> None:
        self._found_dead(identity)
        chains = self._chains(identity)
        if segments and len(chains) < len(self._subscriptions):
            return  # they are still to be read
        if any(chain.is_newer for chain in chains):
            self._leave_alone(identity)
            return
        if not all(chain.is_finished for chain in chains) or self._is_on_its_way(identity):
            return
        counters = self._counters(identity)
        lost = max(
            each.reader.lost_at_end(identity, counters.get("number"))
            for each in self._subscriptions
        )
        if lost:
            told = f"{lost} notifications are lost: the journal of {identity} is damaged"
            log_line(LOG, logging.ERROR, f"{told} at its end")
        self._forget(identity)
        self._reported.discard(identity)
        for number in segments:
            self._remove(layout.segment_path(self._directory, identity, number))
        try:
            self._add_to_totals(identity, counters)
        except OSError:
            return  # the disk is full; they stand in the live file, and wait for the next look
        self._remove(layout.live_path(self._directory, identity))
        self._release(identity)

    def _report_unknown(self, identity: str, segments: list[int]) -> bool:
        """Tell of each operation that the dead process has left open that its outcome is unknown.

        Returns whether that is done: once, though its journal may wait for a broker for long, and
        though the leader may change; what dies in between does it again, with the same ids.
        """
        if identity in self._reported:
            return True
        totals = checksummed.load(self._directory / layout.TOTALS) or {}
        if identity not in totals.get(REPORTED, []):
            left = self._left_open(identity, segments)
            if left is None:
                self._leave_alone(identity)
                return False
            unknown = list(_unknown(left))
            for at in range(0, len(unknown), _AT_ONCE):
                if not self._record_unknown(unknown[at : at + _AT_ONCE]):
                    return False
            if unknown:
                totals[REPORTED] = [*self._still_here(totals, REPORTED), identity]
                checksummed.replace(self._directory / layout.TOTALS, totals)
                told = f"{identity} has died in the middle of {len(unknown)} operations"
                more = "their outcome is unknown, as an ERROR for each says"
                log_line(LOG, logging.WARNING, f"{told}: {more}")
        self._reported.add(identity)
        return True

    def _left_open(self, identity: str, segments: list[int]) -> OpenIntents | None:
        try:
            return read_open_intents(self._directory, identity, segments)
        except OSError as error:
            self._report_unreadable(identity, error)
            return None

    def _leave_alone(self, identity: str) -> None:
        """For a while: as there are but so many locks, it would be in the way of the others."""
        self._left_alone[identity] = time.monotonic() + _RETRY
        self._without.pop(identity, None)
        self._release(identity)

    def _release(self, identity: str) -> None:
        fd = self._locks.pop(identity, None)
        if fd is not None:
            os.close(fd)

    def _report_unreadable(self, identity: str, error: OSError) -> None:
        """Once: it is tried again and again."""
        if identity not in self._unreadable:
            self._unreadable.add(identity)
            told = f"what the process of {identity} has left cannot be read, or synced, and stays"
            log_error(f"{told}; the others go on", error)

    def _forget_the_gone(self, listed: Listing) -> None:
        """Those that another leader has settled."""
        known: set[str] = set()
        for each in self._subscriptions:
            known |= each.reader.chains.keys() | each.cursors.positions.keys()
        for identity in known - listed.segments.keys() - listed.living:
            if not self._is_on_its_way(identity):
                self._forget(identity)

    def _is_on_its_way(self, identity: str) -> bool:
        return any(each.window.holds(identity) for each in self._subscriptions)

    def _forget(self, identity: str) -> None:
        for each in self._subscriptions:
            each.reader.forget(identity)
            each.cursors.forget(identity)

    def _counters(self, identity: str) -> dict[str, Any]:
        fd = self._locks.get(identity)
        return {} if fd is None else checksummed.loads(os.pread(fd, 1024 * 1024, 0)) or {}

    def _add_to_totals(self, identity: str, counters: dict[str, Any]) -> None:
        """Once: those who were added and still lie here are remembered by name."""
        if not counters:
            return  # its live file is gone: should it come back, its process lives
        path = self._directory / layout.TOTALS
        totals = checksummed.load(path) or {}
        added = self._still_here(totals, ADDED)
        if identity in added:
            return
        for kind in ("recorded", "dropped"):
            total = Counter(totals.get(kind, {}))
            total.update(counters.get(kind, {}))
            totals[kind] = dict(total)
        totals[ADDED] = [*added, identity]
        checksummed.replace(path, totals, durable=True)  # the live file, which has them, goes then

    def _still_here(self, totals: dict[str, Any], done: str) -> list[str]:
        """For whom that is done already, of those whose files lie here."""
        names = totals.get(done, [])
        return [each for each in names if layout.live_path(self._directory, each).exists()]

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)


def _unknown(left: OpenIntents) -> Iterator[Notification]:
    for key, (facts, progress) in left.by_key.items():
        try:
            begun = intent.decode(key, facts)
            yield intent.unknown_outcome(begun, intent.decode_progress(progress))
        except (ValueError, TypeError) as error:
            log_error("an operation that was cut cannot be told", error)
