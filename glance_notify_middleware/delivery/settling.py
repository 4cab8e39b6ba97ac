"""Settles dead processes, and removes what is delivered.

Settling a process records an unknown outcome for each of its open intents, and removes its files
once all strategies have been sent their content. One survey a second does both.
"""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.dead_processes import DeadProcesses
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.events import intent
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.journal import checksummed, layout
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.files import sync
from glance_notify_middleware.journal.layout import Listing
from glance_notify_middleware.journal.open_intents import OpenIntents, read_open_intents
from glance_notify_middleware.journal.ownership import DirectoryAudit, OwnerFilter
from glance_notify_middleware.journal.tally import tally
from glance_notify_middleware.journal.totals import UNKNOWN_RECORDED, add_ended, still_here
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line

_PER_ENTRY = 100  # unknown outcomes that are recorded in one entry


RecordUnknown = Callable[[Sequence[Notification]], bool]
"""Records unknown outcomes in the journal of this process. Returns False where that cannot be
written now."""


class Settling:
    """Settles dead processes: removes their segments first, their live files last.

    A segment is delivered when the saved cursors of all strategies have passed it.
    """

    def __init__(
        self, directory: Path, subscriptions: Sequence[Subscription], record_unknown: RecordUnknown
    ) -> None:
        """`subscriptions` are those of all strategies: one at least. Raises OSError."""
        self._directory = directory
        self._record_unknown = record_unknown
        self._unknown_recorded: set[str] = (
            set()
        )  # dead processes whose unknown outcomes are recorded
        self._subscriptions = subscriptions
        self._ended: dict[str, Counters] = {}  # what dead processes have counted, by identity
        self._dead = DeadProcesses(directory, subscriptions)
        self._unreadable: set[str] = set()  # identities of which that is logged
        self._owner_filter = OwnerFilter(directory)
        self._audit = DirectoryAudit(directory)

    def survey(self, own_identity: Callable[[], str | None]) -> None:
        """Settle and remove what can be settled and removed now. To be called once a second.
        Raises OSError.

        `own_identity` gives the identity under which this process itself records; to this process
        its own live file looks dead. The identity is asked for after the directory is listed, and a
        process knows it before it makes its live file: so no listing has a live file of this
        process that is not recognised.
        """
        self._subscriptions[0].cursors.save(at_once=True)  # saves those of all strategies
        self._audit.check()
        self._dead.find(self._listed(), own_identity())
        # Listed again: before its lock was taken, a process may have begun another segment.
        listed = self._listed()
        for identity, numbers in listed.segments.items():
            self._remove_delivered(identity, numbers)
        for identity in self._dead.candidates():
            segments = listed.segments.get(identity, [])
            if self._dead.is_dead(identity) and self._record_unknown_outcomes(identity, segments):
                self._settle(identity, segments)
        self._forget_the_gone(listed)

    @property
    def held(self) -> list[str]:
        """The dead processes whose locks are held."""
        return self._dead.held

    def close(self) -> None:
        """Release the locks."""
        self._dead.close()

    def _listed(self) -> Listing:
        return self._owner_filter.apply(layout.listing(self._directory))

    def _remove_delivered(self, identity: str, numbers: list[int]) -> None:
        """Remove the segments, of those `numbers`, that all strategies have been sent."""
        places = [
            subscription.cursors.at_last_save.get(identity) for subscription in self._subscriptions
        ]
        passed = min(0 if place is None else place.segment for place in places)
        delivered = [number for number in numbers if number < passed]
        if not delivered:
            return
        following = next((number for number in numbers if number >= passed), None)
        if following is not None:
            # It has copies of the open intents, which must be on the disk before the originals go.
            try:
                sync(layout.segment_path(self._directory, identity, following))
            except OSError as error:
                self._report_unreadable(identity, error)
                return
        for number in delivered:
            self._remove(layout.segment_path(self._directory, identity, number))

    def _settle(self, identity: str, segments: list[int]) -> None:
        self._dead.read_to_end(identity)
        chains = self._dead.chains(identity)
        if segments and len(chains) < len(self._subscriptions):
            return  # a strategy has not begun to read them
        if any(chain.is_newer for chain in chains):
            self._dead.leave_alone(identity)
            return
        if not all(chain.is_finished for chain in chains) or self._is_on_its_way(identity):
            return
        if self._goes_on(identity, segments) or not self._count(identity, segments):
            return
        is_added = self._is_added(identity)
        self._forget(identity)
        self._unknown_recorded.discard(identity)
        for number in segments:
            self._remove(layout.segment_path(self._directory, identity, number))
        # Where the disk was full, there may be room now.
        if not is_added and not self._is_added(identity):
            return  # the counters are kept until the next survey
        self._ended.pop(identity, None)
        self._remove(layout.live_path(self._directory, identity))
        self._dead.release(identity)

    def _goes_on(self, identity: str, segments: list[int]) -> bool:
        """Whether the process has recorded more since all was read: somebody may have made it lose
        its lock. Also where that cannot be read."""
        try:
            return any(each.reader.goes_on(identity, segments) for each in self._subscriptions)
        except OSError as error:
            self._report_unreadable(identity, error)
            return True

    def _count(self, identity: str, segments: list[int]) -> bool:
        """Count what the process has recorded, and what of it is lost, before its segments go.
        Returns False where they cannot be read."""
        content = self._dead.content(identity)
        if content is not None and identity not in self._ended:
            try:
                counted = tally(self._directory, identity, segments, content)
            except OSError as error:
                self._report_unreadable(identity, error)
                return False
            self._ended[identity] = counted.counters
        recorded = None if content is None else content.get("number")
        lost = [each.lose_rest(identity, recorded) for each in self._subscriptions]
        if any(lost):
            self._subscriptions[0].cursors.save(at_once=True)
            what = f"{max(lost)} notifications are lost: the journal of {identity} is damaged"
            log_line(LOG, logging.ERROR, f"{what} at its end")
        return True

    def _is_added(self, identity: str) -> bool:
        """Add the counters of the process to the totals. Returns whether that is done."""
        counters = self._ended.get(identity)
        if counters is None:
            return True  # there is no live file; if it comes back, the process lives
        with contextlib.suppress(OSError):
            add_ended(self._directory, identity, counters)
            return True
        return False

    def _record_unknown_outcomes(self, identity: str, segments: list[int]) -> bool:
        """Record an unknown outcome for each intent that the dead process has left open.

        Returns whether that is done. It is done once, though the journal may wait for a broker for
        long, and though the leader may change. A leader that dies in the middle of it leaves it to
        the next one, which records the same ids.
        """
        if identity in self._unknown_recorded:
            return True
        totals = checksummed.load(self._directory / layout.TOTALS) or {}
        if identity not in totals.get(UNKNOWN_RECORDED, []):
            intents = self._open_intents(identity, segments)
            if intents is None:
                self._dead.leave_alone(identity)
                return False
            unknown = list(_unknown(intents))
            for at in range(0, len(unknown), _PER_ENTRY):
                if not self._record_unknown(unknown[at : at + _PER_ENTRY]):
                    return False
            if unknown:
                recorded = still_here(self._directory, totals, UNKNOWN_RECORDED)
                totals[UNKNOWN_RECORDED] = [*recorded, identity]
                totals["unknown"] = totals.get("unknown", 0) + len(unknown)
                checksummed.replace(self._directory / layout.TOTALS, totals)
                what = f"{identity} has died in the middle of {len(unknown)} operations"
                more = "their outcome is unknown, as an ERROR for each says"
                log_line(LOG, logging.WARNING, f"{what}: {more}")
        self._unknown_recorded.add(identity)
        return True

    def _open_intents(self, identity: str, segments: list[int]) -> OpenIntents | None:
        """None where they cannot be read."""
        try:
            return read_open_intents(self._directory, identity, segments)
        except OSError as error:
            self._report_unreadable(identity, error)
            return None

    def _report_unreadable(self, identity: str, error: OSError) -> None:
        """Log it once: it is tried again and again."""
        if identity not in self._unreadable:
            self._unreadable.add(identity)
            what = f"what the process of {identity} has left cannot be read, or synced, and stays"
            log_error(f"{what}; the others go on", error)

    def _forget_the_gone(self, listed: Listing) -> None:
        """Forget the processes that another leader has settled."""
        known: set[str] = set()
        for subscription in self._subscriptions:
            known |= subscription.reader.chains.keys() | subscription.cursors.positions.keys()
        for identity in known - listed.segments.keys() - listed.live_files:
            if not self._is_on_its_way(identity):
                self._forget(identity)

    def _is_on_its_way(self, identity: str) -> bool:
        return any(subscription.window.holds(identity) for subscription in self._subscriptions)

    def _forget(self, identity: str) -> None:
        for subscription in self._subscriptions:
            subscription.forget(identity)

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)


def _unknown(intents: OpenIntents) -> Iterator[Notification]:
    """The unknown outcome of each intent."""
    for key, (facts, progress) in intents.by_key.items():
        try:
            begun = intent.decode(key, facts)
            yield intent.unknown_outcome(begun, intent.decode_progress(progress))
        except (ValueError, TypeError) as error:
            log_error("an operation that was cut cannot be reported", error)
