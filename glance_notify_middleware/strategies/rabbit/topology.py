"""The exchange and the queues of the rabbit strategy: looked for, or declared where missing.

All services of a cloud share their names. RabbitMQ refuses to declare what exists with other
properties. So nothing is declared whose properties the operator has not chosen.
"""

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, cast

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies.rabbit.connection import Connection

_DURABLE, _TYPE = "inequivalent arg 'durable'", "inequivalent arg 'type'"
_WARNINGS = {
    _DURABLE: "{entity} exists and is not durable: it will not survive a restart of the broker. "
    "Let its consumer declare it durable (oslo.messaging: amqp_durable_queues = true), then delete "
    "it: it is declared anew",
    _TYPE: "{entity} exists and is no topic exchange; it is used as it is",
    "inequivalent": "",  # any other property: no warning, as the difference does no harm
    "": "{entity} cannot be declared: {reply}",
}
"""A part of the text of a refusal -> the warning. The first part that fits counts."""

_LOGGED = (amqp.PreconditionFailed, amqp.ResourceLocked)
"""The refusals of a declaration that are logged. ResourceLocked: another connection has the queue
for itself alone. The queue may be bound all the same, and then it gets messages."""


def queue_arguments(settings: RabbitSettings) -> dict[str, Any]:
    """The arguments that a queue is declared with."""
    arguments: dict[str, Any] = {}
    if settings.queue_type != "classic":
        arguments["x-queue-type"] = settings.queue_type
    if settings.queue_max_bytes:
        arguments["x-max-length-bytes"] = settings.queue_max_bytes
        arguments["x-overflow"] = "drop-head"
    return arguments


class Topology:
    """A topic exchange, and for each priority that is sent a queue, bound by its own name.

    What exists is used as it is, whatever its properties: a consumer has declared it.
    """

    def __init__(self, settings: RabbitSettings, priorities: Iterable[Priority]) -> None:
        """`priorities` are those that are sent."""
        self.creates = settings.create_queues == "auto"
        self._checks = settings.create_queues == "wait"
        self.may_not_create = False
        """Whether the exchange was missing, and the broker did not let it be created."""
        self._exchange = settings.notification_exchange
        self._durable = settings.durable_queues
        self._queues = [settings.routing_key(priority) for priority in priorities]
        self._arguments = queue_arguments(settings)
        self._compared: set[str] = set()  # entities whose properties were compared once
        self._missing: list[str] = []  # queues that were missing at the last check

    @property
    def advice(self) -> str:
        """What an operator can do where the exchange or a queue is missing.

        Empty with create_queues = auto: declaring it was tried.
        """
        if self.creates:
            return ""
        return "start their reader, which declares what it reads, or set create_queues = auto"

    def check(self, connection: Connection) -> None:
        """With create_queues = wait: look for exchange and queues, and log what is missing once.

        Raises NotFound where the exchange is missing; py-amqp's errors, and OSError, when the
        connection is lost.
        """
        if not self._checks:
            return
        connection.deadline.renew()
        channel = connection.channel()
        find = partial(channel.exchange_declare, self._exchange, "topic", passive=True)
        refusal = _refusal(connection, find)
        if isinstance(refusal, amqp.NotFound):
            raise refusal
        missing = [queue for queue in self._queues if _is_missing(connection, channel, queue)]
        channel.close()
        if missing != self._missing:
            self._missing = missing
            if missing:
                log_line(
                    LOG,
                    logging.WARNING,
                    f"there is no queue {' or '.join(missing)} in RabbitMQ: notifications wait "
                    f"where no other queue is bound; {self.advice}",
                )

    def declare(self, connection: Connection) -> None:
        """With create_queues = auto: create and bind what is missing, where the broker allows it.

        Raises py-amqp's errors, and OSError, when the connection is lost.
        """
        if not self.creates:
            return
        connection.deadline.renew()
        # A channel for this alone: each refusal closes it. (py-amqp opens it again.)
        channel = connection.channel()
        exchange, durable = self._exchange, self._durable
        find = partial(channel.exchange_declare, exchange, "topic", passive=True)
        make = partial(
            channel.exchange_declare, exchange, "topic", durable=durable, auto_delete=False
        )
        refusal = self._declare(connection, f"exchange {exchange}", find, make)
        self.may_not_create = isinstance(refusal, amqp.AccessRefused)
        for queue in self._queues:
            find = partial(channel.queue_declare, queue, passive=True)
            make = partial(
                channel.queue_declare,
                queue,
                durable=durable,
                auto_delete=False,
                arguments=self._arguments,
            )
            self._declare(connection, f"queue {queue}", find, make)
            _refusal(connection, partial(channel.queue_bind, queue, exchange, queue))
        channel.close()

    def _declare(
        self,
        connection: Connection,
        entity: str,
        find: Callable[[], object],
        make: Callable[[], object],
    ) -> Exception | None:
        """Create the entity where it is missing; else compare its properties, once.

        Returns why it is still missing, or None.
        """
        is_missing = isinstance(_refusal(connection, find), amqp.NotFound)
        if not is_missing and entity in self._compared:
            return None
        refusal = _refusal(connection, make)  # to declare what exists compares it, and no more
        if isinstance(refusal, _LOGGED) and entity not in self._compared:
            self._warn(entity, refusal.reply_text)
        self._compared.add(entity)
        return refusal if is_missing else None

    def _warn(self, entity: str, reply: str) -> None:
        warning = next(_WARNINGS[part] for part in _WARNINGS if part in reply)
        if warning and (self._durable or _DURABLE not in reply):
            log_line(LOG, logging.WARNING, warning.format(entity=entity, reply=reply))


def _is_missing(connection: Connection, channel: Any, queue: str) -> bool:
    refusal = _refusal(connection, partial(channel.queue_declare, queue, passive=True))
    return isinstance(refusal, amqp.NotFound)


def _refusal(connection: Connection, ask: Callable[[], object]) -> Exception | None:
    """Ask the broker for something; returns the refusal that closes the channel, or None.

    Raises every other error.
    """
    connection.deadline.renew()
    try:
        ask()
    except amqp.ChannelError as refusal:
        return cast(Exception, refusal)
    return None
