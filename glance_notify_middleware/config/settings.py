"""Turns the lines of the filter's section into Settings, or into an error with the way out."""

import difflib
from dataclasses import dataclass

from glance_notify_middleware.config import (
    general_options,
    qpid_options,
    rabbit_options,
    webhook_options,
)
from glance_notify_middleware.config.option import Lines, OptionError, value_of
from glance_notify_middleware.config.qpid_options import QpidSettings
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.config.webhook_options import WebhookSettings
from glance_notify_middleware.events.identity import Proxy
from glance_notify_middleware.events.notification import EventType, Priority

OPTIONS = (
    *general_options.OPTIONS,
    *rabbit_options.OPTIONS,
    *qpid_options.OPTIONS,
    *webhook_options.OPTIONS,
)
"""Every option of the section, in the order in which the documents show them."""

HISTORIC = (*rabbit_options.HISTORIC, *qpid_options.HISTORIC)
"""Names from old paste files that have no meaning: accepted, and named in the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator chose, ready for use. Sizes are bytes, times seconds.

    A field is named as its option. The options of a strategy with brokers are in a field of the
    strategy's name, without their prefix: rabbit_virtual_host is `rabbit.virtual_host`.
    """

    notifier_strategy: tuple[str, ...]
    default_publisher_id: str
    disabled_notifications: tuple[str, ...]
    priorities: tuple[Priority, ...]
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

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants notifications of such an event."""
        return priority in self.priorities and not any(
            event_type == disabled or event_type.startswith(f"{disabled}.")
            for disabled in self.disabled_notifications
        )


def read_section(shared: Lines, own: Lines, host_name: str) -> Settings:
    """Settings from a filter's section, as PasteDeploy hands it over.

    `own` are the lines that the filter is given. `shared` are those that PasteDeploy keeps from it:
    the file's [DEFAULT] section, and lines of the section that begin with `set`. PasteDeploy drops
    a line of the filter's own whose name stands in [DEFAULT] (3.1.0, `ConfigLoader.get_context`).
    So an option that stands in `shared` alone would be ignored: it is an OptionError. Raises
    OptionError as `read` does, too.
    """
    for option in OPTIONS:
        if option.name in shared and option.name not in own:
            file = shared.get("__file__", "the paste file")
            raise OptionError(_hidden(option.name, file), (option.name,))
    return read(own, host_name)


def _hidden(name: str, paste_file: str) -> str:
    return (
        f"option {name} of the notify filter stands in [DEFAULT] of {paste_file}, or behind the "
        f"word `set`: PasteDeploy keeps such a line from the filter, and a line {name} in the "
        "filter's section too; expected it in the filter's section alone"
    )


def read(lines: Lines, host_name: str) -> Settings:
    """Settings from the lines of the filter's own section; `host_name` is the publisher's default.

    Raises OptionError for a name that is not in OPTIONS, for a value that is wrong, and for
    options that contradict each other. An error never holds the value of a secret option.
    """
    _refuse_unknown(lines)
    lines = rabbit_options.with_url_queries(lines)
    values = {option.name: value_of(option, lines) for option in OPTIONS}
    given = {name for name, text in lines.items() if text.strip()}
    rabbit_options.check(values, given)
    qpid_options.check(values, given)
    webhook_options.check(values, given)
    return Settings(
        notifier_strategy=values["notifier_strategy"],
        default_publisher_id=values["default_publisher_id"] or host_name,
        disabled_notifications=values["disabled_notifications"],
        priorities=values["priorities"],
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
        if name not in known and name not in HISTORIC:
            raise OptionError(_unknown(name, known), (name,))


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "the options are: " + ", ".join(known)
    return f"option {name} of the notify filter is not known; {hint}"
