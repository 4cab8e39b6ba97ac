"""Puts journal, relay and strategies together, according to the settings."""

import functools
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.count_folding import CountFolding
from glance_notify_middleware.delivery.cursors import add_strategies
from glance_notify_middleware.delivery.hosting import Host, HostedJournal
from glance_notify_middleware.delivery.lane import Route
from glance_notify_middleware.delivery.leader_watch import LeaderWatch, relay_command
from glance_notify_middleware.delivery.relay import Relay
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.journal import fitness
from glance_notify_middleware.journal.counting import CountingRecorder
from glance_notify_middleware.journal.destinations import DestinationsError
from glance_notify_middleware.journal.fitness import DirectoryError
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.recorder import Recorder
from glance_notify_middleware.recorder.selecting import SelectingRecorder
from glance_notify_middleware.runtime.startup import in_each_process
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.description import Description, in_any_order
from glance_notify_middleware.strategies.registry import also_set_by, describe

_ASIDE_PART = 4  # all aside files together take a fourth of journal_max_size at most

_CHOICE: Mapping[str, Callable[[Settings], object]] = {
    "projects": lambda settings: in_any_order(settings.projects),
    "disabled_notifications": lambda settings: in_any_order(settings.disabled_notifications),
    "event_types": lambda settings: in_any_order(settings.event_types),
    "image_delete_payload": lambda settings: settings.image_delete_payload,
}
"""The options that decide, where the lanes choose, which notifications a target gets, and in which
form; and the value of each."""

Makers = Mapping[str, Callable[[], Strategy]]
"""The functions that make the strategies of targets that need delivery, by the target's name."""


def directory_of(settings: Settings) -> Path:
    """The path of `journal_dir` without symbolic links: a directory has one path in a process."""
    return Path(settings.journal_dir).resolve()


def aside_max_size(settings: Settings, targets: int) -> int:
    """Bytes that the aside files of one of so many targets may have."""
    return settings.journal_max_size // _ASIDE_PART // max(targets, 1)


def prepare(settings: Settings, targets: Collection[str], host: Host) -> None:
    """Make sure that `journal_dir` is fit for a journal, and that all filters and processes that
    use it agree on its options. Raises OptionError.

    `targets` are the names of those that need delivery.
    """
    directory = directory_of(settings)
    wanted = destinations(settings, targets)
    of_filter = agreed(settings, targets)
    _compare_with_filters_before(of_filter, directory, host)
    identity = functools.partial(host.journals.identity, directory)
    # A new target is sent what is recorded from now on.
    add_new = functools.partial(add_strategies, directory, targets)
    try:
        fitness.prepare(directory)
        host.destinations.agree(directory, wanted, identity, add_new, _is_optional)
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
    host.options[directory] = of_filter


def _compare_with_filters_before(
    of_filter: Mapping[str, object], directory: Path, host: Host
) -> None:
    """Raises OptionError where another filter of this process has other options."""
    before = host.options.get(directory, of_filter)
    for name in (*of_filter, *before):
        if of_filter.get(name) != before.get(name):
            raise _disagreement(
                name,
                of_filter.get(name),
                before.get(name),
                "another filter of this process",
                f"{directory}; set the same, or another journal_dir",
            )


def destinations(settings: Settings, targets: Collection[str]) -> dict[str, object]:
    """What decides where notifications go, as which user, in which form and which of them, by
    option name.

    All processes that share a journal_dir have to agree on this, as one of them delivers what all
    have recorded, by its own settings. No password is in it: it is written to a file, and a reload
    may change a password.
    """
    found: dict[str, object] = {"notifier_strategy": ", ".join(sorted(targets))}
    chooses = _lanes_choose(settings, targets)
    for name in sorted(targets):
        target = settings.targets[name]
        decided: dict[str, object] = {"strategy": target.strategy} if target.has_own_lines else {}
        decided |= {**_of_messages(target.settings), **describe(target).destination}
        if chooses:
            decided |= {option: value(target.settings) for option, value in _CHOICE.items()}
        found |= {target.option(option): value for option, value in decided.items()}
    return found


def _of_messages(settings: Settings) -> dict[str, object]:
    """The general options that decide for a target how a recorded notification is sent."""
    return {
        "message_format": settings.message_format,
        "priorities": in_any_order(settings.priorities),  # their queues are looked for, or made
    }


def _is_optional(name: str) -> bool:
    """Whether a destination is missing where no target has lines of its own, or projects."""
    return name in _CHOICE or "." in name


