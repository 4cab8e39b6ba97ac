"""Consumes the queues of all priorities, as a billing service would, while RabbitMQ is up."""

import contextlib
import json
from collections.abc import Iterator

import amqp  # type: ignore[import-untyped]

from demo.log_follower import Notification
from demo.rabbit import Rabbit

_EXCHANGE = "glance"
_QUEUES = ("notifications.info", "notifications.warn", "notifications.error")
_GONE = (OSError, amqp.AMQPError)


class QueueConsumer:
    """The notifications of all priorities as they come; a repeat is left out.

    It declares the exchange and the queues, durable, and consumes them as long as RabbitMQ is up.
    """

    def __init__(self, rabbit: Rabbit, vhost: str = "/") -> None:
        """Declare and consume. Raises what amqp raises where RabbitMQ is not up."""
        self._rabbit = rabbit
        self._vhost = vhost
        self._seen: set[str] = set()
        self._came: list[Notification] = []
        self._connection: amqp.Connection | None = self._connected()

    def new(self, seconds: float) -> Iterator[Notification]:
        """The notifications that come within `seconds`; at once none while RabbitMQ is down."""
        try:
            if self._connection is None and self._rabbit.pid is not None:
                self._connection = self._connected()
            while self._connection is not None:
                self._connection.drain_events(timeout=seconds)
        except TimeoutError:
            pass
        except _GONE:
            self.close()
        came, self._came = self._came, []
        for notification in came:
            if notification["message_id"] not in self._seen:
                self._seen.add(notification["message_id"])
                yield notification

    def close(self) -> None:
        """End the connection. Nothing happens where there is none."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*_GONE):
                connection.collect()

    def _connected(self) -> amqp.Connection:
        connection: amqp.Connection = self._rabbit.connected(self._vhost)
        connection.connect()
        channel = connection.channel()
        channel.exchange_declare(_EXCHANGE, "topic", durable=True, auto_delete=False)
        for queue in _QUEUES:
            channel.queue_declare(queue, durable=True, auto_delete=False)
            channel.queue_bind(queue, _EXCHANGE, queue)
            channel.basic_consume(queue, no_ack=True, callback=self._take)
        return connection

    def _take(self, message: amqp.Message) -> None:
        self._came.append(json.loads(message.body))
