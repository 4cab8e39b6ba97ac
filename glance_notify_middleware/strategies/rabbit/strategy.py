"""The rabbit strategy: messages go to a topic exchange, and the broker confirms each."""

import contextlib
import shlex
from collections.abc import Sequence

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.connected import Connected, Outcomes
from glance_notify_middleware.strategies.rabbit.confirms import Confirms
from glance_notify_middleware.strategies.rabbit.connection import Connection, connect, explain
from glance_notify_middleware.strategies.rabbit.topology import Topology

_FOR_WHAT_IT_IS = (amqp.PreconditionFailed, amqp.ContentTooLarge)
"""With these the broker closes the channel over one message: it is too large, for instance."""

_OVER_ITS_TOPIC = "access to topic"
"""Stands in a refusal of one routing key; in that of all keys it is `access to exchange`."""


class Rabbit(Connected[Connection]):
    """Sends with publisher confirms, mandatory and persistent."""

    heartbeat = 30.0
    most_unconfirmed = 500
    most_unconfirmed_bytes = 2**20
    sign_of_life = 1.0
    """Seconds in which a broker that does not confirm some messages must answer something else."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.rabbit.hosts)
        self._settings = settings.rabbit
        self._topology = Topology(settings.rabbit, settings.priorities)
        self._confirms: tuple[Connection, Confirms] | None = None

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """What is unroutable is tried again, on queues declared anew."""
        super()._send(batch, outcomes)
        if Outcome.UNROUTABLE in outcomes and self._topology.creates:
            self._topology.declare(self._connected())
            outcomes[:] = [None if each is Outcome.UNROUTABLE else each for each in outcomes]
            super()._send(batch, outcomes)

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """See the contract."""
        if outcome is Outcome.UNROUTABLE:
            return self._topology.way_out
        return super().reason(priority, outcome)

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        connection = self._connected()
        if self._confirms is None or self._confirms[0] is not connection:
            self._topology.declare(connection)
            confirms = Confirms(
                connection,
                self._settings.notification_exchange,
                lambda message: self._settings.routing_key(message.priority),
                self.most_unconfirmed,
                self.most_unconfirmed_bytes,
            )
            self._confirms = connection, confirms
        self._confirms[1].send(batch, indexes, outcomes)

    def _connect(self, broker: Broker) -> Connection:
        return connect(broker, self._settings, self._deadline, self.connect_timeout, self.heartbeat)

    def _look_around(self, connection: Connection) -> None:
        self._topology.look(connection)

    def _tend(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            self._deadline.within(0.01)
            while True:
                connection.blocking_read()
        self._deadline.renew()
        connection.heartbeat_tick()

    def _for_what_it_is(self, error: Exception) -> str | None:
        return error.reply_text if isinstance(error, _FOR_WHAT_IT_IS) else None

    def _over_one_key(self, error: Exception, priority: Priority) -> str | None:
        settings, key = self._settings, self._settings.routing_key(priority)
        if isinstance(error, amqp.AccessRefused) and _OVER_ITS_TOPIC in error.reply_text:
            exchange = settings.notification_exchange
            where = [settings.virtual_host, self._broker.userid, exchange]
            command = f"rabbitmqctl set_topic_permissions -p {shlex.join(where)} WRITE READ"
            return f"{error.reply_text}; mend it with {command}, where WRITE matches {key}"
        if isinstance(error, TimeoutError) and self._lives():
            return (
                f"the broker answers, but confirms nothing for {key} within "
                f"{self.answer_timeout:g} s; see whether its queues have a leader: rabbitmqctl "
                f"list_unresponsive_queues, rabbitmq-queues quorum_status {shlex.quote(key)}"
            )
        return None

    def _lives(self) -> bool:
        """Whether a broker that does not confirm something still answers."""
        connection = self._connection
        if connection is None or self._confirms is None or connection.is_blocked:
            return False
        confirms = self._confirms[1]
        with contextlib.suppress(Exception):
            self._deadline.within(self.sign_of_life)
            connection.channel().close()
            with contextlib.suppress(TimeoutError):  # those of a broker that was frozen come now
                self._deadline.within(self.sign_of_life)
                while confirms.are_awaited:
                    connection.blocking_read()
            return True
        return False

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        reason, needs_operator = explain(error, broker)
        if self._connection is not None and self._connection.is_blocked:
            reason += "; the broker blocks those who publish: it is short of memory or disk space"
        if isinstance(error, amqp.NotFound):  # the exchange
            needs_operator = not self._topology.creates or self._topology.is_denied
            reason += self._topology.way_out and f"; {self._topology.way_out}"
        return reason, needs_operator

    def _drop(self) -> None:
        super()._drop()
        self._confirms = None
