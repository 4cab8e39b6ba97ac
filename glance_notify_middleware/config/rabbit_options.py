"""The options of the rabbit strategy: their table, what they must hold together, its settings."""

from collections.abc import Set
from dataclasses import dataclass
from typing import ClassVar

from glance_notify_middleware.config import checks
from glance_notify_middleware.config.brokers import HOST, HOSTS, BrokerSettings, brokers_at
from glance_notify_middleware.config.kinds import (
    BOOLEAN,
    BOOLEAN_OR_EMPTY,
    NAME,
    PATH_OR_EMPTY,
    PORT,
    SIZE_OR_0,
    SOMETHING,
    TEXT,
    TIME,
    one_of,
)
from glance_notify_middleware.config.option import Lines, Option, Values, value_of
from glance_notify_middleware.config.transport_url import TRANSPORT_URL

HISTORIC = ("rabbit_max_retries",)
"""Names from old paste files that have no meaning: accepted, and named in the log."""

OPTIONS = (
    Option(
        "create_queues",
        "wait",
        one_of("wait", "auto", "never"),
        "(rabbit) What is declared at the broker. wait: nothing; where the exchange or a queue "
        "is missing, notifications wait for the consumer that declares it. auto: what is "
        "missing, as rabbit_durable_queues and rabbit_queue_type say; the other services of the "
        "cloud must declare the same. never: as wait, but nothing is looked for at start.",
    ),
    Option(
        "queue_max_bytes",
        "0",
        SIZE_OR_0,
        "(rabbit) Bound of each queue that is created: beyond it the broker drops the oldest "
        "messages. 0: no bound. The broker refuses a consumer that declares such a queue "
        "without the bound: a policy is better.",
    ),
    Option("rabbit_host", "localhost", HOST, "(rabbit) Host of the broker."),
    Option(
        "rabbit_hosts",
        "",
        HOSTS,
        "(rabbit) Hosts of a cluster, as host or host:port, separated by commas, in place of "
        "rabbit_host.",
    ),
    Option(
        "rabbit_port", "5672", PORT, "(rabbit) Port of the hosts that are given without a port."
    ),
    Option("rabbit_userid", "guest", SOMETHING, "(rabbit) User at the broker."),
    Option("rabbit_password", "guest", SOMETHING, "(rabbit) That user's password.", secret=True),
    Option(
        "rabbit_password_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) File that holds the password, in place of rabbit_password. It is read at each "
        "connection.",
    ),
    Option("rabbit_virtual_host", "/", TEXT, "(rabbit) Virtual host at the broker."),
    Option(
        "transport_url",
        "",
        TRANSPORT_URL,
        "(rabbit) rabbit://user:password@host:port,user2:password2@host2:port2/virtual_host, as "
        "in glance-api.conf, its queries for TLS included (?ssl=1&ssl_ca_file=...). It may "
        "begin with kombu://, amqp:// or amqps://, too. In place of host, port, user, password "
        "and virtual host.",
        secret=True,
    ),
    Option("rabbit_use_ssl", "false", BOOLEAN, "(rabbit) TLS to the broker."),
    Option(
        "rabbit_ssl_ca_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) File with the certificates of the authorities that the broker's certificate "
        "is checked against. Empty: the authorities of the system.",
    ),
    Option(
        "rabbit_ssl_cert_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) Certificate of the filter, if the broker asks for one.",
    ),
    Option(
        "rabbit_ssl_key_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) The key of that certificate, without a passphrase.",
    ),
    Option(
        "rabbit_ssl_verify",
        "true",
        BOOLEAN,
        "(rabbit) Whether the broker's certificate and its host name are checked.",
    ),
    Option(
        "rabbit_notification_exchange",
        "glance",
        NAME,
        "(rabbit) The topic exchange that notifications are sent to.",
    ),
    Option(
        "rabbit_notification_topic",
        "notifications",
        NAME,
        "(rabbit) The routing key of a message, which is the name of its queue too, is this, a "
        "dot, and the priority in lower case.",
    ),
    Option(
        "rabbit_durable_queues",
        "",
        BOOLEAN_OR_EMPTY,
        "(rabbit) Whether the exchange and the queues that are created survive a restart of the "
        "broker. It must be set with create_queues = auto, as amqp_durable_queues of the other "
        "services is.",
    ),
    Option(
        "rabbit_queue_type",
        "classic",
        one_of("classic", "quorum"),
        "(rabbit) Type of the queues that are created: quorum where the other services have "
        "rabbit_quorum_queue. The broker refuses a service that declares a queue with another "
        "type.",
    ),
    Option(
        "rabbit_retry_backoff",
        "0.2",
        TIME,
        "(rabbit) The first wait before a connection is tried again; each further wait is longer.",
    ),
    Option("rabbit_retry_max_backoff", "30", TIME, "(rabbit) The longest of these waits."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RabbitSettings(BrokerSettings):
    """What the operator chose for the rabbit strategy. Sizes are bytes, times seconds."""

    option_prefix: ClassVar[str] = "rabbit"

    create_queues: str
    queue_max_bytes: int
    """0: no bound."""
    virtual_host: str
    use_ssl: bool
    durable_queues: bool | None
    """None: not set, which `create_queues` = auto does not allow."""
    queue_type: str
    retry_backoff: float
    retry_max_backoff: float


ALTERNATIVES = (
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
"""Pairs of options that say the same: at most one of a pair is given."""

_NEEDS = (
    ("rabbit_ssl_ca_file", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_use_ssl"),
    ("rabbit_ssl_key_file", "rabbit_use_ssl"),
    ("rabbit_ssl_verify", "rabbit_use_ssl"),
    ("rabbit_ssl_cert_file", "rabbit_ssl_key_file"),
    ("rabbit_ssl_key_file", "rabbit_ssl_cert_file"),
)

_BY_NAME = {option.name: option for option in OPTIONS}


def with_url_queries(lines: Lines) -> Lines:
    """The lines, and those that the queries of transport_url stand for. Raises OptionError."""
    url = value_of(_BY_NAME["transport_url"], lines)
    queried = dict(url.lines) if url else {}
    for name in queried:
        option = _BY_NAME[name]
        if lines.get(name, "").strip() and value_of(option, lines) != value_of(option, queried):
            why = "the URL says something else: say it once"
            raise checks.contradiction("transport_url", name, why)
    return {**lines, **queried}


def check(values: Values, given: Set[str]) -> None:
    """See that the options agree; `given` are those with a line that is not empty.

    Raises OptionError.
    """
    checks.alternatives(ALTERNATIVES, given)
    checks.needs(_NEEDS, values, given)
    durable = values["rabbit_durable_queues"]
    if values["rabbit_queue_type"] == "quorum" and durable is False:
        why = "a quorum queue is always durable"
        raise checks.contradiction("rabbit_queue_type", "rabbit_durable_queues", why)
    if values["create_queues"] == "auto" and durable is None:
        why = (
            "with auto the second must be set, as the other services of this cloud declare the "
            "same names: true where [oslo_messaging_rabbit] amqp_durable_queues of glance-api.conf "
            "is true, else false; where its rabbit_quorum_queue is true, true and "
            "rabbit_queue_type = quorum"
        )
        raise checks.contradiction("create_queues", "rabbit_durable_queues", why)
    checks.waits("rabbit_retry_backoff", "rabbit_retry_max_backoff", values)


def settings(values: Values) -> RabbitSettings:
    """The strategy's settings from values that passed `check`."""
    url = values["transport_url"]
    one_host = (values["rabbit_host"], None)
    return RabbitSettings(
        hosts=url.brokers
        if url
        else brokers_at(
            values["rabbit_hosts"] or (one_host,),
            values["rabbit_port"],
            values["rabbit_userid"],
            "" if values["rabbit_password_file"] else values["rabbit_password"],
        ),
        password_file=values["rabbit_password_file"],
        virtual_host=url.virtual_host if url else values["rabbit_virtual_host"] or "/",
        create_queues=values["create_queues"],
        queue_max_bytes=values["queue_max_bytes"],
        use_ssl=values["rabbit_use_ssl"],
        ssl_ca_file=values["rabbit_ssl_ca_file"],
        ssl_cert_file=values["rabbit_ssl_cert_file"],
        ssl_key_file=values["rabbit_ssl_key_file"],
        ssl_verify=values["rabbit_ssl_verify"],
        notification_exchange=values["rabbit_notification_exchange"],
        notification_topic=values["rabbit_notification_topic"],
        durable_queues=values["rabbit_durable_queues"],
        queue_type=values["rabbit_queue_type"],
        retry_backoff=values["rabbit_retry_backoff"],
        retry_max_backoff=values["rabbit_retry_max_backoff"],
    )
