"""The strategies whose faults are tested, each with its options and the faults that concern it.

With FAULTS=1 the environment variable BROKER names the strategy of the run; without it that is
RABBIT. Without FAULTS=1 a run has a few faults of each.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pytest

from demo.rabbit import Rabbit
from tests.long_runs import ALL_FAULTS, takes_long


@dataclass(frozen=True)
class TestedStrategy:
    """A strategy that sends to a RabbitMQ node, or to a receiver of webhooks."""

    name: str
    protocol: str
    clients: tuple[str, ...]
    """The distributions of its library."""
    page: str
    """The file of its table, below docs/measured/."""
    faults: frozenset[int]
    """The numbers of the faults that concern it."""
    forms: Mapping[str, str]
    """Lines of the filter's section; {hosts}, {vhost}, {user} and {password} are filled in, for
    webhooks {hosts}, {ca} and {token_file}."""
    tls: Mapping[str, str] = field(default_factory=dict)
    """Further lines for TLS; {ca} is filled in."""
    close_connections: Callable[[Rabbit, str], object] | None = None
    """Has the broker close all connections of a vhost; None: there is no broker."""
    vhost: str = ""
    """The only vhost that the strategy reaches, where it declares nothing. Empty: it reaches any
    vhost, and declares what it needs."""

    def lines(self, **values: str) -> dict[str, str]:
        """The lines of the filter's section."""
        return {name: form.format(**values) for name, form in self.forms.items()}


def _close_by_0_9_1(rabbit: Rabbit, vhost: str) -> None:
    rabbit.ctl("close_all_connections", "--vhost", vhost, "as a test")


def _close_by_1_0(rabbit: Rabbit, vhost: str) -> None:
    """rabbitmqctl cannot close the connections of the plugin for AMQP 1.0."""
    rabbit.ctl("eval", "[exit(Pid, closed_by_a_test) || Pid <- rabbit_direct:list()].")


RABBIT = TestedStrategy(
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

QPID = TestedStrategy(
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

WEBHOOK = TestedStrategy(
    name="webhook",
    protocol="HTTPS",
    clients=("urllib3",),
    page="faults-webhook.md",
    faults=frozenset({1, 3, 7, 8, 13, 30, 46, 47}),
    forms={
        "notifier_strategy": "webhook",
        "webhook_url": "https://{hosts}/in",
        "webhook_ssl_ca_file": "{ca}",
        "webhook_token_file": "{token_file}",
        "webhook_batch": "20",
        "webhook_retry_max_backoff": "1",
    },
)

STRATEGIES = (RABBIT, QPID, WEBHOOK)

_ASKED = (os.environ.get("BROKER") or RABBIT.name) if ALL_FAULTS else None


def is_asked_for(strategy: TestedStrategy) -> bool:
    """Whether this run is to test the strategy."""
    return _ASKED in (None, strategy.name)


def _for(*strategies: object) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "strategy", strategies, indirect=True, ids=lambda each: each.name
    )


for_each_strategy = _for(
    RABBIT, *(pytest.param(each, marks=takes_long) for each in (QPID, WEBHOOK))
)
"""For a test of a fault that concerns each strategy; the test must take `fault_run`. A test without
such a mark is for RABBIT."""

for_each_broker = _for(RABBIT, pytest.param(QPID, marks=takes_long))
"""For a test of a fault that concerns each strategy that sends to RabbitMQ."""

for_webhook = _for(WEBHOOK)
"""For a test of a fault of a receiver of webhooks."""
