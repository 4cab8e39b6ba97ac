"""Turns the lines of the filter's section into Settings, or into an error with the way out."""

import difflib
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields
from typing import Any

from glance_notify_middleware.brokers import Broker
from glance_notify_middleware.identity import Network
from glance_notify_middleware.notification import EventType, Priority
from glance_notify_middleware.options import HISTORIC, OPTIONS, Option
from glance_notify_middleware.values import RefusedError


class OptionError(ValueError):
    """A line in the filter's section is wrong; the message names it and the way out."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose, ready for use: a field for each option, of the same name.

    But `rabbit_hosts` joins all that says where the brokers are and who we are there (where
    there is a `rabbit_password_file`, the password is in that, not in a Broker), and
    `historic` has the names of the lines that have no meaning any more. Sizes are bytes,
    times seconds.
    """

    notifier_strategy: str
    default_publisher_id: str
    disabled_notifications: tuple[str, ...]
    priorities: tuple[Priority, ...]
    message_format: str
    image_delete_payload: str
    trusted_proxies: tuple[Network, ...]
    log_file: str
    journal_dir: str
    journal_max_size: int
    journal_when_full: str
    journal_sync: str
    relay: str
    create_queues: str
    queue_max_bytes: int
    rabbit_hosts: tuple[Broker, ...]
    rabbit_password_file: str
    rabbit_virtual_host: str
    rabbit_use_ssl: bool
    rabbit_ssl_ca_file: str
    rabbit_ssl_cert_file: str
    rabbit_ssl_key_file: str
    rabbit_ssl_verify: bool
    rabbit_notification_exchange: str
    rabbit_notification_topic: str
    rabbit_durable_queues: bool
    rabbit_queue_type: str
    rabbit_retry_backoff: float
    rabbit_retry_max_backoff: float
    historic: tuple[str, ...]

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants to be told of such an event."""
        return priority in self.priorities and not any(
            event_type == disabled or event_type.startswith(f"{disabled}.")
            for disabled in self.disabled_notifications
        )


_ONE_OR_THE_OTHER = (
    ("transport_url", "rabbit_host"),
    ("transport_url", "rabbit_hosts"),
    ("transport_url", "rabbit_port"),
    ("transport_url", "rabbit_userid"),
    ("transport_url", "rabbit_password"),
    ("transport_url", "rabbit_password_file"),
    ("transport_url", "rabbit_virtual_host"),
    ("rabbit_host", "rabbit_hosts"),
    ("rabbit_password", "rabbit_password_file"),
)

_NEEDS = (
    ("rabbit_ssl_ca_file", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_use_ssl"),
    ("rabbit_ssl_key_file", "rabbit_use_ssl"),
    ("rabbit_ssl_verify", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_ssl_key_file"),
    ("rabbit_ssl_key_file", "rabbit_ssl_cert_file"),
)
"""The first, when it is given, needs the second to have a value that is not empty or false."""


def read(lines: Mapping[str, str], host_name: str) -> Settings:
    """Settings from the lines of the filter's own section; `host_name` is the publisher's default.

    Raises OptionError for a name that is not in OPTIONS, for a value that is wrong, and for
    options that contradict each other. An error never holds the value of a secret option.
    """
    known = {option.name for option in OPTIONS} | set(HISTORIC)
    for name in lines:
        if name not in known:
            raise OptionError(_unknown(name, sorted(known - set(HISTORIC))))
    values = {option.name: _value(option, lines) for option in OPTIONS}
    _check(values, {name for name, text in lines.items() if text.strip()})
    values |= _connection(values) | {
        "default_publisher_id": values["default_publisher_id"] or host_name,
        "historic": tuple(name for name in HISTORIC if name in lines),
    }
    return Settings(**{field.name: values[field.name] for field in fields(Settings)})


def _value(option: Option, lines: Mapping[str, str]) -> Any:
    text = lines.get(option.name, option.default).strip()
    try:
        return option.kind.convert(text)
    except ValueError as error:
        wrong = _wrong_secret(error) if option.secret else _wrong(text, str(error))
    # Outside of the except clause: the error that is raised must not carry a secret with it.
    raise OptionError(
        f"option {option.name} of the notify filter: {wrong}; expected {option.kind.expected}"
    )


def _wrong(text: str, word: str) -> str:
    where = f" in {text!r}" if word != text else ""
    hint = " (a comment needs a line of its own)" if "#" in text or ";" in text else ""
    return f"{word!r}{where} is not valid{hint}"


def _wrong_secret(error: ValueError) -> str:
    why = f" ({error})" if isinstance(error, RefusedError) else ""
    return f"its value is not valid{why}"


def _unknown(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]}?" if close else "the options are: " + ", ".join(known)
    return f"option {name} of the notify filter is not known; {hint}"


def _check(values: Mapping[str, Any], given: Set[str]) -> None:
    for one, other in _ONE_OR_THE_OTHER:
        if one in given and other in given:
            raise _contradiction(one, other, "both say the same: set only one of them")
    for one, other in _NEEDS:
        if one in given and not values[other]:
            raise _contradiction(one, other, f"the first needs {other} to be set too")
    if values["rabbit_queue_type"] == "quorum" and not values["rabbit_durable_queues"]:
        why = "a quorum queue is always durable"
        raise _contradiction("rabbit_queue_type", "rabbit_durable_queues", why)
    if values["rabbit_retry_backoff"] > values["rabbit_retry_max_backoff"]:
        why = "the first wait is longer than the longest"
        raise _contradiction("rabbit_retry_backoff", "rabbit_retry_max_backoff", why)


def _contradiction(one: str, other: str, why: str) -> OptionError:
    return OptionError(f"options {one} and {other} of the notify filter: {why}")


def _connection(values: Mapping[str, Any]) -> dict[str, Any]:
    """The joined fields: from the URL if there is one, otherwise from the single options."""
    url = values["transport_url"]
    if url:
        return {"rabbit_hosts": url.brokers, "rabbit_virtual_host": url.virtual_host}
    password = "" if values["rabbit_password_file"] else values["rabbit_password"]
    addresses = values["rabbit_hosts"] or ((values["rabbit_host"], None),)
    return {
        "rabbit_hosts": tuple(
            Broker(host, port or values["rabbit_port"], values["rabbit_userid"], password)
            for host, port in addresses
        ),
        "rabbit_virtual_host": values["rabbit_virtual_host"] or "/",
    }
