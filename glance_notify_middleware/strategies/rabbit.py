"""The rabbit strategy: messages go to a topic exchange, and the broker confirms each."""

import contextlib
from collections.abc import Sequence

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.brokers import Broker
from glance_notify_middleware.config import Settings
from glance_notify_middleware.notification import Message
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.connected import Connected, Outcomes
from glance_notify_middleware.strategies.rabbit_confirms import Confirms
from glance_notify_middleware.strategies.rabbit_connection import Connection, connect, explain
from glance_notify_middleware.strategies.rabbit_topology import Topology, routing_key

_FOR_WHAT_IT_IS = (amqp.PreconditionFailed, amqp.ContentTooLarge)
"""With these the broker closes the channel over one message: it is too large, for instance."""


class Rabbit(Connected[Connection]):
    """Sends with publisher confirms, mandatory and persistent."""

    heartbeat = 30.0
    most_unconfirmed = 500
    most_unconfirmed_bytes = 2**20

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.rabbit_hosts)
        self._settings = settings
        self._topology = Topology(settings)
        self._confirms: tuple[Connection, Confirms] | None = None

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """What is unroutable is tried again, on queues declared anew."""
        super()._send(batch, outcomes)
        unroutable = [
            index for index, outcome in enumerate(outcomes) if outcome is Outcome.UNROUTABLE
        ]
        if unroutable and self._topology.creates:
            self._topology.declare(self._connected())
            for index in unroutable:
                outcomes[index] = None
            self._transmit(batch, unroutable, outcomes)

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        connection = self._connected()
        if self._confirms is None or self._confirms[0] is not connection:
            self._topology.declare(connection)
            confirms = Confirms(
                connection,
                self._settings.rabbit_notification_exchange,
                lambda message: routing_key(self._settings, message.priority),
                self.most_unconfirmed,
                self.most_unconfirmed_bytes,
            )
            self._confirms = connection, confirms
        self._confirms[1].send(batch, indexes, outcomes)

    def _connect(self, broker: Broker) -> Connection:
        return connect(broker, self._settings, self._deadline, self.connect_timeout, self.heartbeat)

    def _tend(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            self._deadline.within(0.01)
            while True:
                connection.blocking_read()
        self._deadline.renew()
        connection.heartbeat_tick()

    def _for_what_it_is(self, error: Exception) -> str | None:
        return error.reply_text if isinstance(error, _FOR_WHAT_IT_IS) else None

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        reason, needs_operator = explain(error, broker)
        if self._connection is not None and self._connection.is_blocked:
            reason += "; the broker blocks those who publish: it is short of memory or disk space"
        if isinstance(error, amqp.NotFound):  # the exchange
            needs_operator = not self._topology.creates or self._topology.is_denied
        return reason, needs_operator

    def _drop(self) -> None:
        super()._drop()
        self._confirms = None
