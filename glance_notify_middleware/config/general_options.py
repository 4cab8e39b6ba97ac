"""The options that belong to no strategy with brokers: their table and kinds."""

import ipaddress
import re

from glance_notify_middleware.config.kinds import (
    NUMBER,
    PATH,
    PATH_OR_EMPTY,
    SIZE_OF_JOURNAL,
    TEXT,
    TIME,
    TIME_WITHIN_A_DAY,
    Kind,
    listed,
    one_of,
    words_of,
)
from glance_notify_middleware.config.option import Option, Scope
from glance_notify_middleware.events.addresses import UNIX, Network, Proxy
from glance_notify_middleware.events.formats import FORMATS
from glance_notify_middleware.events.notification import EventType, Priority

BUILT_IN_STRATEGIES = ("noop", "logging", "rabbit", "qpid", "webhook")
"""The words of notifier_strategy that this package gives a meaning: `strategies.registry`."""

_SYNONYMS = {"default": "noop"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_PROJECT = re.compile(r"\S{1,255}")


def target_name(word: str) -> str:
    """The name that a word of notifier_strategy gives: a built-in one is read in any case,
    any other name as it is written."""
    built_in = _SYNONYMS.get(word.lower(), word.lower())
    return built_in if built_in in BUILT_IN_STRATEGIES else word


def _name(word: str) -> str:
    """The name of a target. Raises ValueError where there can be none of this name."""
    name = target_name(word)
    if not _NAME.fullmatch(name):
        raise ValueError(word)
    return name


def strategy_name(text: str) -> str:
    """The name of a strategy that sends or writes something. Raises ValueError."""
    if (name := _name(text)) == "noop":
        raise ValueError(text)
    return name


def _targets(text: str) -> tuple[str, ...]:
    names: list[str] = []
    for word in words_of(text):
        name = _name(word)
        beside_noop = bool(names) and "noop" in (name, *names)
        if name in names or beside_noop:
            raise ValueError(word)
        names.append(name)
    if not names:
        raise ValueError(text)
    return tuple(names)


def _groups(event_type: EventType) -> list[str]:
    """The groups of a type, and itself: image, image.member and image.member.create."""
    words = event_type.split(".")
    return [".".join(words[: count + 1]) for count in range(len(words))]


_TYPES_AND_GROUPS = sorted({group for event_type in EventType for group in _groups(event_type)})


def _priorities(text: str) -> tuple[Priority, ...]:
    names = listed("info", "warn", "error")(text)
    if not names:
        raise ValueError(text)
    return tuple(Priority(name.upper()) for name in names)


def _projects(text: str) -> frozenset[str]:
    words = words_of(text)
    for word in words:
        if not _PROJECT.fullmatch(word):
            raise ValueError(word)
    return frozenset(words)


def _proxies(text: str) -> tuple[Proxy, ...]:
    return tuple(_proxy(word) for word in words_of(text))


_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


def _proxy(word: str) -> Proxy:
    if word.lower() in (UNIX, f"{UNIX}:"):  # nginx writes the colon
        return UNIX
    try:
        network: Network = ipaddress.ip_network(word)
    except ValueError:
        raise ValueError(word) from None  # without the error of ipaddress, which is about netmasks
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        # The addresses of peers and headers are unmapped before they are compared.
        ipv4 = int(network.network_address) - int(_MAPPED.network_address)
        return ipaddress.IPv4Network((ipv4, network.prefixlen - _MAPPED.prefixlen))
    return network


TARGETS = Kind(
    _targets,
    "noop alone, or a list, separated by commas, each once, of: logging, rabbit, qpid, webhook, "
    "names of targets with a line NAME.strategy, and names of strategies that are installed",
)
TYPES_AND_GROUPS = Kind(
    listed(*_TYPES_AND_GROUPS), "a list, separated by commas, of: " + ", ".join(_TYPES_AND_GROUPS)
)
PRIORITIES = Kind(_priorities, "a list, separated by commas, of one or more of: info, warn, error")
PROJECTS = Kind(_projects, "a list, separated by commas, of ids of projects")
NETWORKS = Kind(
    _proxies,
    "a list, separated by commas, of addresses, networks such as 10.0.0.0/8 or ::1, and unix (for "
    "the peers of a unix socket)",
)

OPTIONS = (
    Option(
        "notifier_strategy",
        "noop",
        TARGETS,
        "Where notifications go: one target, or several, separated by commas. noop (also: "
        "default): nowhere, and the filter takes itself out of the pipeline. logging: one line of "
        "JSON each. rabbit: to RabbitMQ. qpid: to a broker that speaks AMQP 1.0. webhook: by HTTPS "
        "to a receiver. Another word: the target of that name, by its line NAME.strategy, or the "
        "installed strategy of that name.",
        scope=Scope.FILTER,
    ),
    Option(
        "default_publisher_id",
        "",
        TEXT,
        "publisher_id of every notification. Empty: the name of the host.",
        scope=Scope.FILTER,
    ),
    Option(
        "disabled_notifications",
        "",
        TYPES_AND_GROUPS,
        "Event types, or groups of them (image.member), that are not sent, separated by commas.",
        scope=Scope.TARGET,
    ),
    Option(
        "event_types",
        "",
        TYPES_AND_GROUPS,
        "Event types, or groups of them (image.member), that are sent, and no others, separated by "
        "commas. Empty: all.",
        scope=Scope.TARGET,
    ),
    Option(
        "priorities",
        "info, warn, error",
        PRIORITIES,
        "Priorities that are sent, separated by commas. INFO: done. WARN: refused. ERROR: failed, "
        "or a download that was cut short.",
        scope=Scope.TARGET,
    ),
    Option(
        "projects",
        "",
        PROJECTS,
        "Ids of projects, separated by commas: a notification is sent where one of them owns the "
        "image, receives it or is the member. Where the payload names no owner, the project that "
        "asked counts. Empty: all.",
        scope=Scope.TARGET,
    ),
    Option(
        "message_format",
        "plain",
        one_of(*FORMATS),
        "plain: the JSON object alone. oslo: in oslo.messaging's envelope, version 2.0. "
        "cloudevents: a CloudEvent 1.0, as JSON. cadf: an event of the Cloud Auditing Data "
        "Federation. The logging strategy is always plain.",
        scope=Scope.BROKER,
    ),
    Option(
        "image_delete_payload",
        "id",
        one_of("id", "metadata"),
        "The payload of image.delete. id: the image's id. metadata: the image's metadata, as "
        "Glance's own notifier sends it (for Ceilometer); the image is then looked up before "
        "each delete.",
        scope=Scope.TARGET,
    ),
    Option(
        "trusted_proxies",
        "",
        NETWORKS,
        "Proxies in front of Glance whose X-Forwarded-For or Forwarded header is believed: "
        "addresses, networks, and unix (the peers of a unix socket), separated by commas. Empty: "
        "destination_ip is the peer's address.",
        scope=Scope.FILTER,
    ),
    Option(
        "follow_limit",
        "24h",
        TIME,
        "How long an import, or a location that is added, is followed after its 202. If its end "
        "is not seen by then, its outcome is reported as unknown.",
        scope=Scope.FILTER,
    ),
    Option(
        "follow_max",
        "1000",
        NUMBER,
        "How many of these a process follows at a time. Where more begin, their outcome is "
        "reported as unknown at once.",
        scope=Scope.FILTER,
    ),
    Option(
        "owner_cache_time",
        "10m",
        TIME_WITHIN_A_DAY,
        "How long a process remembers the owner and the size of an active image, so that downloads "
        "of the image ask Glance for them once. An owner that another process has changed may be "
        "reported for that long. 0: each download asks.",
        scope=Scope.FILTER,
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
        "Directory of the journal, on a local file system. Notifications wait there until the "
        "broker has confirmed them. The logging strategy needs no journal; with it alone, this "
        "line has its notifications counted there.",
        scope=Scope.FILTER,
    ),
    Option(
        "journal_max_size",
        "2GiB",
        SIZE_OF_JOURNAL,
        "How much of the disk undelivered notifications and dead letters may take before "
        "journal_when_full applies; at least 1MiB. Segments that are being written take up to a "
        "fourth of it more, and what is recorded within two seconds comes on top.",
        scope=Scope.FILTER,
    ),
    Option(
        "journal_when_full",
        "drop",
        one_of("drop", "refuse"),
        "What happens when the journal is full: it has reached its bound, or cannot be written. "
        "drop: new notifications go to Glance's log instead, whole, at ERROR. refuse: every "
        "request that would be an event is answered with 503.",
        scope=Scope.FILTER,
    ),
    Option(
        "journal_sync",
        "normal",
        one_of("normal", "full"),
        "normal: a power cut may take what was recorded in the last moments. full: each event "
        "is on the disk before the answer ends.",
        scope=Scope.FILTER,
    ),
    Option(
        "relay",
        "thread",
        one_of("thread", "external"),
        "Where the journal is delivered. thread: in a thread of one of Glance's workers. "
        "external: by the command glance-notify relay, run as a service.",
        scope=Scope.FILTER,
    ),
)
