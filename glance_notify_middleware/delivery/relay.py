"""The relay: one leader on each node brings the journals of all its processes to the strategies."""

import contextlib
import enum
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.lane import JournalAccess, Lane, Route
from glance_notify_middleware.delivery.node import state_file
from glance_notify_middleware.delivery.node.state_file import NOTHING_KNOWN
from glance_notify_middleware.delivery.retiring import retire
from glance_notify_middleware.delivery.settling import RecordUnknown, Settling
from glance_notify_middleware.journal import layout, locks
from glance_notify_middleware.journal.files import open_or_replace
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line

STOP_TIMEOUT = 3.5
"""Seconds that the end of a process waits for messages on their way. The filter promises that
it holds up the end of a process for 5 seconds at most. The last look at background work takes 1 of
them (`wsgi.following`)."""

_STANDBY_POLL = 0.5  # seconds between tries to become the leader
_SURVEY_INTERVAL = 1.0  # seconds between surveys: who lives, and what can be removed
_SAME_TROUBLE = 60.0  # seconds in which an error that comes again is not logged again


class Doing(enum.StrEnum):
    """What a relay does, in an operator's words."""

    STANDING_BY = "stands by: another process is the leader"
    LEADING = "leads: sends what the processes of Glance have recorded"
    BEGINNING_AGAIN = "begins again after an error, which the log has"


class Relay:
    """Becomes the leader when there is none, and stays the leader as long as it runs.

    That there is one leader saves work. No promise depends on it: two leaders send everything
    twice, with the same ids.
    """

    def __init__(
        self,
        directory: Path,
        routes: Sequence[Route],
        own_identity: Callable[[], str | None],
        record_unknown: RecordUnknown,
    ) -> None:
        """`routes` are those of all strategies. `own_identity` gives the identity under which this
        process itself records, None where it does not; `record_unknown` records there: see
        Settling."""
        self._directory = directory
        self._record_unknown = record_unknown
        self._routes = routes
        self._own_identity = own_identity
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._turned: Callable[[Doing], None] = lambda doing: None
        self._logged_at: dict[tuple[str, str], float] = {}  # by strategy and type of error; seconds

    def run(self, turned: Callable[[Doing], None] = lambda doing: None) -> None:
        """Relay until `stop` is called. To be run by one thread; it starts one for each lane.

        The thread calls `turned` at each turn of its loop, about once a second. A survey ends only
        when no lane holds the lock of JournalAccess: a lane that hangs with that lock stops the
        calls, too.
        """
        self._turned = turned
        try:
            while not self._stop.is_set():
                try:
                    self._stand_by_and_lead()
                except Exception as error:
                    self._report("", error)
                    self._pause(Doing.BEGINNING_AGAIN, 1.0)
        finally:
            self._ended.set()

    def stop(self, seconds: float = STOP_TIMEOUT) -> None:
        """Have no more messages sent, and wait for those on their way, not longer than `seconds`.

        Messages that are left stay in the journal.
        """
        self._stop.set()
        self._ended.wait(seconds)

    def _pause(self, doing: Doing, seconds: float) -> bool:
        """The end of a turn: wait, and return whether the relay is to stop."""
        self._turned(doing)
        return self._stop.wait(seconds)

    def _report(self, strategy: str, error: Exception) -> None:
        """Log an error that has ended a lane, or with an empty `strategy` the whole relay.

        An error that comes again is logged once a minute. An OSError is logged once for all lanes:
        the directory may be gone.
        """
        ended = "" if isinstance(error, OSError) else strategy
        trouble, now = (ended, type(error).__name__), time.monotonic()
        before = self._logged_at.get(trouble)
        self._logged_at[trouble] = now
        if before is None or now - before > _SAME_TROUBLE:
            what = f"the relay to {ended} begins again" if ended else "the relay begins again"
            log_error(f"{what}; notifications wait in {self._directory}", error)

    def _stand_by_and_lead(self) -> None:
        """Wait for the lock of the leader, then lead. Returns after `stop`, or when the lock file
        is not the one at its path any more."""
        path = self._directory / layout.RELAY_LOCK
        fd = open_or_replace(path, os.O_RDWR | os.O_CREAT)
        try:
            while not locks.try_lock(fd):
                if self._pause(Doing.STANDING_BY, _STANDBY_POLL) or not locks.is_same_file(
                    path, fd
                ):
                    return
            leadership = _Leadership(
                self._directory, self._routes, self._report, self._record_unknown
            )
            leadership.run(
                functools.partial(self._pause, Doing.LEADING, _SURVEY_INTERVAL),
                self._own_identity,
                lambda: locks.is_same_file(path, fd),
            )
        finally:
            os.close(fd)


class _Leadership:
    """One period as the leader: a lane for each strategy, and a survey once a second."""

    def __init__(
        self,
        directory: Path,
        routes: Sequence[Route],
        report: Callable[[str, Exception], None],
        record_unknown: RecordUnknown,
    ) -> None:
        self._access = JournalAccess(directory)
        self._cursors = CursorFile(directory, [route.name for route in routes])
        earlier = state_file.load(directory, time.time()).targets
        self._lanes = [
            Lane(
                self._access,
                route,
                self._cursors.of(route.name),
                report,
                earlier.get(route.name, NOTHING_KNOWN),
            )
            for route in routes
        ]
        self._subscriptions = [lane.subscription for lane in self._lanes]
        self._settling = Settling(directory, self._subscriptions, record_unknown)
        self._report = report
        self._newer: set[str] = set()  # identities whose entries are of a newer version: logged

    def run(
        self,
        pause: Callable[[], bool],
        own_identity: Callable[[], str | None],
        is_leader: Callable[[], bool],
    ) -> None:
        """Lead until `pause`, which waits between two surveys, returns True or `is_leader` False.
        Then wait for the lanes to end."""
        directory = self._access.directory
        layout.remove_stale_temporaries(directory)
        log_line(LOG, logging.INFO, f"this process relays the notifications of {directory}")
        retire(directory, self._cursors)
        self._cursors.save(at_once=True)  # before anything is set aside: see AsideCounts
        over = threading.Event()
        threads: list[threading.Thread] = []
        try:
            for lane in self._lanes:
                name = f"glance-notify-{lane.name}"
                thread = threading.Thread(target=lane.run, args=(over,), name=name, daemon=True)
                thread.start()
                threads.append(thread)
            while is_leader():
                self._survey(own_identity)
                if pause():
                    return
        finally:
            over.set()
            for thread in threads:
                thread.join()
            self._settling.close()

    def _survey(self, own_identity: Callable[[], str | None]) -> None:
        """Settle and remove what can be, and write the state. An error is logged, and ends no
        lane."""
        try:
            with self._access.lock:
                self._settling.survey(own_identity)
                self._report_newer()
        except Exception as error:
            self._report("", error)
        with contextlib.suppress(OSError):  # the survey has reported what is wrong with the disk
            states = {lane.name: lane.state for lane in self._lanes}
            state_file.save(self._access.directory, states, self._settling.held)

    def _report_newer(self) -> None:
        """Log each journal whose next entry is of a newer version: this relay cannot read it."""
        chains = [
            chain
            for subscription in self._subscriptions
            for chain in subscription.reader.chains.values()
        ]
        for identity in {chain.identity for chain in chains if chain.is_newer} - self._newer:
            self._newer.add(identity)
            what = f"the journal of {identity} is of a newer version, and waits for its relay"
            log_line(LOG, logging.ERROR, what)
