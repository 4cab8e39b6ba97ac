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
from glance_notify_middleware.journal.totals import UNKNOWN_RECORDED, add_ended, still_needed
from glance_notify_middleware.runtime.own_log import LOG, ErrorsOnce, log_error, log_line

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
        self._record = record_unknown
        self._unknown_recorded: set[str] = set()
        """The dead processes whose unknown outcomes are recorded."""
        self._subscriptions = subscriptions
        self._ended: dict[str, Counters] = {}  # what dead processes have counted, by identity
        self._errors = ErrorsOnce()
        self._dead = DeadProcesses(directory, subscriptions, self._report)
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
        self._dead.find(self._listed(), own_identity(), self._unknown_recorded)
        # Listed again: before its lock was taken, a process may have begun another segment.
        listed = self._listed()
        for identity, numbers in listed.segments.items():
            with self._others_go_on(identity):
                self._remove_delivered(identity, numbers)
        for identity in self._dead.candidates():
            segments = listed.segments.get(identity, [])
            with self._others_go_on(identity):
                if self._dead.is_dead(identity) and self._record_unknown(identity, segments):
                    self._settle(identity, segments)
        self._forget_the_gone(listed)

    @property
    def held(self) -> list[str]:
        """The dead processes whose locks are held."""
        return self._dead.held

    def close(self) -> None:
        """Release the locks."""
        self._dead.close()

    @contextlib.contextmanager
    def _others_go_on(self, identity: str) -> Iterator[None]:
        """An OSError at the files of one process ends what is done for that process, in this
        survey. It is logged once: what was to be done is tried again and again."""
        try:
            yield
        except OSError as error:
            self._report(identity, error)

    def _report(self, identity: str, error: OSError) -> None:
        what = f"what the process of {identity} has left cannot be read, synced or removed"
        self._errors.log(identity, f"{what}, and stays; the others go on", error)

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
            sync(layout.segment_path(self._directory, identity, following))
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
        self._tally(identity, segments)
        if self._goes_on(identity, segments):
            self._ended.pop(identity, None)
            return
        self._count_lost(identity)
        is_added = self._is_added(identity)
        for number in segments:
            self._remove(layout.segment_path(self._directory, identity, number))
        # Not before: the content of a segment that stays would be sent again.
        self._forget(identity)
        self._unknown_recorded.discard(identity)
        # Where the disk was full, there may be room now.
        if not is_added and not self._is_added(identity):
            return  # the counters are kept until the next survey
        self._ended.pop(identity, None)
        self._remove(layout.live_path(self._directory, identity))
        self._dead.release(identity)

    def _goes_on(self, identity: str, segments: list[int]) -> bool:
        """Whether the process has recorded more since all was read: somebody may have made it lose
        its lock."""
        return any(each.reader.goes_on(identity, segments) for each in self._subscriptions)

    def _tally(self, identity: str, segments: list[int]) -> None:
        """Find what the process has counted, before its segments go."""
        content = self._dead.content(identity)
        if content is not None and identity not in self._ended:
            counted = tally(self._directory, identity, segments, content)
            self._ended[identity] = counted.counters

    def _count_lost(self, identity: str) -> None:
        """Count what is lost of what the process has recorded."""
        content = self._dead.content(identity)
        recorded = None if content is None else content.get("number")
        lost = [each.lose_rest(identity, recorded) for each in self._subscriptions]
        if any(lost):
            self._subscriptions[0].cursors.save(at_once=True)
            what = f"{max(lost)} notifications are lost: the journal of {identity} is damaged"
            log_line(LOG, logging.ERROR, f"{what} at its end")

    def _is_added(self, identity: str) -> bool:
        """Add the counters of the process to the totals. Returns whether that is done."""
        counters = self._ended.get(identity)
        if counters is None:
            return True  # there is no live file; if it comes back, the process lives
        with contextlib.suppress(OSError):
            add_ended(self._directory, identity, counters)
            return True
        return False

    def _record_unknown(self, identity: str, segments: list[int]) -> bool:
        """Record an unknown outcome for each intent that the dead process has left open.

        Returns whether that is done. It is done once, though the journal may wait for a broker for
        long, and though the leader may change. A leader that dies in the middle of it leaves it to
        the next one, which records the same ids.
        """
        if identity in self._unknown_recorded:
            return True
        totals = checksummed.load(self._directory / layout.TOTALS) or {}
        if identity not in totals.get(UNKNOWN_RECORDED, []):
            intents = read_open_intents(self._directory, identity, segments)
            if intents is None:
                self._dead.leave_alone(identity)
                return False
            unknown = list(_unknown(intents))
            for at in range(0, len(unknown), _PER_ENTRY):
                if not self._record(unknown[at : at + _PER_ENTRY]):
                    return False
            if unknown:
                recorded = still_needed(self._directory, totals, UNKNOWN_RECORDED)
                totals[UNKNOWN_RECORDED] = [*recorded, identity]
                totals["unknown"] = totals.get("unknown", 0) + len(unknown)
                checksummed.replace(self._directory / layout.TOTALS, totals)
                what = f"{identity} has died in the middle of {len(unknown)} operations"
                more = "their outcome is unknown, as an ERROR for each says"
                log_line(LOG, logging.WARNING, f"{what}: {more}")
        self._unknown_recorded.add(identity)
        return True

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
