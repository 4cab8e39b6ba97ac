"""The table of the options that the filter's section can have."""

from glance_notify_middleware.config.brokers import HOST, HOSTS, TRANSPORT_URL
from glance_notify_middleware.config.kinds import (
    BOOLEAN,
    BOOLEAN_OR_EMPTY,
    NAME,
    NETWORKS,
    NUMBER,
    PATH,
    PATH_OR_EMPTY,
    PORT,
    PRIORITIES,
    SIZE_OF_JOURNAL,
    SIZE_OR_0,
    SOMETHING,
    STRATEGIES,
    TEXT,
    TIME,
    TYPES_AND_GROUPS,
    Option,
    one_of,
)
from glance_notify_middleware.config.qpid_options import QPID_HISTORIC, QPID_OPTIONS

HISTORIC = ("rabbit_max_retries", *QPID_HISTORIC)
"""Names from old paste files that have no meaning any more: accepted, and pointed out."""

OPTIONS = (
    Option(
        "notifier_strategy",
        "noop",
        STRATEGIES,
        "Where notifications go; several, separated by commas, each get all. noop (also: "
        "default): nowhere, and the filter takes itself out of the pipeline. logging: one line of "
        "JSON each. rabbit: to RabbitMQ. qpid: to a broker that speaks AMQP 1.0. Another word: a "
        "strategy that is installed under this name.",
    ),
    Option(
        "default_publisher_id",
        "",
        TEXT,
        "publisher_id of every notification. Empty: the name of the host.",
    ),
    Option(
        "disabled_notifications",
        "",
        TYPES_AND_GROUPS,
        "Event types, or groups of them (image.member), that are not sent, separated by commas.",
    ),
    Option(
        "priorities",
        "info, warn, error",
        PRIORITIES,
        "Priorities that are sent, separated by commas. INFO: done. WARN: refused. ERROR: failed, "
        "or a download that was cut short.",
    ),
    Option(
        "message_format",
        "plain",
        one_of("plain", "oslo"),
        "plain: the JSON object alone. oslo: in oslo.messaging's envelope, version 2.0. The "
        "logging strategy is always plain.",
    ),
    Option(
        "image_delete_payload",
        "id",
        one_of("id", "metadata"),
        "What image.delete tells: the image's id, or (as Glance's own notifier, for Ceilometer) "
        "its metadata, for which it is looked up before each delete.",
    ),
    Option(
        "trusted_proxies",
        "",
        NETWORKS,
        "Proxies in front of Glance whose X-Forwarded-For or Forwarded header is believed: "
        "addresses, networks, and unix (the peers of a unix socket), separated by commas. Empty: "
        "destination_ip is the peer's address.",
    ),
    Option(
        "follow_limit",
        "24h",
        TIME,
        "How long an import, or a location that is added, is followed after its 202 until it is "
        "known how it ended; then it is told as unknown.",
    ),
    Option(
        "follow_max",
        "1000",
        NUMBER,
        "How many of them a process follows at a time; what comes on top of that is told as "
        "unknown at once.",
    ),
    Option(
        "log_file",
        "",
        PATH_OR_EMPTY,
        "(logging) File to append to, safely from several processes and with logrotate. Empty: "
        "Python's logging, logger glance_notify_middleware.notifications.",
    ),
    Option(
        "journal_dir",
        "/var/lib/glance/notifications",
        PATH,
        "Directory of the journal, on a local file system: there notifications wait until the "
        "broker has confirmed them. The logging strategy needs no journal.",
    ),
    Option(
        "journal_max_size",
        "2GiB",
        SIZE_OF_JOURNAL,
        "What is not delivered, and dead letters, may take so much of the disk before "
        "journal_when_full applies; 1MiB at least. Segments that are written take a fourth of it "
        "more, and what is recorded in two seconds comes on top.",
    ),
    Option(
        "journal_when_full",
        "drop",
        one_of("drop", "refuse"),
        "Full is a journal that has reached its bound, or cannot be written. drop: new "
        "notifications go to Glance's log instead, whole, at ERROR. refuse: 503 to every request "
        "that would be an event.",
    ),
    Option(
        "journal_sync",
        "normal",
        one_of("normal", "full"),
        "normal: a power cut may take the last moments. full: each event is on the disk "
        "before the answer ends.",
    ),
    Option(
        "relay",
        "thread",
        one_of("thread", "external"),
        "Who sends what is in the journal. thread: a thread in one of Glance's workers. "
        "external: the command glance-notify relay, run as a service.",
    ),
    Option(
        "create_queues",
        "wait",
        one_of("wait", "auto", "never"),
        "(rabbit) wait: nothing is declared; where exchange or queue is missing, notifications "
        "wait for their reader. auto: what is missing is declared as rabbit_durable_queues and "
        "rabbit_queue_type say, which other services of the cloud must agree with. never: as wait, "
        "and nothing is looked for at start.",
    ),
    Option(
        "queue_max_bytes",
        "0",
        SIZE_OR_0,
        "(rabbit) Bound of the queues that are created; beyond it the broker drops the oldest. "
        "0: none. A consumer that declares them without it is refused: a policy is better.",
    ),
    Option("rabbit_host", "localhost", HOST, "(rabbit) Host of the broker."),
    Option(
        "rabbit_hosts",
        "",
        HOSTS,
        "(rabbit) Hosts of a cluster, as host or host:port, separated by commas, in place of "
        "rabbit_host.",
    ),
    Option("rabbit_port", "5672", PORT, "(rabbit) Port, where a host has none of its own."),
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
        "in glance-api.conf, its queries for TLS included (?ssl=1&ssl_ca_file=...); amqp:// and "
        "amqps:// too. In place of host, port, user, password and virtual host.",
        secret=True,
    ),
    Option("rabbit_use_ssl", "false", BOOLEAN, "(rabbit) TLS to the broker."),
    Option(
        "rabbit_ssl_ca_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) Certificates of the authorities that the broker's is checked against. Empty: "
        "the system's.",
    ),
    Option(
        "rabbit_ssl_cert_file",
        "",
        PATH_OR_EMPTY,
        "(rabbit) Our certificate, if the broker asks for one.",
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
        "(rabbit) Routing keys, and names of the queues, are this, a dot, and the priority in "
        "lower case.",
    ),
    Option(
        "rabbit_durable_queues",
        "",
        BOOLEAN_OR_EMPTY,
        "(rabbit) Whether exchange and queues that are created survive a restart of the broker; to "
        "be set with create_queues = auto, as amqp_durable_queues of the other services is.",
    ),
    Option(
        "rabbit_queue_type",
        "classic",
        one_of("classic", "quorum"),
        "(rabbit) Type of the queues that are created: quorum where the other services have "
        "rabbit_quorum_queue. Who declares another one is refused by the broker.",
    ),
    Option(
        "rabbit_retry_backoff",
        "0.2",
        TIME,
        "(rabbit) The first wait before a connection is tried again; each further one is longer.",
    ),
    Option("rabbit_retry_max_backoff", "30", TIME, "(rabbit) The longest wait of that kind."),
    *QPID_OPTIONS,
)
