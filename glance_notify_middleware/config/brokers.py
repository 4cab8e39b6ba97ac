"""Which brokers: lists of hosts and ports, and transport URLs as the rest of OpenStack has them."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote

from glance_notify_middleware.config.kinds import BOOLEAN, Kind, RefusedError, line, port, words_of

AMQP_PORT = 5672
AMQPS_PORT = 5671


@dataclass(frozen=True, slots=True)
class Broker:
    """One host to connect to, and who we are there. Its text, `host:port`, can be shown."""

    host: str
    port: int
    userid: str
    password: str = field(repr=False)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class TransportURL:
    """What a transport_url says; `lines` are those of the section that its queries stand for."""

    brokers: tuple[Broker, ...]
    virtual_host: str
    lines: tuple[tuple[str, str], ...]


def _address(word: str) -> tuple[str, int | None]:
    """Host and port of `host`, `host:port`, `[::1]`, `[::1]:port` or `::1`; ValueError: none."""
    match = re.fullmatch(r"\[(.*)\](?::(.*))?|([^:]*)(?::([^:]*))?|(.*)", word)
    assert match  # the last alternative takes anything
    bracketed, its_port, name, name_port, bare = match.groups()
    if name is None:
        _ipv6(bracketed or bare, word)
    elif not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*)", name):
        raise ValueError(word)
    number = name_port if its_port is None else its_port
    return name or bracketed or bare, None if number is None else _port(number, word)


def _ipv6(address: str, word: str) -> None:
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise ValueError(word) from None


def _port(number: str, word: str) -> int:
    try:
        return port(number)
    except ValueError:
        raise ValueError(word) from None


def _host(text: str) -> str:
    host, number = _address(text)
    if number is not None:
        raise ValueError(text)
    return host


def _hosts(text: str) -> tuple[tuple[str, int | None], ...]:
    return tuple(_address(word) for word in words_of(text))


_URL = re.compile(
    r"(?P<scheme>rabbit|kombu|amqps?)://(?P<hosts>[^/?#]*)(?:/(?P<virtual_host>[^?#]*))?"
    r"(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.IGNORECASE,
)


def _transport_url(text: str) -> TransportURL | None:
    """As oslo.messaging's TransportURL.parse and its rabbit driver read it (18.3); `amqp` and
    `amqps` as RabbitMQ's own URIs have it, the latter with TLS.

    Without a host: localhost. Without a user: guest. An empty virtual host is `/`.
    """
    if not text:
        return None
    match = _URL.fullmatch(line(text))
    if not match:
        raise RefusedError("it does not begin with rabbit://, amqp:// or amqps://")
    if match["fragment"]:
        raise RefusedError("it has a #, which is written %23 in a name or a password")
    with_tls = match["scheme"].lower() == "amqps"
    hosts = [word for word in match["hosts"].split(",") if word]
    if len({"@" in word for word in hosts}) > 1:
        raise RefusedError("either all hosts of it have a user and a password, or none")
    common_port = AMQPS_PORT if with_tls else AMQP_PORT
    return TransportURL(
        tuple(_broker(word, common_port) for word in hosts or ["localhost"]),
        unquote(match["virtual_host"] or "") or "/",
        tuple(_lines(match["query"] or "", with_tls).items()),
    )


_QUERIES = {
    "ssl": "rabbit_use_ssl",
    "ssl_ca_file": "rabbit_ssl_ca_file",
    "ssl_cert_file": "rabbit_ssl_cert_file",
    "ssl_key_file": "rabbit_ssl_key_file",
    "amqp_durable_queues": "rabbit_durable_queues",
}
"""Options of oslo.messaging's rabbit driver, and those of the filter that mean the same."""

_TLS_1_2_OR_NEWER = ("tlsv1_2", "sslv23")
_QUORUM = "rabbit_quorum_queue"


def _lines(query: str, with_tls: bool) -> dict[str, str]:
    """The options that the queries of a URL set, as lines of the section say them."""
    if "@" in query:
        raise RefusedError("it has a ?, which is written %3F in a name or a password")
    said = {name: ",".join(texts) for name, texts in parse_qs(query).items()}
    if "ssl" in said and not _boolean("ssl", said["ssl"]):
        if with_tls:
            raise RefusedError("it begins with amqps://, but its ssl says that there is no TLS")
        said = {name: text for name, text in said.items() if not name.startswith("ssl_")}
    if said.pop("ssl_version", "TLSv1_2").lower() not in _TLS_1_2_OR_NEWER:
        raise RefusedError("its ssl_version can be TLSv1_2 or SSLv23: either is TLS 1.2 or newer")
    is_quorum = _boolean(_QUORUM, said.pop(_QUORUM, "false"))
    if unknown := said.keys() - _QUERIES:
        raise RefusedError(
            f"its query {min(unknown)!r} is none of those that mean something here: "
            f"{', '.join(_QUERIES)}, {_QUORUM}, ssl_version; take it out of this copy of the URL"
        )
    if with_tls:
        said["ssl"] = "true"
    lines = {_QUERIES[name]: text for name, text in said.items()}
    if is_quorum:
        lines |= {"rabbit_queue_type": "quorum", "rabbit_durable_queues": "true"}
    return lines


def _boolean(name: str, text: str) -> bool:
    try:
        return bool(BOOLEAN.convert(text))
    except ValueError:
        raise RefusedError(f"its query {name} is neither true nor false") from None


def _broker(word: str, common_port: int) -> Broker:
    who, _, where = word.rpartition("@")
    userid, _, password = who.partition(":")
    try:
        host, number = _address(where)
    except ValueError:
        raise RefusedError(
            "a host or port of it is not one (in a name or a password, / is written %2F, "
            ": %3A, ? %3F, @ %40 and a comma %2C)"
        ) from None
    if bool(userid) != bool(password):
        raise RefusedError("a host of it has a user without a password, or none without a user")
    return Broker(
        host, number or common_port, unquote(userid) or "guest", unquote(password) or "guest"
    )


HOST = Kind(_host, "a host name or address")
HOST_OR_EMPTY = Kind(lambda text: text and _host(text), "a host name or address")
HOSTS = Kind(_hosts, "a list, separated by commas, of host:port; IPv6 as [::1]:5672")
TRANSPORT_URL = Kind(
    _transport_url,
    "rabbit://user:password@host:port,user2:password2@host2:port2/virtual_host, with queries such "
    "as ?ssl=1&ssl_ca_file=/path",
)
