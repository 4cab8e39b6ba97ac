"""The options of the qpid strategy: their table, what they must hold together, its settings."""

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar

from glance_notify_middleware.config import checks
from glance_notify_middleware.config.brokers import (
    HOST,
    HOST_OR_EMPTY,
    HOSTS,
    BrokerSettings,
    brokers_at,
)
from glance_notify_middleware.config.kinds import (
    BOOLEAN,
    NAME,
    PATH_OR_EMPTY,
    PORT,
    TEXT,
    TIME_OR_0,
    Kind,
    listed,
    one_of,
)
from glance_notify_middleware.config.option import Option, Values

HISTORIC = (
    "qpid_reconnect_timeout",
    "qpid_reconnect_limit",
    "qpid_reconnect_interval",
    "qpid_tcp_nodelay",
)
"""Names from old paste files that have no meaning: accepted, and named in the log."""


def _time_or(default: float) -> Kind:
    """A time; 0, which old paste files have, is the default."""
    return Kind(lambda text: TIME_OR_0.convert(text) or default, TIME_OR_0.expected)


_MECHANISMS = Kind(
    lambda text: listed("external", "plain", "anonymous")(text.replace(" ", ",")),
    "a list, separated by commas, of: EXTERNAL, PLAIN, ANONYMOUS",
)

