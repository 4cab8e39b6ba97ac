"""Turns the lines of the filter's section into Settings, or into an error with the way out."""

import difflib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Any

from glance_notify_middleware.config import (
    checks,
    qpid_options,
    rabbit_options,
    target_lines,
    webhook_options,
)
from glance_notify_middleware.config.general_options import target_name
from glance_notify_middleware.config.kinds import words_of
from glance_notify_middleware.config.option import Lines, OptionError, value_of
from glance_notify_middleware.config.qpid_options import QpidSettings
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.config.tables import BY_NAME, HISTORIC, NEEDED, OF_STRATEGIES, OPTIONS
from glance_notify_middleware.config.target_lines import TargetLines
from glance_notify_middleware.config.webhook_options import WebhookSettings
from glance_notify_middleware.events.addresses import Proxy
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.selection import ALL_KINDS, Kinds, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose, ready for use. Sizes are bytes, times seconds.

    A field is named as its option. The options of a strategy with brokers are in a field of the
    strategy's name, without their prefix: rabbit_virtual_host is `rabbit.virtual_host`.

    There are those of the section, and those of each of its `targets`, in which the lines of the
    target count, too. A target of its own has no `targets`.
    """

    notifier_strategy: tuple[str, ...]
    """The names of the targets, or noop alone."""
    default_publisher_id: str
    disabled_notifications: tuple[str, ...]
    event_types: tuple[str, ...]
    """Empty: all."""
    priorities: tuple[Priority, ...]
    projects: frozenset[str]
    """Empty: all."""
    message_format: str
    image_delete_payload: str
    trusted_proxies: tuple[Proxy, ...]
    follow_limit: float
    follow_max: int
    owner_cache_time: float
    log_file: str
    journal_dir: str
    journal_max_size: int
    journal_when_full: str
    journal_sync: str
    relay: str
    rabbit: RabbitSettings
    qpid: QpidSettings
    webhook: WebhookSettings
    journal_dir_is_set: bool
    """Whether the section has the line journal_dir: with logging alone it has events counted."""
    historic: tuple[str, ...]
    """The names of lines that have no meaning."""
    targets: Mapping[str, "Target"] = field(default_factory=dict)
    """By name, in the order of notifier_strategy; empty with noop."""
    own_options: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Of a target of an installed strategy: what its lines NAME.option set that are no options of
    this package, by option. The texts of the lines; of a strategy that declares its options, the
    values of all of them."""

    def wants(self, event_type: str, priority: Priority) -> bool:
        """Whether the operator wants notifications of such an event, at one target at least."""
        if self.targets:
            return any(each.settings.wants(event_type, priority) for each in self.targets.values())
        return (
            priority in self.priorities
            and not _is_among(event_type, self.disabled_notifications)
            and (not self.event_types or _is_among(event_type, self.event_types))
        )

    @property
    def kinds(self) -> Kinds:
        """The event types that are wanted, each with the priority."""
        return frozenset(kind for kind in ALL_KINDS if self.wants(*kind))

    @property
    def records_deleted_images(self) -> bool:
        """Whether the event of a delete is recorded with the metadata of the image, which is looked
        up before: a target wants it, or has to know the owner."""
        if self.targets:
            return any(each.settings.records_deleted_images for each in self.targets.values())
        needs_record = self.image_delete_payload == "metadata" or bool(self.projects)
        return needs_record and self.wants(EventType.DELETE, Priority.INFO)


@dataclass(frozen=True, slots=True)
class Target:
    """Where notifications go: what a word of notifier_strategy names."""

    name: str
    strategy: str
    settings: Settings
    has_own_lines: bool
    """Whether the section has a line NAME.option for it."""

    def selection(self, section: Settings) -> Selection:
        """What the target gets of what is recorded with the settings of the `section`."""
        settings = self.settings
        by_id = section.records_deleted_images and settings.image_delete_payload == "id"
        return Selection(settings.kinds, settings.projects, by_id)

    def option(self, name: str) -> str:
        """The name of an option as a line for this target has it."""
        return f"{self.name}.{name}" if self.has_own_lines else name


def _is_among(event_type: str, types: tuple[str, ...]) -> bool:
    """Whether a type is one of these types, or in one of these groups."""
    return any(event_type == each or event_type.startswith(f"{each}.") for each in types)


