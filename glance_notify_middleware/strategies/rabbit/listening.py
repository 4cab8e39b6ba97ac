"""Listens at the exchange of the rabbit strategy, for the command `listen`."""

import collections
import contextlib
import os
import socket
import uuid
from collections.abc import Collection
from functools import partial
from typing import Any

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.listening import ListenError
from glance_notify_middleware.strategies.rabbit import rabbitmqctl
from glance_notify_middleware.strategies.rabbit.connection import Connection, connect, explain

LONGEST_QUEUE = 1000
"""Messages that wait for a listener that is slow; beyond it the broker drops the oldest."""

_CONNECT_TIMEOUT = 3.0
_ANSWER_TIMEOUT = 5.0
_CLOSE_TIMEOUT = 1.0
_HEARTBEAT = 30.0


class RabbitListener:
    """A queue of its own, exclusive, bound to the exchange: it is gone when the connection ends."""

    def __init__(self, settings: Settings, priorities: Collection[Priority]) -> None:
        """`priorities` are those that are listened to."""
        self._settings = settings.rabbit
        self._keys = [self._settings.routing_key(priority) for priority in priorities]
        self._connection: Connection | None = None
        self._received: collections.deque[bytes] = collections.deque()

    def connect(self) -> str:
        """See the contract. The hosts are tried in their order."""
        reasons = []
        for broker in self._settings.hosts:
            try:
                self._connection = self._connected(broker)
                self._listen(self._connection)
            except Exception as error:
                reasons.append(self._reason(error, broker))
                self._drop()
            else:
                return f"exchange {self._settings.notification_exchange} of {broker}"
        raise ListenError("; ".join(reasons))

    def next(self, seconds: float) -> bytes | None:
        """See the contract."""
        connection = self._connection
        if connection is None:
            raise ListenError("there is no connection")
        try:
            with contextlib.suppress(TimeoutError):
                connection.deadline.within(seconds)
                while not self._received:
                    connection.blocking_read()
            connection.deadline.renew()
            connection.heartbeat_tick()
        except Exception as error:
            reason = self._reason(error, None)
            self._drop()
            raise ListenError(reason) from error
        return self._received.popleft() if self._received else None

    def close(self) -> None:
        """See the contract."""
        with contextlib.suppress(Exception):
            if self._connection is not None:
                self._connection.deadline.within(_CLOSE_TIMEOUT)
                self._connection.close()
        self._drop()

    def _connected(self, broker: Broker) -> Connection:
        deadline = Deadline(_ANSWER_TIMEOUT)
        return connect(broker, self._settings, deadline, _CONNECT_TIMEOUT, _HEARTBEAT)

    def _listen(self, connection: Connection) -> None:
        """Raises py-amqp's errors and OSError."""
        exchange = self._settings.notification_exchange
        connection.deadline.renew()
        channel = connection.channel()
        channel.auto_decode = False
        channel.exchange_declare(exchange, "topic", passive=True)
        process = f"{socket.gethostname()}.{os.getpid()}.{uuid.uuid4().hex[:8]}"
        queue = f"{rabbitmqctl.LISTENING}{process}"
        bound = {"x-max-length": LONGEST_QUEUE, "x-overflow": "drop-head"}
        channel.queue_declare(queue, exclusive=True, auto_delete=True, arguments=bound)
        for key in self._keys:
            channel.queue_bind(queue, exchange, key)
        channel.basic_consume(queue, no_ack=True, callback=partial(_keep, self._received))

    def _reason(self, error: Exception, broker: Broker | None) -> str:
        """What happened, and the way out."""
        settings = self._settings
        shown = broker or settings.hosts[0]
        what, _ = explain(error, shown)
        what = " ".join(f"{broker}: {what}".split()) if broker else " ".join(what.split())
        if isinstance(error, amqp.AccessRefused) and "access to" in error.reply_text:
            line = rabbitmqctl.listening_permissions(settings, shown)
            return f"{what}; mend it with {line}, or listen as another user"
        if isinstance(error, amqp.NotFound):
            return f"{what}; start a reader that declares it, or set create_queues = auto"
        return what

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._received.clear()
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.drop()


def _keep(received: collections.deque[bytes], message: Any) -> None:
    body = message.body
    received.append(body.encode() if isinstance(body, str) else bytes(body))
