"""The rabbit strategy: messages go to a topic exchange, and the broker confirms each of them."""

import contextlib
import shlex
from collections.abc import Callable, Sequence

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.formats import CONTENT_TYPES
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.connected import Outcomes
from glance_notify_middleware.strategies.probing import Probing
from glance_notify_middleware.strategies.rabbit.confirms import Confirms
from glance_notify_middleware.strategies.rabbit.connection import Connection, connect, explain
from glance_notify_middleware.strategies.rabbit.topology import Topology

_REJECTIONS = (amqp.PreconditionFailed, amqp.ContentTooLarge)
"""The errors with which RabbitMQ closes a channel over one message: it is too large, mostly."""

_KEY_DENIED = "access to topic"
"""Stands in RabbitMQ's refusal of one routing key. In that of all keys stands "access to exchange"
in its place."""


class Rabbit(Probing[Connection]):
    """Publishes messages that are mandatory and persistent, and waits for the confirm of each."""

    heartbeat = 30.0
    """Seconds: what AMQP negotiates with the broker."""
    most_unconfirmed = 500
    """How many messages are on their way at a time, at most."""
    most_unconfirmed_bytes = 2**20
    """How many bytes of them."""
    sign_of_life = 1.0
    """Seconds within which a broker that confirms nothing must answer another request."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings.rabbit.hosts)
        self._settings = settings.rabbit
        self._content_type = CONTENT_TYPES[settings.message_format]
        self._topology = Topology(settings.rabbit, settings.priorities)
        self._confirms: tuple[Connection, Confirms] | None = None
        self._read_on: Callable[[], bool] = lambda: False

    def overlap(self, read_on: Callable[[], bool]) -> None:
        """See the contract."""
        self._read_on = read_on

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """Unroutable messages are sent once more, after the missing queues are declared."""
        super()._send(batch, outcomes)
        if Outcome.UNROUTABLE in outcomes and self._topology.creates:
            self._topology.declare(self._open_connection())
            outcomes[:] = [None if each is Outcome.UNROUTABLE else each for each in outcomes]
            super()._send(batch, outcomes)

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """See the contract."""
        if outcome is Outcome.UNROUTABLE:
            return self._topology.advice
        return super().reason(priority, outcome)

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        connection = self._open_connection()
        if self._confirms is None or self._confirms[0] is not connection:
            self._topology.declare(connection)
            confirms = Confirms(
                connection,
                self._settings.notification_exchange,
                {priority: self._settings.routing_key(priority) for priority in Priority},
                self._content_type,
                self.most_unconfirmed,
                self.most_unconfirmed_bytes,
                self._read_on,
            )
            self._confirms = connection, confirms
        self._confirms[1].send(batch, indexes, outcomes)

    def _connect(self, broker: Broker) -> Connection:
        return connect(broker, self._settings, self._deadline, self.connect_timeout, self.heartbeat)

    def _check_destination(self, connection: Connection) -> None:
        self._topology.check(connection)

    def _heartbeat(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            self._deadline.within(0.01)  # seconds: for the frames that have come
            while True:
                connection.blocking_read()
        self._deadline.renew()
        connection.heartbeat_tick()

    def _rejection_reason(self, error: Exception) -> str | None:
        return error.reply_text if isinstance(error, _REJECTIONS) else None

    def _denial_reason(self, error: Exception, priority: Priority) -> str | None:
        settings, key = self._settings, self._settings.routing_key(priority)
        if isinstance(error, amqp.AccessRefused) and _KEY_DENIED in error.reply_text:
            exchange = settings.notification_exchange
            where = [settings.virtual_host, self._broker.userid, exchange]
            command = f"rabbitmqctl set_topic_permissions -p {shlex.join(where)} WRITE READ"
            return f"{error.reply_text}; mend it with {command}, where WRITE matches {key}"
        if isinstance(error, TimeoutError) and self._broker_answers():
            return (
                f"the broker answers, but confirms nothing for {key} within "
                f"{self.answer_timeout:g} s; see whether its queues have a leader: rabbitmqctl "
                f"list_unresponsive_queues, rabbitmq-queues quorum_status {shlex.quote(key)}"
            )
        return None

    def _broker_answers(self) -> bool:
        """Whether a broker that confirms nothing answers something else: it opens a channel."""
        connection = self._connection
        if connection is None or self._confirms is None or connection.is_blocked:
            return False
        confirms = self._confirms[1]
        with contextlib.suppress(Exception):
            self._deadline.within(self.sign_of_life)
            connection.channel().close()
            with contextlib.suppress(TimeoutError):  # the confirms of a broker that was frozen
                self._deadline.within(self.sign_of_life)
                while confirms.are_waiting:
                    connection.blocking_read()
            return True
        return False

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        reason, needs_operator = explain(error, broker)
        if self._connection is not None and self._connection.is_blocked:
            reason += "; the broker blocks those who publish: it is short of memory or disk space"
        if isinstance(error, amqp.NotFound):  # the exchange is missing
            needs_operator = not self._topology.creates or self._topology.may_not_create
            reason += self._topology.advice and f"; {self._topology.advice}"
        return reason, needs_operator

    def _drop(self) -> None:
        super()._drop()
        self._confirms = None