def read_section(shared: Lines, own: Lines, host_name: str) -> Settings:
    """Settings from a filter's section, as PasteDeploy hands it over.

    `own` are the lines that the filter is given. `shared` are those that PasteDeploy keeps from it:
    the file's [DEFAULT] section, and lines of the section that begin with `set`. PasteDeploy drops
    a line of the filter's own whose name stands in [DEFAULT] (3.1.0, `ConfigLoader.get_context`).
    So an option that stands in `shared` alone would be ignored: it is an OptionError. Raises
    OptionError as `read` does, too.
    """
    words = words_of(own.get("notifier_strategy", ""))
    names = {*words, *map(target_name, words)}
    of_targets = [name for name in shared if target_lines.is_of_one_of(names, name)]
    for name in (*BY_NAME, *of_targets):
        if name in shared and name not in own:
            file = shared.get("__file__", "the paste file")
            raise OptionError(_hidden(name, file), (name,))
    return read(own, host_name)


def _hidden(name: str, paste_file: str) -> str:
    return (
        f"option {name} of the notify filter stands in [DEFAULT] of {paste_file}, or behind the "
        f"word `set`: PasteDeploy keeps such a line from the filter, and a line {name} in the "
        "filter's section too; expected it in the filter's section alone"
    )


def read(lines: Lines, host_name: str) -> Settings:
    """Settings from the lines of the filter's own section; `host_name` is the publisher's default.

    Raises OptionError for a name that is not in OPTIONS, for a line NAME.option of no target, or
    that its target cannot have, for a value that is wrong, and for options that contradict each
    other. An error never holds the value of a secret option.
    """
    _refuse_unknown(lines)
    names = value_of(BY_NAME["notifier_strategy"], lines)
    shared, targets = target_lines.split(lines, names)
    for each in targets:
        _refuse_incomplete(each, shared)
    of_all = _settings(shared, host_name, _checked_for_all(targets))
    return replace(
        of_all,
        targets={
            each.name: Target(
                each.name, each.strategy, _of_target(each, shared, of_all), each.has_own
            )
            for each in targets
        },
    )


def _refuse_incomplete(target: TargetLines, shared: Lines) -> None:
    """Raises OptionError where the target lacks what its strategy needs."""
    needed = NEEDED.get(target.strategy)
    if needed and not target.over(shared).get(needed, "").strip():
        line = f"{target.name}.{needed}" if target.has_own else needed
        why = f"the strategy {target.strategy} needs the second to be set"
        raise checks.contradiction(target.strategy_line, line, why)


def _checked_for_all(targets: Sequence[TargetLines]) -> Set[str]:
    """The strategies whose options must agree in the lines for all targets: all but those whose
    every target has lines of its own."""
    apart = {each.strategy for each in targets if each.own}
    return OF_STRATEGIES.keys() - apart | {each.strategy for each in targets if not each.own}


def _of_target(target: TargetLines, shared: Lines, of_all: Settings) -> Settings:
    if not target.own:
        return of_all
    host_name = of_all.default_publisher_id
    try:
        found = _settings(target.over(shared), host_name, OF_STRATEGIES.keys() & {target.strategy})
    except OptionError as error:
        raise checks.of_target(error, target.name, target.own.keys(), shared.keys()) from None
    return replace(found, own_options=target.own_options)


def _settings(lines: Lines, host_name: str, checked: Set[str]) -> Settings:
    """Settings from lines without the name of a target. The options of the strategies `checked`
    must agree. Raises OptionError."""
    lines = rabbit_options.with_url_queries(lines)
    values = {option.name: value_of(option, lines) for option in OPTIONS}
    given = {name for name, text in lines.items() if text.strip()}
    for strategy, module in OF_STRATEGIES.items():
        if strategy in checked:
            module.check(values, given)
    return Settings(
        notifier_strategy=values["notifier_strategy"],
        default_publisher_id=values["default_publisher_id"] or host_name,
        disabled_notifications=values["disabled_notifications"],
        event_types=values["event_types"],
        priorities=values["priorities"],
        projects=values["projects"],
        message_format=values["message_format"],
        image_delete_payload=values["image_delete_payload"],
        trusted_proxies=values["trusted_proxies"],
        follow_limit=values["follow_limit"],
        follow_max=values["follow_max"],
        owner_cache_time=values["owner_cache_time"],
        log_file=values["log_file"],
        journal_dir=values["journal_dir"],
        journal_max_size=values["journal_max_size"],
        journal_when_full=values["journal_when_full"],
        journal_sync=values["journal_sync"],
        relay=values["relay"],
        rabbit=rabbit_options.settings(values),
        qpid=qpid_options.settings(values),
        webhook=webhook_options.settings(values),
        journal_dir_is_set="journal_dir" in given,
        historic=tuple(name for name in HISTORIC if name in lines),
    )


def _refuse_unknown(lines: Lines) -> None:
    known = sorted(option.name for option in OPTIONS)
    for name in lines:
        if name not in known and name not in HISTORIC and not target_lines.is_of_target(name):
            raise OptionError(_unknown(name, known), (name,))


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "the options are: " + ", ".join(known)
    return f"option {name} of the notify filter is not known; {hint}"