OPTIONS = (
    Option("qpid_hostname", "localhost", HOST, "(qpid) Host of the broker."),
    Option("qpid_host", "", HOST_OR_EMPTY, "(qpid) Another name of qpid_hostname."),
    Option(
        "qpid_hosts",
        "",
        HOSTS,
        "(qpid) Hosts of a cluster, as host or host:port, separated by commas, in place of "
        "qpid_hostname.",
    ),
    Option("qpid_port", "5672", PORT, "(qpid) Port of the hosts that are given without a port."),
    Option("qpid_username", "", TEXT, "(qpid) User at the broker."),
    Option("qpid_password", "", TEXT, "(qpid) That user's password.", secret=True),
    Option(
        "qpid_password_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) File that holds the password, in place of qpid_password. It is read at each "
        "connection.",
    ),
    Option(
        "qpid_sasl_mechanisms",
        "",
        _MECHANISMS,
        "(qpid) EXTERNAL, PLAIN or ANONYMOUS, or several of them, separated by commas: the "
        "first of these SASL mechanisms that the broker offers is used. Empty: EXTERNAL with a "
        "certificate, PLAIN with a user, ANONYMOUS with neither.",
    ),
    Option(
        "qpid_allow_plain_without_tls",
        "false",
        BOOLEAN,
        "(qpid) Whether the password may be sent without TLS to another machine: anybody on the "
        "network can read it.",
    ),
    Option(
        "qpid_protocol",
        "tcp",
        one_of("tcp", "ssl"),
        "(qpid) tcp, or ssl for TLS to the broker, usually at port 5671.",
    ),
    Option(
        "qpid_ssl_ca_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) File with the certificates of the authorities that the broker's certificate is "
        "checked against. Empty: the authorities of the system.",
    ),
    Option(
        "qpid_ssl_cert_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) Certificate of the filter, if the broker asks for one.",
    ),
    Option(
        "qpid_ssl_key_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) The key of that certificate, without a passphrase.",
    ),
    Option(
        "qpid_ssl_verify",
        "true",
        BOOLEAN,
        "(qpid) Whether the broker's certificate and its host name are checked.",
    ),
    Option(
        "qpid_notification_exchange",
        "glance",
        NAME,
        "(qpid) The topic exchange that notifications are sent to.",
    ),
    Option(
        "qpid_notification_topic",
        "notifications",
        NAME,
        "(qpid) The subject of a message, which is its routing key, is this, a dot, and the "
        "priority in lower case.",
    ),
    Option(
        "qpid_target",
        "{exchange}",
        NAME,
        "(qpid) The exchange's address at the broker. For RabbitMQ: /exchange/{exchange}.",
    ),
    Option(
        "qpid_create_node",
        "false",
        BOOLEAN,
        "(qpid) Whether the broker is asked to create the exchange if it is missing (Qpid C++ "
        "broker only).",
    ),
    Option(
        "qpid_heartbeat",
        "60",
        TIME_OR_0,
        "(qpid) How long the broker may be silent before the connection counts as lost. 0: for "
        "ever.",
    ),
    Option(
        "qpid_reconnect_interval_min",
        "0.2",
        _time_or(0.2),
        "(qpid) The first wait before a connection is tried again; each further wait is longer.",
    ),
    Option(
        "qpid_reconnect_interval_max",
        "30",
        _time_or(30.0),
        "(qpid) The longest of these waits.",
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QpidSettings(BrokerSettings):
    """What the operator chose for the qpid strategy. Times are seconds."""

    option_prefix: ClassVar[str] = "qpid"

    sasl_mechanisms: tuple[str, ...]
    """In upper case, the preferred one first; never empty."""
    allow_plain_without_tls: bool
    protocol: str
    target: str
    create_node: bool
    heartbeat: float
    """0: the broker may be silent for ever."""
    reconnect_interval_min: float
    reconnect_interval_max: float


ALTERNATIVES = (
    ("qpid_hostname", "qpid_host"),
    ("qpid_hostname", "qpid_hosts"),
    ("qpid_host", "qpid_hosts"),
    ("qpid_password", "qpid_password_file"),
)
"""Pairs of options that say the same: at most one of a pair is given."""

_NEEDS = (
    ("qpid_ssl_cert_file", "qpid_ssl_key_file"),
    ("qpid_ssl_key_file", "qpid_ssl_cert_file"),
    ("qpid_password", "qpid_username"),
    ("qpid_password_file", "qpid_username"),
)

_NEED_SSL = ("qpid_ssl_ca_file", "qpid_ssl_cert_file", "qpid_ssl_key_file", "qpid_ssl_verify")

_MECHANISM_NEEDS = (("external", "qpid_ssl_cert_file"), ("plain", "qpid_username"))
"""SASL mechanism, and the option that it needs. In the order of preference."""


def check(values: Values, given: Set[str]) -> None:
    """See that the options agree; `given` are those with a line that is not empty.

    Raises OptionError.
    """
    checks.alternatives(ALTERNATIVES, given)
    checks.needs(_NEEDS, values, given)
    for name in _NEED_SSL:
        if name in given and values["qpid_protocol"] != "ssl":
            why = "the first needs qpid_protocol = ssl"
            raise checks.contradiction(name, "qpid_protocol", why)
    for mechanism, needed in _MECHANISM_NEEDS:
        if mechanism in values["qpid_sasl_mechanisms"] and not values[needed]:
            why = f"{mechanism.upper()} needs {needed} to be set too"
            raise checks.contradiction("qpid_sasl_mechanisms", needed, why)
    if values["qpid_username"] and not (values["qpid_password"] or values["qpid_password_file"]):
        why = "the first needs the second, or qpid_password_file"
        raise checks.contradiction("qpid_username", "qpid_password", why)
    checks.waits("qpid_reconnect_interval_min", "qpid_reconnect_interval_max", values)


def settings(values: Values) -> QpidSettings:
    """The strategy's settings from values that passed `check`."""
    one_host = (values["qpid_host"] or values["qpid_hostname"], None)
    return QpidSettings(
        hosts=brokers_at(
            values["qpid_hosts"] or (one_host,),
            values["qpid_port"],
            values["qpid_username"],
            "" if values["qpid_password_file"] else values["qpid_password"],
        ),
        password_file=values["qpid_password_file"],
        sasl_mechanisms=_mechanisms(values),
        allow_plain_without_tls=values["qpid_allow_plain_without_tls"],
        protocol=values["qpid_protocol"],
        ssl_ca_file=values["qpid_ssl_ca_file"],
        ssl_cert_file=values["qpid_ssl_cert_file"],
        ssl_key_file=values["qpid_ssl_key_file"],
        ssl_verify=values["qpid_ssl_verify"],
        notification_exchange=values["qpid_notification_exchange"],
        notification_topic=values["qpid_notification_topic"],
        target=values["qpid_target"],
        create_node=values["qpid_create_node"],
        heartbeat=values["qpid_heartbeat"],
        reconnect_interval_min=values["qpid_reconnect_interval_min"],
        reconnect_interval_max=values["qpid_reconnect_interval_max"],
    )


def _mechanisms(values: Values) -> tuple[str, ...]:
    """The mechanisms of the operator, or else those that the other options make possible."""
    possible = [mechanism for mechanism, needed in _MECHANISM_NEEDS if values[needed]]
    chosen = values["qpid_sasl_mechanisms"] or possible or ["anonymous"]
    return tuple(mechanism.upper() for mechanism in chosen)
