"""Puts journal, relay and strategies together, as the settings say."""

import contextlib
import functools
import logging
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.delivery import leader_watch
from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.cursors import begin_now
from glance_notify_middleware.delivery.lane import Route
from glance_notify_middleware.delivery.leader_watch import LeaderWatch
from glance_notify_middleware.delivery.relay import PATIENCE, Relay
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.journal import fitness
from glance_notify_middleware.journal.destinations import Destinations, DestinationsError
from glance_notify_middleware.journal.fitness import DirectoryError
from glance_notify_middleware.journal.process_journals import ProcessJournals
from glance_notify_middleware.journal.recorder import JournalRecorder, message
from glance_notify_middleware.journal.writer import MAINTENANCE, Journal
from glance_notify_middleware.runtime.own_log import LOG, log_error, log_line, never_raises
from glance_notify_middleware.runtime.shutdown import at_process_end
from glance_notify_middleware.runtime.startup import in_each_process
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import Description, in_any_order
from glance_notify_middleware.strategies.registry import also_set_by, describe

_AGAIN = 10.0  # seconds between tries to start threads in a process that can have none now
_ASIDE = 4  # what is set aside takes a fourth of journal_max_size at most, all in all

_RELAYS: list[tuple[int, Relay]] = []  # that run beside requests, and in which process

Makers = Mapping[str, Callable[[], Strategy]]
"""What makes each strategy that needs delivery, by its name."""


_JOURNALS = ProcessJournals()
_DESTINATIONS = Destinations()

_FILTERS: dict[Path, Mapping[str, object]] = {}
"""In what those of this process agree, by journal_dir; a forked child has its parent's filters."""


def directory_of(settings: Settings) -> Path:
    """`journal_dir`, by the one name that all who use it in this process know it by."""
    return Path(settings.journal_dir).resolve()


def prepare(settings: Settings, strategies: Collection[str]) -> None:
    """See that `journal_dir` is fit, and that those who use it agree. Raises OptionError.

    `strategies` are those that need delivery.
    """
    directory = directory_of(settings)
    wanted = destinations(settings, strategies)
    of_filter = wanted | _of_a_journal(settings)
    before = _FILTERS.get(directory, of_filter)
    for name in (*of_filter, *before):
        if of_filter.get(name) != before.get(name):
            raise _disagreement(
                name,
                of_filter.get(name),
                before.get(name),
                "another filter of this process",
                f"{directory}; set the same, or another journal_dir",
            )
    ours = functools.partial(_JOURNALS.identity, directory)
    # What is recorded from now on is for a new strategy, too.
    add_new = functools.partial(begin_now, directory, strategies)
    try:
        fitness.prepare(directory)
        _DESTINATIONS.agree(directory, wanted, ours, add_new)
    except DestinationsError as error:
        raise _disagreement(
            error.name,
            wanted.get(error.name),
            error.living,
            "a process that runs",
            f"{directory}; stop all processes that use it, then start them (a reload is not "
            "enough), or set another journal_dir",
        ) from error
    except (DirectoryError, OSError) as error:
        raise OptionError(f"option journal_dir of the notify filter: {error}") from error
    _FILTERS[directory] = of_filter


def destinations(settings: Settings, strategies: Collection[str]) -> dict[str, object]:
    """What decides where notifications go, as whose, and in which form: by the names of options.

    One process delivers what all have recorded that share a journal_dir, by its own settings. There
    is no password among them, as this is written down: it may be changed by a reload.
    """
    found: dict[str, object] = {
        "notifier_strategy": ", ".join(sorted(strategies)),
        "message_format": settings.message_format,
        "priorities": in_any_order(settings.priorities),  # whose queues are looked for, and made
    }
    for name in sorted(strategies):
        found |= describe(name, settings).destination
    return found


def _of_a_journal(settings: Settings) -> dict[str, object]:
    """In these the filters of one process must agree that have one journal, and so one
    journal_dir."""
    return {
        "relay": settings.relay,
        "journal_max_size": settings.journal_max_size,
        "journal_sync": settings.journal_sync,
    }


def _disagreement(name: str, here: object, there: object, where: str, way_out: str) -> OptionError:
    another = also_set_by(name)
    also = f" (or {another})" if another else ""
    return OptionError(
        f"option {name}{also} of the notify filter: {here!r} here, but {there!r} in {where} with "
        f"the same journal_dir, {way_out}"
    )


def recorder(settings: Settings, strategies: Makers, paste_file: str = "") -> JournalRecorder:
    """What takes notifications into the journal of the process that calls it, from where they are
    relayed. Begins in each process that serves requests, also without one.

    `paste_file` is where the filter stands, for the command that starts its relay.
    """
    if settings.relay == "thread":
        ours = _Ours(settings, functools.partial(relay, settings, strategies))
    else:
        watch = LeaderWatch(directory_of(settings), leader_watch.command(paste_file))
        ours = _Ours(settings, None, watch.look)
    in_each_process(ours)
    return JournalRecorder(ours, refuse_when_full=settings.journal_when_full == "refuse")


