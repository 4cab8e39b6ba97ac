"""The ways to the broker: a strategy, what it is told of the broker, the faults that concern it.

With FAULTS=1 the environment variable BROKER says by which way the faults are; without it that is
RABBIT. Without FAULTS=1 there are but a few of them.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from demo.rabbit import Rabbit
from tests.long_runs import ALL_FAULTS, takes_long


@dataclass(frozen=True)
class Way:
    """A strategy on its way to a RabbitMQ node."""

    name: str
    """The strategy's."""
    protocol: str
    clients: tuple[str, ...]
    """The distributions that it needs."""
    page: str
    """Where the table is written, below docs/measured/."""
    faults: frozenset[int]
    """The numbers of those that concern it."""
    forms: Mapping[str, str]
    """Lines of the filter's section, with {hosts}, {vhost}, {user} and {password} to be filled."""
    tls: Mapping[str, str]
    """Further lines, with {ca} to be filled, by which TLS is spoken."""
    close_connections: Callable[[Rabbit, str], object]
    """Close all of a vhost, from the broker's side."""
    vhost: str = ""
    """The only one that it reaches, where it declares nothing. Empty: any, and it does."""

    def lines(self, **of: str) -> dict[str, str]:
        """The lines of the filter's section."""
        return {name: form.format(**of) for name, form in self.forms.items()}


def _close_by_0_9_1(rabbit: Rabbit, vhost: str) -> None:
    rabbit.ctl("close_all_connections", "--vhost", vhost, "as a test")


def _close_by_1_0(rabbit: Rabbit, vhost: str) -> None:
    """The plugin's are not among those that rabbitmqctl can close."""
    rabbit.ctl("eval", "[exit(Pid, closed_by_a_test) || Pid <- rabbit_direct:list()].")


RABBIT = Way(
    name="rabbit",
    protocol="AMQP 0-9-1",
    clients=("kombu", "amqp"),
    page="faults.md",
    faults=frozenset(range(1, 46)),
    tls={"rabbit_use_ssl": "true", "rabbit_ssl_ca_file": "{ca}"},
    forms={
        "notifier_strategy": "rabbit",
        "rabbit_hosts": "{hosts}",
        "rabbit_virtual_host": "{vhost}",
        "rabbit_userid": "{user}",
        "rabbit_password": "{password}",
        "rabbit_retry_max_backoff": "1",
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
    },
    close_connections=_close_by_0_9_1,
)

QPID = Way(
    name="qpid",
    protocol="AMQP 1.0",
    clients=("python-qpid-proton",),
    page="faults-qpid.md",
    faults=frozenset({1, 2, 3, 7, 8, 12, 13, 26, 29, 30, 31, 32, 40}),
    tls={"qpid_protocol": "ssl", "qpid_ssl_ca_file": "{ca}"},
    forms={
        "notifier_strategy": "qpid",
        "qpid_hosts": "{hosts}",
        "qpid_username": "{user}",
        "qpid_password": "{password}",
        "qpid_target": "/exchange/{{exchange}}",
        "qpid_reconnect_interval_max": "1",
    },
    close_connections=_close_by_1_0,
    vhost="/",
)

WAYS = (RABBIT, QPID)

_ASKED = (os.environ.get("BROKER") or RABBIT.name) if ALL_FAULTS else None


def is_asked(way: Way) -> bool:
    """Whether this run is to have it."""
    return _ASKED in (None, way.name)


def _by(*ways: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("way", ways, indirect=True, ids=lambda way: way.name)


by_each = _by(RABBIT, pytest.param(QPID, marks=takes_long))
"""For a fault that concerns each; it must take `trial`. A test without any of these: RABBIT."""
