"""Lines for an operator's shell that mend what is wrong at a RabbitMQ."""

import json
import re
import shlex
from collections.abc import Iterable

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.events.notification import Priority

_BOUND = 100 * 2**20
"""Bytes that a queue without a reader may hold."""

LISTENING = "glance_notify.listen."
"""What the names of the queues of the command `listen` begin with."""


def line(*words: str) -> str:
    """The command with these words, quoted for a shell."""
    return shlex.join(["rabbitmqctl", *words])


def permissions(settings: RabbitSettings, broker: Broker, priorities: Iterable[Priority]) -> str:
    """The line that gives the user what the strategy needs. It replaces what the user has."""
    exchange = settings.notification_exchange
    configure, write, read = "", _any_of([exchange]), ""
    if settings.create_queues == "auto":
        queues = [settings.routing_key(priority) for priority in priorities]
        configure = write = read = _any_of([exchange, *queues])
    return _permissions(settings, broker, configure, write, read)


def listening_permissions(settings: RabbitSettings, broker: Broker) -> str:
    """The line that gives the user what sending and the command `listen` need together."""
    exchange, queue = re.escape(settings.notification_exchange), re.escape(LISTENING)
    both = f"^({exchange}$|{queue})"
    return _permissions(settings, broker, f"^{queue}", both, both)


def delete(kind: str, vhost: str, name: str) -> str:
    """The line that deletes an exchange or a queue: `kind`."""
    if kind == "queue":
        return line("delete_queue", "-p", vhost, name)
    return shlex.join(["rabbitmqadmin", f"--vhost={vhost}", "delete", kind, f"name={name}"])


def bound(settings: RabbitSettings, queue: str, size: int = 0) -> str:
    """The line that bounds a queue to `size` bytes: it then drops its oldest messages."""
    definition = {"max-length-bytes": size or _BOUND, "overflow": "drop-head"}
    where = ["-p", settings.virtual_host, f"bound-{queue}", _any_of([queue])]
    return line("set_policy", *where, json.dumps(definition), "--apply-to", "queues")


def _permissions(
    settings: RabbitSettings, broker: Broker, configure: str, write: str, read: str
) -> str:
    where = ["-p", settings.virtual_host, broker.userid]
    return line("set_permissions", *where, configure, write, read)


def _any_of(names: Iterable[str]) -> str:
    """A pattern that fits these names alone."""
    escaped = "|".join(map(re.escape, names))
    return f"^({escaped})$"
