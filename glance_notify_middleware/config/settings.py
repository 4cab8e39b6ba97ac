"""Turns the lines of the filter's section into Settings, or into an error with the way out."""

import difflib
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields
from typing import Any

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.kinds import CONTINUED, Option, RefusedError
from glance_notify_middleware.config.options import HISTORIC, OPTIONS
from glance_notify_middleware.events.identity import Proxy
from glance_notify_middleware.events.notification import EventType, Priority


class OptionError(ValueError):
    """A line in the filter's section is wrong; the message names it and the way out."""

    __module__ = "glance_notify_middleware.config"  # the public name, which a traceback shows


@dataclass(frozen=True, slots=True)
class Settings:
    """What the operator chose, ready for use: a field for each option, of the same name.

    But `rabbit_hosts` and `qpid_hosts` join all that says where the brokers are and who we are
    there (where there is a password file, the password is in that, not in a Broker),
    `qpid_sasl_mechanisms` is never empty, and `historic` has the names of the lines that have
    no meaning any more. Sizes are bytes, times seconds.
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
    rabbit_durable_queues: bool | None
    rabbit_queue_type: str
    rabbit_retry_backoff: float
    rabbit_retry_max_backoff: float
    qpid_hosts: tuple[Broker, ...]
    qpid_password_file: str
    qpid_sasl_mechanisms: tuple[str, ...]
    qpid_allow_plain_without_tls: bool
    qpid_protocol: str
    qpid_ssl_ca_file: str
    qpid_ssl_cert_file: str
    qpid_ssl_key_file: str
    qpid_ssl_verify: bool
    qpid_notification_exchange: str
    qpid_notification_topic: str
    qpid_target: str
    qpid_create_node: bool
    qpid_heartbeat: float
    qpid_reconnect_interval_min: float
    qpid_reconnect_interval_max: float
    historic: tuple[str, ...]

    def wants(self, event_type: EventType, priority: Priority) -> bool:
        """Whether the operator wants to be told of such an event."""
        return priority in self.priorities and not any(
            event_type == disabled or event_type.startswith(f"{disabled}.")
            for disabled in self.disabled_notifications
        )


_BY_NAME = {option.name: option for option in OPTIONS}

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
    ("qpid_hostname", "qpid_host"),
    ("qpid_hostname", "qpid_hosts"),
    ("qpid_host", "qpid_hosts"),
    ("qpid_password", "qpid_password_file"),
)

_NEEDS = (
    ("rabbit_ssl_ca_file", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_use_ssl"),
    ("rabbit_ssl_key_file", "rabbit_use_ssl"),
    ("rabbit_ssl_verify", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_ssl_key_file"),
    ("rabbit_ssl_key_file", "rabbit_ssl_cert_file"),
    ("qpid_ssl_cert_file", "qpid_ssl_key_file"),
    ("qpid_ssl_key_file", "qpid_ssl_cert_file"),
    ("qpid_password", "qpid_username"),
    ("qpid_password_file", "qpid_username"),
)
"""The first, when it is given, needs the second to have a value that is not empty or false."""

_NOT_LONGER = (
    ("rabbit_retry_backoff", "rabbit_retry_max_backoff"),
    ("qpid_reconnect_interval_min", "qpid_reconnect_interval_max"),
)
"""The first wait, and the longest."""

_OF_TLS = ("qpid_ssl_ca_file", "qpid_ssl_cert_file", "qpid_ssl_key_file", "qpid_ssl_verify")

_MECHANISM_NEEDS = (("external", "qpid_ssl_cert_file"), ("plain", "qpid_username"))


def read_section(shared: Mapping[str, str], own: Mapping[str, str], host_name: str) -> Settings:
    """Settings from a filter's section, as PasteDeploy hands it over.

    `own` are the lines that the filter is given; `shared` is what PasteDeploy keeps from it: the
    file's [DEFAULT] section, and what a section says behind `set`. PasteDeploy drops a line of the
    filter's own whose name stands in [DEFAULT] (3.1.0, `ConfigLoader.get_context`), so an option
    that is in `shared` alone is a line that would be ignored: an OptionError, as in `read`.
    """
    for option in OPTIONS:
        if option.name in shared and option.name not in own:
            raise OptionError(_hidden(option.name, shared.get("__file__", "the paste file")))
    return read(own, host_name)


def _hidden(name: str, paste_file: str) -> str:
    return (
        f"option {name} of the notify filter stands in [DEFAULT] of {paste_file}, or behind the "
        f"word `set`: PasteDeploy keeps such a line from the filter, and a line {name} in the "
        "filter's section too; expected it in the filter's section alone"
    )


def read(lines: Mapping[str, str], host_name: str) -> Settings:
    """Settings from the lines of the filter's own section; `host_name` is the publisher's default.

    Raises OptionError for a name that is not in OPTIONS, for a value that is wrong, and for
    options that contradict each other. An error never holds the value of a secret option.
    """
    known = {option.name for option in OPTIONS} | set(HISTORIC)
    for name in lines:
        if name not in known:
            raise OptionError(_unknown(name, sorted(known - set(HISTORIC))))
    lines = _with_queries(lines)
    values = {option.name: _value(option, lines) for option in OPTIONS}
    _check(values, {name for name, text in lines.items() if text.strip()})
    values |= _connection(values) | {
        "default_publisher_id": values["default_publisher_id"] or host_name,
        "historic": tuple(name for name in HISTORIC if name in lines),
    }
    return Settings(**{field.name: values[field.name] for field in fields(Settings)})


def _with_queries(lines: Mapping[str, str]) -> Mapping[str, str]:
    """The lines, and those that the queries of a transport_url stand for."""
    url = _value(_BY_NAME["transport_url"], lines)
    queried = dict(url.lines) if url else {}
    for name in queried:
        option = _BY_NAME[name]
        if lines.get(name, "").strip() and _value(option, lines) != _value(option, queried):
            raise _contradiction("transport_url", name, "the URL says something else: say it once")
    return {**lines, **queried}


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
    if "\n" in text:  # what was taken for a part of it can be another option, with a password
        return f"its value is not valid ({CONTINUED})"
    if "@" in text:
        return "its value, which is not shown as it has an @, is not valid"
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
    _check_queues(values)
    for first, longest in _NOT_LONGER:
        if values[first] > values[longest]:
            raise _contradiction(first, longest, "the first wait is longer than the longest")
    _check_qpid(values, given)


def _check_queues(values: Mapping[str, Any]) -> None:
    durable = values["rabbit_durable_queues"]
    if values["rabbit_queue_type"] == "quorum" and durable is False:
        why = "a quorum queue is always durable"
        raise _contradiction("rabbit_queue_type", "rabbit_durable_queues", why)
    if values["create_queues"] == "auto" and durable is None:
        why = (
            "with auto the second must be set, as the other services of this cloud declare the "
            "same names: true where [oslo_messaging_rabbit] amqp_durable_queues of glance-api.conf "
            "is true, else false; where its rabbit_quorum_queue is true, true and "
            "rabbit_queue_type = quorum"
        )
        raise _contradiction("create_queues", "rabbit_durable_queues", why)


def _check_qpid(values: Mapping[str, Any], given: Set[str]) -> None:
    for one in _OF_TLS:
        if one in given and values["qpid_protocol"] != "ssl":
            raise _contradiction(one, "qpid_protocol", "the first needs qpid_protocol = ssl")
    for mechanism, other in _MECHANISM_NEEDS:
        if mechanism in values["qpid_sasl_mechanisms"] and not values[other]:
            why = f"{mechanism.upper()} needs {other} to be set too"
            raise _contradiction("qpid_sasl_mechanisms", other, why)
    if values["qpid_username"] and not (values["qpid_password"] or values["qpid_password_file"]):
        why = "the first needs the second, or qpid_password_file"
        raise _contradiction("qpid_username", "qpid_password", why)


def _contradiction(one: str, other: str, why: str) -> OptionError:
    return OptionError(f"options {one} and {other} of the notify filter: {why}")


def _connection(values: Mapping[str, Any]) -> dict[str, Any]:
    """The joined fields."""
    mechanisms = values["qpid_sasl_mechanisms"] or [
        mechanism for mechanism, needed in _MECHANISM_NEEDS if values[needed]
    ]
    qpid = {
        "qpid_hosts": _brokers(values, "qpid", values["qpid_host"] or values["qpid_hostname"]),
        "qpid_sasl_mechanisms": tuple(each.upper() for each in mechanisms or ["anonymous"]),
    }
    url = values["transport_url"]
    if url:
        return qpid | {"rabbit_hosts": url.brokers, "rabbit_virtual_host": url.virtual_host}
    return qpid | {
        "rabbit_hosts": _brokers(values, "rabbit", values["rabbit_host"]),
        "rabbit_virtual_host": values["rabbit_virtual_host"] or "/",
    }


def _brokers(values: Mapping[str, Any], strategy: str, host: str) -> tuple[Broker, ...]:
    """Those of a strategy's hosts, or else of its one `host`."""
    user = values[_USER[strategy]]
    password = "" if values[f"{strategy}_password_file"] else values[f"{strategy}_password"]
    addresses = values[f"{strategy}_hosts"] or ((host, None),)
    return tuple(
        Broker(host, port or values[f"{strategy}_port"], user, password) for host, port in addresses
    )


_USER = {"rabbit": "rabbit_userid", "qpid": "qpid_username"}
