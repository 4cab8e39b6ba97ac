"""The relay: one leader on each node brings the journals of all its processes to the strategies."""

import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.lane import JournalAccess, Lane, Route
from glance_notify_middleware.delivery.retiring import retire
from glance_notify_middleware.delivery.settling import RecordUnknown, Settling
from glance_notify_middleware.journal import layout, locks
from glance_notify_middleware.journal.files import open_or_replace
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line

STOP_TIMEOUT = 3.5
"""Seconds that the end of a process waits for what is on its way: it has 5 in all, of which one is
for a last look at what Glance works on."""

_FOLLOWER_POLL = 0.5  # seconds between tries to take the lead
_SURVEY = 1.0  # seconds between looks at who lives, and what can be removed
_SAME_TROUBLE = 60.0  # seconds in which an error that comes again is not told again


class Relay:
    """Takes the lead when nobody has it, and keeps it as long as it runs.

    That there is but one leader saves work; no promise hangs on it: two send everything twice,
    with the same ids.
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
        self._logged_at: dict[tuple[str, str], float] = {}  # when an error last ended what; seconds

    def run(self) -> None:
        """Relay until `stop`. To be run by one thread, which starts one for each strategy."""
        try:
            while not self._stop.is_set():
                try:
                    self._follow_or_lead()
                except Exception as error:
                    self._report("", error)
                    self._stop.wait(1.0)
        finally:
            self._ended.set()

    def stop(self, seconds: float = STOP_TIMEOUT) -> None:
        """Take no more, and wait for what is on its way, not longer than `seconds`.

        What is left stands in the journal.
        """
        self._stop.set()
        self._ended.wait(seconds)

    def _report(self, strategy: str, error: Exception) -> None:
        """Once for an error that comes again and again, or to all: the directory may be gone."""
        ended = "" if isinstance(error, OSError) else strategy
        said, now = (ended, type(error).__name__), time.monotonic()
        before = self._logged_at.get(said)
        self._logged_at[said] = now
        if before is None or now - before > _SAME_TROUBLE:
            told = f"the relay to {ended} begins again" if ended else "the relay begins again"
            log_error(f"{told}; notifications wait in {self._directory}", error)

    def _follow_or_lead(self) -> None:
        path = self._directory / layout.RELAY_LOCK
        fd = open_or_replace(path, os.O_RDWR | os.O_CREAT)
        try:
            while not locks.try_lock(fd):
                if self._stop.wait(_FOLLOWER_POLL) or not locks.is_same_file(path, fd):
                    return
            leadership = _Leadership(
                self._directory, self._routes, self._report, self._record_unknown
            )
            leadership.run(self._stop, self._own_identity, lambda: locks.is_same_file(path, fd))
        finally:
            os.close(fd)


class _Leadership:
    """One time of leading: a lane for each strategy, and a look at the whole now and then."""

    def __init__(
        self,
        directory: Path,
        routes: Sequence[Route],
        report: Callable[[str, Exception], None],
        record_unknown: RecordUnknown,
    ) -> None:
        self._access = JournalAccess(directory)
        self._cursors = CursorFile(directory, [route.name for route in routes])
        self._lanes = [
            Lane(self._access, route, self._cursors.of(route.name), report) for route in routes
        ]
        self._subscriptions = [lane.subscription for lane in self._lanes]
        self._settling = Settling(directory, self._subscriptions, record_unknown)
        self._report = report
        self._newer: set[str] = set()  # whose records are not for us to read

    def run(
        self,
        stop: threading.Event,
        own_identity: Callable[[], str | None],
        is_leader: Callable[[], bool],
    ) -> None:
        directory = self._access.directory
        layout.remove_stale_temporaries(directory)
        log_line(LOG, logging.INFO, f"this process relays the notifications of {directory}")
        retire(directory, self._cursors)
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
                if stop.wait(_SURVEY):
                    return
        finally:
            over.set()
            for thread in threads:
                thread.join()
            self._settling.close()

    def _survey(self, own_identity: Callable[[], str | None]) -> None:
        """An error of it ends no lane: what each sends is on its way."""
        try:
            with self._access.lock:
                self._settling.survey(own_identity)
                self._report_newer()
        except Exception as error:
            self._report("", error)

    def _report_newer(self) -> None:
        found = (chain for each in self._subscriptions for chain in each.reader.chains.values())
        for identity in {chain.identity for chain in found if chain.is_newer} - self._newer:
            self._newer.add(identity)
            told = f"the journal of {identity} is of a newer version, and waits for its relay"
            log_line(LOG, logging.ERROR, told)
