"""The qpid strategy: messages go to a node of a broker that speaks AMQP 1.0 and accepts each."""

import os
import socket
import uuid
from collections.abc import Sequence

import proton

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.formats import CONTENT_TYPES
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import credentials, errors
from glance_notify_middleware.strategies.connected import Outcomes
from glance_notify_middleware.strategies.credentials import MisconfiguredError
from glance_notify_middleware.strategies.probing import Probing
from glance_notify_middleware.strategies.qpid.engine import EndedError, Engine
from glance_notify_middleware.strategies.qpid.sasl import (
    AuthenticationError,
    ForeignError,
    authenticate,
    responses,
)
from glance_notify_middleware.strategies.qpid.sender import RABBITMQ, Sender
from glance_notify_middleware.strategies.stream import Stream, connect

_REJECTIONS = (
    "amqp:decode-error",
    "amqp:invalid-field",
    "amqp:link:message-size-exceeded",
    "amqp:precondition-failed",
)
"""The conditions with which a broker ends the link, or the session, over one message: it is too
large, mostly."""

_NEEDS_OPERATOR = (
    "amqp:not-allowed",
    "amqp:not-found",
    "amqp:not-implemented",
    "amqp:precondition-failed",
    "amqp:unauthorized-access",
)
"""The conditions with which a broker refuses the client or the node for good."""

_ALL_DENIED = "access to exchange"
"""Stands in RabbitMQ's refusal of all routing keys. In that of one routing key stands "access to
topic" in its place."""

_CREATE_NODE = ("create-on-demand", "topic")
"""Capabilities of a target, as the Qpid C++ broker knows them."""


class Qpid(Probing[Sender]):
    """Sends durable messages over one link, and waits until the broker has accepted each."""

    most_unsettled = 500
    """How many messages are on their way at a time, at most."""
    most_unsettled_bytes = 2**20
    """How many bytes of them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.qpid
        self._content_type = CONTENT_TYPES[settings.message_format]
        super().__init__(self._settings.hosts)
        exchange = self._settings.notification_exchange
        self._address = self._settings.target.replace("{exchange}", exchange)

    def _connect(self, broker: Broker) -> Sender:
        settings = self._settings
        password = credentials.password(broker, settings)
        context = credentials.tls_context(settings) if settings.protocol == "ssl" else None
        stream = connect(broker, context, self._deadline, self.connect_timeout)
        try:
            self._authenticate(stream, broker, password)
            return self._attached(stream, broker)
        except BaseException:
            stream.close()
            raise

    def _authenticate(self, stream: Stream, broker: Broker, password: str) -> None:
        allowed = self._settings.sasl_mechanisms
        is_safe = stream.is_encrypted or stream.is_loopback
        if "PLAIN" in allowed and not (is_safe or self._settings.allow_plain_without_tls):
            raise MisconfiguredError(
                "option qpid_allow_plain_without_tls: the password would go over the network as "
                "it is; expected qpid_protocol = ssl, or that this is allowed"
            )
        initial = responses(broker.userid, password)
        authenticate(stream, self._deadline, broker.host, allowed, initial)

    def _attached(self, stream: Stream, broker: Broker) -> Sender:
        process = f"glance_notify_middleware {socket.gethostname()} {os.getpid()}"
        engine = Engine(
            stream,
            self._deadline,
            name=f"{process} {uuid.uuid4().hex[:8]}",  # a second link of this name would end it
            host=broker.host,
            heartbeat=self._settings.heartbeat,
        )
        engine.open()
        if engine.product == RABBITMQ and not self._address.startswith("/"):
            raise MisconfiguredError(
                f"option qpid_target: RabbitMQ would take {self._address!r} for a queue; "
                "expected /exchange/{exchange}"
            )
        engine.attach(self._address, _CREATE_NODE if self._settings.create_node else ())
        return Sender(
            engine,
            self._deadline,
            lambda message: self._settings.routing_key(message.priority),
            self._content_type,
            self.most_unsettled,
            self.most_unsettled_bytes,
        )

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        self._open_connection().send(batch, indexes, outcomes)

    def _heartbeat(self, connection: Sender) -> None:
        connection.heartbeat()

    def _rejection_reason(self, error: Exception) -> str | None:
        is_rejection = isinstance(error, EndedError) and error.condition in _REJECTIONS
        return str(error) if is_rejection and self._connection is not None else None

    def _denial_reason(self, error: Exception, priority: Priority) -> str | None:
        is_denial = isinstance(error, EndedError) and error.condition == "amqp:unauthorized-access"
        if not is_denial or self._connection is None or _ALL_DENIED in str(error):
            return None
        user, key = self._broker.userid or "anonymous", self._settings.routing_key(priority)
        return f"{error}; let user {user} write to {self._address} as {key}"

    def _may_be_denial(self, error: Exception) -> bool:
        """RabbitMQ 3.10 resets the connection where a queue refuses (`reject-publish`)."""
        is_reset = isinstance(error, ConnectionError) or (
            isinstance(error, EndedError) and error.condition == "amqp:internal-error"
        )
        return is_reset and self._connection is not None

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        match error:
            case AuthenticationError():
                user = f"user {broker.userid}: " if broker.userid else ""
                return f"{user}{error}", error.needs_operator
            case EndedError():
                return f"{error} ({self._address})", error.condition in _NEEDS_OPERATOR
            case ForeignError() | proton.ProtonException():
                return str(error), False
            case _:
                return errors.explain(error)