def relay(settings: Settings, strategies: Makers) -> Relay:
    """The relay of `journal_dir`; runs nothing yet."""
    directory = directory_of(settings)
    routes = [
        Route(
            name=name,
            make=make,
            message_format=settings.message_format,
            back_off=_back_off(describe(name, settings)),
            aside_max_size=settings.journal_max_size // _ASIDE // len(strategies),
        )
        for name, make in strategies.items()
    ]
    identity = functools.partial(_JOURNALS.identity, directory)
    return Relay(directory, routes, identity, functools.partial(_settle, _Ours(settings, None)))


class _Ours:
    """Gives the journal of the process that calls, in which it is tended from then on."""

    def __init__(
        self,
        settings: Settings,
        make_relay: Callable[[], Relay] | None,
        look: Callable[[], None] = lambda: None,
    ) -> None:
        """`make_relay` makes what is to run beside it, in each process; `look` is called about
        once a second."""
        self._directory = directory_of(settings)
        self._make = functools.partial(
            Journal,
            self._directory,
            max_size=settings.journal_max_size,
            sync=settings.journal_sync == "full",
        )
        self._make_relay = make_relay
        self._look = look
        self._found: tuple[int, Journal] | None = None  # and the process whose it is
        self._tried: tuple[int, float] | None = None  # which process to tend it, and when

    def __call__(self) -> Journal:
        found = self._found
        if found is not None and found[0] == os.getpid():
            return found[1]
        ours = _JOURNALS.get(self._directory, self._make)
        if ours.is_maintained:
            self._found = os.getpid(), ours
        elif self._may_try():
            _begin(ours, self._make_relay, self._look)
        return ours

    def _may_try(self) -> bool:
        """Not at each request, where no thread can be started: each failure is told."""
        here, now = os.getpid(), time.monotonic()
        if self._tried is not None and self._tried[0] == here and now - self._tried[1] < _AGAIN:
            return False
        self._tried = here, now
        return True


def _settle(ours: _Ours, unknown: Sequence[Notification]) -> bool:
    """See Settling: what is recorded here is told by the relay as all else is.

    Beyond the bound, too: until the dead are settled, what they have left can be what fills it.
    """
    try:
        ours().append([message(each) for each in unknown])
        ours().sync()  # the segments of the dead, which tell of them, may go then
    except OSError:
        return False
    return True


def _back_off(description: Description) -> BackOff:
    return BackOff(description.first_wait, description.longest_wait)


@never_raises
def _begin(ours: Journal, make_relay: Callable[[], Relay] | None, look: Callable[[], None]) -> None:
    if make_relay is not None:
        its_relay = make_relay()
        if ours.start_thread("glance-notify-relay", its_relay.run):
            _RELAYS.append((os.getpid(), its_relay))
    # The last one: it says that both run.
    ours.start_thread(MAINTENANCE, functools.partial(_tend, ours, look))


@never_raises
def _end() -> None:
    """Of all directories at once, as the process has but 5 seconds. What a forked child has come by
    of its parent does not run in it."""
    relays = [each for pid, each in _RELAYS if pid == os.getpid()]
    until = time.monotonic() + PATIENCE
    for each in relays:
        each.stop(0.0)
    for each in relays:
        each.stop(until - time.monotonic())
    for ours in _JOURNALS.all():
        if ours.is_maintained:
            with contextlib.suppress(OSError):  # the thread that tends it has logged that
                ours.maintain()


at_process_end(_end)


def _tend(ours: Journal, look: Callable[[], None] = lambda: None) -> None:
    """Once a second, and at once: so no request pays for the opening."""
    said: set[tuple[type[Exception], int | None]] = set()  # what is in its way: each is logged once
    while True:
        try:
            look()
            _tend_once(ours)
        except Exception as error:
            trouble = type(error), getattr(error, "errno", None)  # a text can hold a random name
            if trouble not in said:
                said.add(trouble)
                log_error(f"the journal in {ours.directory} cannot be tended", error)
        else:
            if said:
                log_line(LOG, logging.INFO, f"the journal in {ours.directory} is tended again")
            said.clear()
        time.sleep(1.0)


def _tend_once(ours: Journal) -> None:
    """Raises DirectoryError where the directory is not fit for this process: a server may have
    loaded the filter as another user than it serves requests as. And OSError."""
    try:
        ours.open()
        ours.maintain()
    except PermissionError:
        fitness.prepare(ours.directory)
        raise
