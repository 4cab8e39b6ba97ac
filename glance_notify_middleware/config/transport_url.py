"""The value of transport_url: brokers, virtual host and queries, as the rest of OpenStack has them.

A URL is read as oslo.messaging 18.3 reads it (`TransportURL.parse`, and its rabbit driver). `amqp`
and `amqps` are read as in RabbitMQ's own URIs; `amqps` means TLS.
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

from glance_notify_middleware.config.brokers import AMQP_PORT, AMQPS_PORT, Broker, address
from glance_notify_middleware.config.kinds import BOOLEAN, Kind, RefusedError, line


@dataclass(frozen=True, slots=True)
class TransportURL:
    """A parsed URL. `lines` are the lines of the section that its queries stand for."""

    brokers: tuple[Broker, ...]
    virtual_host: str
    lines: tuple[tuple[str, str], ...]


_URL = re.compile(
    r"(?P<scheme>rabbit|kombu|amqps?)://(?P<hosts>[^/?#]*)(?:/(?P<virtual_host>[^?#]*))?"
    r"(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.IGNORECASE,
)


def _transport_url(text: str) -> TransportURL | None:
    """The URL, or None for an empty text. Raises RefusedError.

    A URL without a host means localhost, without a user guest. An empty virtual host is `/`.
    """
    if not text:
        return None
    match = _URL.fullmatch(line(text))
    if not match:
        raise RefusedError("it does not begin with rabbit://, kombu://, amqp:// or amqps://")
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
"""Option of oslo.messaging's rabbit driver -> option of the filter that means the same."""

_TLS_1_2_OR_NEWER = ("tlsv1_2", "sslv23")
_QUORUM = "rabbit_quorum_queue"


def _lines(query: str, with_tls: bool) -> dict[str, str]:
    """The options that the queries of a URL set, as lines of the section set them."""
    if "@" in query:
        raise RefusedError("it has a ?, which is written %3F in a name or a password")
    queries = {name: ",".join(texts) for name, texts in parse_qs(query).items()}
    if "ssl" in queries and not _boolean("ssl", queries["ssl"]):
        if with_tls:
            raise RefusedError("it begins with amqps://, but its ssl says that there is no TLS")
        queries = {name: text for name, text in queries.items() if not name.startswith("ssl_")}
    if queries.pop("ssl_version", "TLSv1_2").lower() not in _TLS_1_2_OR_NEWER:
        raise RefusedError("its ssl_version can be TLSv1_2 or SSLv23: either is TLS 1.2 or newer")
    is_quorum = _boolean(_QUORUM, queries.pop(_QUORUM, "false"))
    if unknown := queries.keys() - _QUERIES:
        raise RefusedError(
            f"its query {min(unknown)!r} is none of those that mean something here: "
            f"{', '.join(_QUERIES)}, {_QUORUM}, ssl_version; take it out of this copy of the URL"
        )
    if with_tls:
        queries["ssl"] = "true"
    lines = {_QUERIES[name]: text for name, text in queries.items()}
    if is_quorum:
        lines |= {"rabbit_queue_type": "quorum", "rabbit_durable_queues": "true"}
    return lines


def _boolean(name: str, text: str) -> bool:
    try:
        return bool(BOOLEAN.convert(text))
    except ValueError:
        raise RefusedError(f"its query {name} is neither true nor false") from None


def _broker(word: str, common_port: int) -> Broker:
    """The broker in `user:password@host:port`."""
    login, _, place = word.rpartition("@")
    userid, _, password = login.partition(":")
    try:
        host, number = address(place)
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


TRANSPORT_URL = Kind(
    _transport_url,
    "rabbit://user:password@host:port,user2:password2@host2:port2/virtual_host, with queries such "
    "as ?ssl=1&ssl_ca_file=/path",
)
