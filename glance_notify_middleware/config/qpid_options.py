"""The options of the qpid strategy: a part of the table in `options`."""

from glance_notify_middleware.config.brokers import HOST, HOST_OR_EMPTY, HOSTS
from glance_notify_middleware.config.kinds import (
    BOOLEAN,
    NAME,
    PATH_OR_EMPTY,
    PORT,
    TEXT,
    TIME_OR_0,
    Kind,
    Option,
    listed,
    one_of,
)

QPID_HISTORIC = (
    "qpid_reconnect_timeout",
    "qpid_reconnect_limit",
    "qpid_reconnect_interval",
    "qpid_tcp_nodelay",
)
"""Names from old paste files that have no meaning any more."""


def _time_or(default: float) -> Kind:
    """A time; 0, which old paste files have, is the default."""
    return Kind(lambda text: TIME_OR_0.convert(text) or default, TIME_OR_0.expected)


_MECHANISMS = Kind(
    lambda text: listed("external", "plain", "anonymous")(text.replace(" ", ",")),
    "a list, separated by commas, of: EXTERNAL, PLAIN, ANONYMOUS",
)

QPID_OPTIONS = (
    Option("qpid_hostname", "localhost", HOST, "(qpid) Host of the broker."),
    Option("qpid_host", "", HOST_OR_EMPTY, "(qpid) Another name of qpid_hostname."),
    Option(
        "qpid_hosts",
        "",
        HOSTS,
        "(qpid) Hosts of a cluster, as host or host:port, separated by commas, in place of "
        "qpid_hostname.",
    ),
    Option("qpid_port", "5672", PORT, "(qpid) Port, where a host has none of its own."),
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
        "(qpid) How we say who we are: the first of these that the broker offers, of EXTERNAL, "
        "PLAIN and ANONYMOUS, separated by commas. Empty: EXTERNAL with a certificate, PLAIN with "
        "a user, ANONYMOUS with neither.",
    ),
    Option(
        "qpid_allow_plain_without_tls",
        "false",
        BOOLEAN,
        "(qpid) Whether the password may go over a network that anybody can read. To loopback it "
        "always may.",
    ),
    Option(
        "qpid_protocol",
        "tcp",
        one_of("tcp", "ssl"),
        "(qpid) tcp, or ssl for TLS to the broker (then its port is 5671, mostly).",
    ),
    Option(
        "qpid_ssl_ca_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) Certificates of the authorities that the broker's is checked against. Empty: the "
        "system's.",
    ),
    Option(
        "qpid_ssl_cert_file",
        "",
        PATH_OR_EMPTY,
        "(qpid) Our certificate, if the broker asks for one.",
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
        "(qpid) The exchange's address at the broker. RabbitMQ wants /exchange/{exchange}.",
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
        "(qpid) After so long a silence of the broker the connection counts as lost. 0: never.",
    ),
    Option(
        "qpid_reconnect_interval_min",
        "0.2",
        _time_or(0.2),
        "(qpid) The first wait before a connection is tried again; each further one is longer.",
    ),
    Option(
        "qpid_reconnect_interval_max",
        "30",
        _time_or(30.0),
        "(qpid) The longest wait of that kind.",
    ),
)
