"""The relay: one leader on each node brings the journals of all its processes to the strategy."""

import logging
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.delivery import BackOff, Delivery
from glance_notify_middleware.harmless import LOG, log_alone, log_error
from glance_notify_middleware.journal import directory as layout
from glance_notify_middleware.journal.cursors import Cursors
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.settling import Settling
from glance_notify_middleware.strategies import Strategy

_POLL = 0.05  # seconds between looks at the journal, while there is nothing new
_FOLLOWER_POLL = 0.5  # seconds between tries to take the lead
_SURVEY = 1.0  # seconds between looks at who lives, what can be removed, and the connection


@dataclass(frozen=True, slots=True)
class Route:
    """Where a relay brings notifications, and how."""

    name: str
    make: Callable[[], Strategy]
    message_format: str
    back_off: BackOff
    aside_max_size: int  # bytes


class Relay:
    """Takes the lead when nobody has it, and keeps it as long as it runs.

    That there is but one leader saves work; no promise hangs on it: two send everything twice,
    with the same ids.
    """

    def __init__(self, directory: Path, route: Route, ours: Callable[[], str | None]) -> None:
        """`ours` is the identity under which this process itself records, if it does."""
        self._directory = directory
        self._route = route
        self._ours = ours
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._said = ""  # the error that was last told

    def run(self) -> None:
        """Relay until `stop`. To be run by one thread, which owns all that is opened here."""
        try:
            while not self._stop.is_set():
                try:
                    self._follow_or_lead()
                    self._said = ""
                except Exception as error:
                    self._complain(error)
                    self._stop.wait(1.0)
        finally:
            self._ended.set()

    def stop(self, seconds: float = 4.5) -> None:
        """Take no more, and wait for what is on its way, not longer than `seconds`.

        What is left stands in the journal. By default the process has ended within 5 seconds.
        """
        self._stop.set()
        self._ended.wait(seconds)

    def _complain(self, error: Exception) -> None:
        """Once for an error that comes again and again."""
        if type(error).__name__ != self._said:
            self._said = type(error).__name__
            log_error(f"the relay begins again; notifications wait in {self._directory}", error)

    def _follow_or_lead(self) -> None:
        fd = os.open(
            self._directory / layout.RELAY_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
        )
        try:
            while not layout.lock(fd):
                if self._stop.wait(_FOLLOWER_POLL) or not self._is_the_lock(fd):
                    return
            _Lead(self._directory, self._route, self._ours).run(
                self._stop, lambda: self._is_the_lock(fd)
            )
        finally:
            os.close(fd)

    def _is_the_lock(self, fd: int) -> bool:
        """Whether the lock file is still the one that others find by its name."""
        return os.fstat(fd).st_nlink > 0


class _Lead:
    """One time of leading."""

    def __init__(self, directory: Path, route: Route, ours: Callable[[], str | None]) -> None:
        self._cursors = Cursors(directory, route.name)
        self._reader = Reader(directory, self._cursors.positions)
        self._strategy = route.make()
        self._delivery = Delivery(
            route.name,
            self._strategy,
            directory,
            self._cursors,
            message_format=route.message_format,
            back_off=route.back_off,
            aside_max_size=route.aside_max_size,
        )
        self._settling = Settling(directory, self._reader, self._cursors, self._delivery.holds)
        self._ours = ours
        self._directory = directory
        self._next_survey = 0.0
        self._newer: set[str] = set()  # whose records are not for us to read

    def run(self, stop: threading.Event, is_leader: Callable[[], bool]) -> None:
        layout.sweep(self._directory)
        log_alone(LOG, logging.INFO, f"this process relays the notifications of {self._directory}")
        try:
            while not stop.is_set():
                if time.monotonic() >= self._next_survey:
                    self._next_survey = time.monotonic() + _SURVEY
                    if not is_leader():
                        return
                    self._settling.survey(self._ours)
                    self._delivery.keep_alive()
                    self._point_out_newer()
                if not self._round():
                    stop.wait(_POLL)
        finally:
            self._delivery.close()
            self._settling.close()
            self._reader.close()
            self._cursors.save(at_once=True)

    def _point_out_newer(self) -> None:
        for identity, chain in self._reader.chains.items():
            if chain.is_newer and identity not in self._newer:
                self._newer.add(identity)
                told = f"the journal of {identity} is of a newer version, and waits for its relay"
                log_alone(LOG, logging.ERROR, told)

    def _round(self) -> bool:
        room = self._delivery.room
        if room > 0:
            steps = self._reader.read(room)
            self._delivery.take(steps)
            for step in steps:
                if step.lost:
                    told = f"{step.lost} notifications are lost: the journal of {step.identity}"
                    log_alone(LOG, logging.ERROR, f"{told} is damaged")
        worked = self._delivery.send()
        self._cursors.save()
        return worked