def _lanes_choose(settings: Settings, targets: Collection[str]) -> bool:
    """Whether each lane chooses of what is recorded. Where no target differs from another, each
    process has chosen before it has recorded, by its own options."""
    found = [settings.targets[name] for name in targets]
    return any(each.has_own_lines or each.settings.projects for each in found)


def agreed(settings: Settings, targets: Collection[str]) -> dict[str, object]:
    """What filters of one process with the same journal_dir have to agree on, by option name.

    No password is in it.
    """
    return destinations(settings, targets) | _of_a_journal(settings)


def _of_a_journal(settings: Settings) -> dict[str, object]:
    """The options of a journal: filters of one process with the same journal_dir share a journal,
    and have to agree on these."""
    return {
        "relay": settings.relay,
        "journal_max_size": settings.journal_max_size,
        "journal_sync": settings.journal_sync,
    }


def _disagreement(name: str, here: object, there: object, where: str, way_out: str) -> OptionError:
    another = also_set_by(name.rpartition(".")[2])
    also = f" (or {another})" if another else ""
    return OptionError(
        f"option {name}{also} of the notify filter: {here!r} here, but {there!r} in {where} with "
        f"the same journal_dir, {way_out}"
    )


def recorder(settings: Settings, strategies: Makers, host: Host, paste_file: str = "") -> Recorder:
    """A recorder that stores notifications in the journal of the process that calls it, for
    delivery. Each process that serves requests opens its journal at the start, before a request.

    `paste_file` is the path of the file with the filter, for the log line with the command that
    starts a relay.
    """
    if settings.relay == "thread":
        journal = _hosted(settings, host, make_relay=lambda: relay(settings, strategies, host))
    else:
        watch = LeaderWatch(directory_of(settings), relay_command(paste_file))
        journal = _hosted(settings, host, each_second=watch.check)
    in_each_process(journal)
    found = JournalRecorder(journal, refuse_when_full=settings.journal_when_full == "refuse")
    of_targets = [settings.targets[name].settings for name in strategies]
    selection = Selection(
        frozenset().union(*(each.kinds for each in of_targets)),
        deletes_by_id=settings.records_deleted_images
        and not any(each.records_deleted_images for each in of_targets),
    )
    # Other targets, which write by themselves, may want more.
    return found if selection.is_all_of(settings.kinds) else SelectingRecorder(found, selection)


def counting(settings: Settings, writing: Recorder, host: Host) -> Recorder:
    """A recorder that has `writing` write, and counts in journal_dir. Nothing is delivered from
    there. Raises OptionError."""
    directory = directory_of(settings)
    of_filter = {"notifier_strategy": "logging", **_of_a_journal(settings)}
    _compare_with_filters_before(of_filter, directory, host)
    try:
        fitness.prepare(directory)
    except (DirectoryError, OSError) as error:
        raise OptionError(f"option journal_dir of the notify filter: {error}") from error
    host.options[directory] = of_filter
    folding = CountFolding(directory, functools.partial(host.journals.identity, directory))
    journal = _hosted(settings, host, each_second=folding.check)
    in_each_process(journal)
    return CountingRecorder(writing, journal)


def relay(settings: Settings, strategies: Makers, host: Host) -> Relay:
    """The relay of `journal_dir`, which does not run yet."""
    directory = directory_of(settings)
    chooses = _lanes_choose(settings, strategies)
    routes = []
    for name, make in strategies.items():
        target = settings.targets[name]
        route = Route(
            name=name,
            make=make,
            message_format=target.settings.message_format,
            back_off=_back_off(describe(target)),
            aside_max_size=aside_max_size(settings, len(strategies)),
            selection=target.selection(settings) if chooses else None,
        )
        routes.append(route)
    identity = functools.partial(host.journals.identity, directory)
    return Relay(directory, routes, identity, _hosted(settings, host).record_unknown)


def _hosted(
    settings: Settings,
    host: Host,
    *,
    make_relay: Callable[[], Relay] | None = None,
    each_second: Callable[[], None] = lambda: None,
) -> HostedJournal:
    directory = directory_of(settings)
    is_full = settings.journal_sync == "full"
    make = functools.partial(Journal, directory, max_size=settings.journal_max_size, sync=is_full)
    return HostedJournal(host, directory, make, make_relay=make_relay, each_second=each_second)


def _back_off(description: Description) -> BackOff:
    return BackOff(description.first_wait, description.longest_wait)
