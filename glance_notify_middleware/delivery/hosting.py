"""What a process hosts beside its requests: journals, their maintenance threads, and relays."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.maintenance_thread import maintain
from glance_notify_middleware.delivery.relay import STOP_TIMEOUT, Relay
from glance_notify_middleware.events.notification import Message, Notification
from glance_notify_middleware.journal.destinations import Destinations
from glance_notify_middleware.journal.process_journals import ProcessJournals
from glance_notify_middleware.journal.writer import MAINTENANCE, Journal
from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.runtime.shutdown import at_process_end

_THREAD_RETRY = 10.0  # seconds between tries to start threads in a process that can have none now


class Host:
    """The journals and relays of a process, for all of its filters.

    A forked child inherits the host. It gets journals and relays of its own, and does not touch
    those of its parent.
    """

    def __init__(self) -> None:
        """Have `end` called when the process ends in good order."""
        self.journals = ProcessJournals()
        self.destinations = Destinations()
        self.options: dict[Path, Mapping[str, object]] = {}
        """The options on which the filters of this process have to agree, by journal_dir."""
        self._relays: list[tuple[int, Relay]] = []  # with the id of the process that each runs in
        at_process_end(self.end)

    def run_relay(self, journal: Journal, relay: Relay) -> None:
        """Run `relay` on a thread, unless a relay runs beside `journal` already.

        Raises RuntimeError where no thread can be started now.
        """
        if journal.threads.start("glance-notify-relay", relay.run):
            self._relays.append((os.getpid(), relay))

    @never_raises
    def end(self) -> None:
        """Stop the relays of this process, and maintain its journals once more (Journal.maintain).

        The last thing that maintenance does is to write the counters into the live files.

        All relays are stopped at the same time, so that all of them together take STOP_TIMEOUT at
        most.
        """
        relays = [relay for pid, relay in self._relays if pid == os.getpid()]
        until = time.monotonic() + STOP_TIMEOUT
        for relay in relays:
            relay.stop(0.0)
        for relay in relays:
            relay.stop(until - time.monotonic())
        for journal in self.journals.all():
            if journal.is_maintained:
                with contextlib.suppress(OSError):  # the maintenance thread has logged it
                    journal.maintain()


@functools.cache
def host() -> Host:
    """The one host of this process, made for the first filter or for the relay command."""
    return Host()


class HostedJournal:
    """Gives the journal of one directory in the process that calls: a server may fork at any time.

    The first call in a process starts the journal's threads there.
    """

    def __init__(
        self,
        host: Host,
        directory: Path,
        make: Callable[[], Journal],
        *,
        make_relay: Callable[[], Relay] | None = None,
        each_second: Callable[[], None] = lambda: None,
    ) -> None:
        """`make` makes the journal. `make_relay`, if given, makes the relay that runs beside it.
        The maintenance thread calls `each_second` about once a second."""
        self._host = host
        self._directory = directory
        self._make = make
        self._make_relay = make_relay
        self._each_second = each_second
        self._found: tuple[int, Journal] | None = None  # and the process whose journal it is
        self._tried: tuple[int, float] | None = None  # the last try to start threads: where, when

    def __call__(self) -> Journal:
        """The journal of the process that calls."""
        found = self._found
        if found is not None and found[0] == os.getpid():
            return found[1]
        journal = self._host.journals.get(self._directory, self._make)
        if journal.is_maintained:
            self._found = os.getpid(), journal
        elif self._may_try():
            self._start_threads(journal)
        return journal

    def record_unknown(self, unknown: Sequence[Notification]) -> bool:
        """Record unknown outcomes: see Settling. Returns False where they cannot be written now.

        They are recorded even if the journal is full: the files of the dead processes can be what
        fills it, until these are settled.
        """
        try:
            self().append([Message.of(notification) for notification in unknown])
            self().sync()  # before the dead process's segments, which have the intents, are removed
        except OSError:
            return False
        return True

    def _may_try(self) -> bool:
        """Whether to try to start threads: not at each request, as each failure is logged."""
        here, now = os.getpid(), time.monotonic()
        tried = self._tried
        if tried is not None and tried[0] == here and now - tried[1] < _THREAD_RETRY:
            return False
        self._tried = here, now
        return True

    @never_raises
    def _start_threads(self, journal: Journal) -> None:
        if self._make_relay is not None:
            self._host.run_relay(journal, self._make_relay())
        # This thread is started last: if it runs, both run.
        journal.threads.start(MAINTENANCE, functools.partial(maintain, journal, self._each_second))
