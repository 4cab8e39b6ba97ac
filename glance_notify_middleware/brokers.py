"""Which brokers: lists of hosts and ports, and transport URLs as the rest of OpenStack has them."""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from glance_notify_middleware.values import Kind, RefusedError, port, words_of

AMQP_PORT = 5672


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
    """What a transport_url says."""

    brokers: tuple[Broker, ...]
    virtual_host: str


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


_URL = re.compile(r"rabbit://(?P<hosts>[^/?#]*)(?:/(?P<virtual_host>[^?#]*))?(?P<more>[?#].*)?")


def _transport_url(text: str) -> TransportURL | None:
    """As oslo.messaging's TransportURL.parse and its rabbit driver read it (18.3).

    Without a host: localhost. Without a user: guest. An empty virtual host is `/`.
    """
    if not text:
        return None
    match = _URL.fullmatch(text)
    if not match:
        raise RefusedError("it does not begin with rabbit://")
    if match["more"]:
        raise RefusedError(
            "what follows a ? or # is not read: say it with the rabbit_* options "
            "(in a name or a password, ? is written %3F, # %23)"
        )
    hosts = [word for word in match["hosts"].split(",") if word]
    if len({"@" in word for word in hosts}) > 1:
        raise RefusedError("either all hosts of it have a user and a password, or none")
    brokers = tuple(_broker(word) for word in hosts or ["localhost"])
    return TransportURL(brokers, unquote(match["virtual_host"] or "") or "/")


def _broker(word: str) -> Broker:
    who, _, where = word.rpartition("@")
    userid, _, password = who.partition(":")
    try:
        host, number = _address(where)
    except ValueError:
        raise RefusedError(
            "a host or port of it is not one (in a name or a password, / is written %2F, "
            ": %3A, @ %40 and a comma %2C)"
        ) from None
    if bool(userid) != bool(password):
        raise RefusedError("a host of it has a user without a password, or none without a user")
    return Broker(
        host, number or AMQP_PORT, unquote(userid) or "guest", unquote(password) or "guest"
    )


HOST = Kind(_host, "a host name or address")
HOST_OR_EMPTY = Kind(lambda text: text and _host(text), "a host name or address")
HOSTS = Kind(_hosts, "a list, separated by commas, of host:port; IPv6 as [::1]:5672")
TRANSPORT_URL = Kind(
    _transport_url, "rabbit://user:password@host:port,user2:password2@host2:port2/virtual_host"
)
