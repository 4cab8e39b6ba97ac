"""Brokers: hosts and ports, and what the settings of the strategies that connect have."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from glance_notify_middleware.config.kinds import Kind, port, words_of

AMQP_PORT = 5672
AMQPS_PORT = 5671

Address = tuple[str, int | None]
"""Host name or IP address, and port; None: the common port of the option beside it."""


@dataclass(frozen=True, slots=True)
class Broker:
    """A host to connect to, and the user there. Its text, `host:port`, may be shown."""

    host: str
    port: int
    userid: str
    password: str = field(repr=False)
    """Empty where the password stands in a file."""

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """What the settings of every built-in strategy with delivery have: the peers, and TLS.

    A field is named as its option, without the strategy's prefix. But `hosts` joins all options
    about hosts, ports, user and password.
    """

    option_prefix: ClassVar[str]
    """What the names of the options begin with, for error messages: `rabbit` of `rabbit_hosts`."""

    files: ClassVar[tuple[str, ...]] = ("ssl_ca_file", "ssl_cert_file", "ssl_key_file")
    """The fields that name files which are read at each connection."""

    hosts: tuple[Broker, ...]
    ssl_ca_file: str
    ssl_cert_file: str
    ssl_key_file: str
    ssl_verify: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerSettings(PeerSettings):
    """What the settings of every strategy that sends to an exchange of a broker have."""

    files: ClassVar[tuple[str, ...]] = ("password_file", *PeerSettings.files)

    password_file: str
    notification_exchange: str
    notification_topic: str

    def routing_key(self, priority: str) -> str:
        """The routing key of the messages of a priority."""
        return f"{self.notification_topic}.{priority.lower()}"


def brokers_at(
    addresses: Iterable[Address], common_port: int, userid: str, password: str
) -> tuple[Broker, ...]:
    """A broker for each address, all with the same user."""
    return tuple(
        Broker(host, number or common_port, userid, password) for host, number in addresses
    )


def address(word: str) -> Address:
    """The address in `host`, `host:port`, `[::1]`, `[::1]:port` or `::1`.

    Raises ValueError with `word`.
    """
    match = re.fullmatch(r"\[(.*)\](?::(.*))?|([^:]*)(?::([^:]*))?|(.*)", word)
    assert match  # the last alternative takes anything
    bracketed, bracketed_port, name, name_port, bare = match.groups()
    if name is None:
        _check_ipv6(bracketed or bare, word)
    elif not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9._-]*)", name):
        raise ValueError(word)
    number = name_port if bracketed_port is None else bracketed_port
    return name or bracketed or bare, None if number is None else _port(number, word)


def _check_ipv6(text: str, word: str) -> None:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        raise ValueError(word) from None


def _port(number: str, word: str) -> int:
    try:
        return port(number)
    except ValueError:
        raise ValueError(word) from None


def _host(text: str) -> str:
    host, number = address(text)
    if number is not None:
        raise ValueError(text)
    return host


def _hosts(text: str) -> tuple[Address, ...]:
    return tuple(address(word) for word in words_of(text))


HOST = Kind(_host, "a host name or address")
HOST_OR_EMPTY = Kind(lambda text: text and _host(text), "a host name or address")
HOSTS = Kind(_hosts, "a list, separated by commas, of host:port; IPv6 as [::1]:5672")
