"""The protocols by which the filter of the demo sends to RabbitMQ."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from demo import glance


class BrokerKind(NamedTuple):
    """What a strategy needs: its section of the paste file, for the port of RabbitMQ and the folder
    of the journal; and the plugins of RabbitMQ. `has_listen`: glance-notify listen knows it."""

    section: Callable[[int, Path], str]
    plugins: tuple[str, ...]
    protocol: str
    has_listen: bool


BROKERS: Mapping[str, BrokerKind] = {
    "rabbit": BrokerKind(glance.rabbit_section, (), "AMQP 0-9-1", has_listen=True),
    "qpid": BrokerKind(glance.qpid_section, ("rabbitmq_amqp1_0",), "AMQP 1.0", has_listen=False),
}
"""By strategy, which is also the value of BROKER."""
