"""What a process hosts beside its requests: journals, their maintenance threads, and relays."""

import contextlib
import functools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.maintenance import maintain
from glance_notify_middleware.delivery.relay import STOP_TIMEOUT, Relay
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.journal.destinations import Destinations
from glance_notify_middleware.journal.process_journals import ProcessJournals
from glance_notify_middleware.journal.recorder import message
from glance_notify_middleware.journal.writer import MAINTENANCE, Journal
from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.runtime.shutdown import at_process_end

_THREAD_RETRY = 10.0  # seconds between tries to start threads in a process that can have none now


class Host:
    """The journals and the relays of a process, for all of its filters.

    A forked child has the host of its parent, too. What that has in the parent is told apart by the
    number of the process, and left alone.
    """

    def __init__(self) -> None:
        """What runs in it is ended with the process, in good order."""
        self.journals = ProcessJournals()
        self.destinations = Destinations()
        self.options: dict[Path, Mapping[str, object]] = {}
        """The options in which the filters of this process have to agree, by journal_dir."""
        self._relays: list[tuple[int, Relay]] = []  # with the process that each runs in
        at_process_end(self.end)

    def run_relay(self, journal: Journal, relay: Relay) -> None:
        """Run `relay` on a thread beside `journal`, unless one runs there already. Raises
        RuntimeError where no thread can be started now."""
        if journal.threads.start("glance-notify-relay", relay.run):
            self._relays.append((os.getpid(), relay))

    @never_raises
    def end(self) -> None:
        """Stop the relays of this process, and write what its journals have counted.

        All relays are stopped at the same time, as the process has but 5 seconds.
        """
        relays = [relay for pid, relay in self._relays if pid == os.getpid()]
        until = time.monotonic() + STOP_TIMEOUT
        for relay in relays:
            relay.stop(0.0)
        for relay in relays:
            relay.stop(until - time.monotonic())
        for journal in self.journals.all():
            if journal.is_maintained:
                with contextlib.suppress(OSError):  # the thread that maintains it has logged that
                    journal.maintain()


_HOSTS: list[Host] = []


def host() -> Host:
    """The one host of this process. It is made for the first filter, or for the relay command."""
    if not _HOSTS:
        _HOSTS.append(Host())
    return _HOSTS[0]


class HostedJournal:
    """The journal of one directory, in whatever process calls: a server may fork at any time.

    The first call in a process starts the threads that serve the journal there.
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
        """`make` makes the journal of a process, and `make_relay`, where it is given, the relay
        that runs beside it. The maintenance thread calls `each_second` about once a second."""
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
        """Record that the outcomes of operations are unknown: see Settling. False where that cannot
        be written now.

        They are recorded beyond the bound of the journal, too: until the dead processes are
        settled, their own files can be what fills it.
        """
        try:
            self().append([message(notification) for notification in unknown])
            self().sync()  # the segments of the dead process, which have the intents, may go then
        except OSError:
            return False
        return True

    def _may_try(self) -> bool:
        """Not at each request, where no thread can be started: each failure is logged."""
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
        # The last one: that it runs tells that both run.
        journal.threads.start(MAINTENANCE, functools.partial(maintain, journal, self._each_second))
