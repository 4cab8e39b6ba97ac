"""A channel in confirm mode: messages go out in a row, and the broker answers each of them."""

import itertools
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.rabbit.connection import Connection

_NOT_AMQP = (ValueError, OverflowError, struct.error)
"""The errors of a message that AMQP cannot express. py-amqp has sent nothing of it then."""


@dataclass(slots=True)
class _Sent:
    """A message that waits for its confirm."""

    index: int
    message_id: str
    routing_key: str
    size: int
    was_returned: bool = False


class Confirms:
    """One channel from its opening on. Broker and client count its messages, from 1: the tags.

    After any error it must not be used again. py-amqp opens a channel again that the broker has
    closed, but not in confirm mode; and a confirm that comes late would be taken for that of a
    later message.
    """

    def __init__(
        self,
        connection: Connection,
        exchange: str,
        routing_key: Callable[[Message], str],
        most: int,
        most_bytes: int,
    ) -> None:
        """Open the channel. Raises py-amqp's errors and OSError.

        At most `most` messages, and `most_bytes` bytes of them, are unconfirmed at a time; a longer
        message is sent alone. The broker may return all of them before it reads on: they must not
        fill the buffers between.
        """
        self._connection = connection
        self._exchange = exchange
        self._routing_key = routing_key
        self._most = most
        self._most_bytes = most_bytes
        self._last_tag = 0
        self._waiting: dict[int, _Sent] = {}  # by delivery tag, in the order of sending
        self._waiting_bytes = 0
        self._outcomes: list[Outcome | None] = []
        connection.deadline.renew()
        self._channel = connection.channel()
        self._channel.events["basic_ack"].add(self._on_ack)
        self._channel.events["basic_nack"].add(self._on_nack)
        self._channel.events["basic_return"].add(self._on_return)
        self._channel.confirm_select()

    @property
    def are_waiting(self) -> bool:
        """Whether messages wait for their confirms."""
        return bool(self._waiting)

    def send(
        self, batch: Sequence[Message], indexes: Iterable[int], outcomes: list[Outcome | None]
    ) -> None:
        """Send the messages at `indexes`, and set the outcome of each as it becomes known.

        Raises py-amqp's errors and OSError; TimeoutError also when no confirm has come for the
        patience of the connection's deadline.
        """
        self._outcomes = outcomes
        self._connection.deadline.renew()
        for index in indexes:
            message = batch[index]
            routing_key = self._routing_key(message)
            self._wait_for_room(len(message.body))
            try:
                self._publish(message, routing_key)
            except _NOT_AMQP:
                outcomes[index] = Outcome.REJECTED
                continue
            self._last_tag += 1
            sent = _Sent(index, message.message_id, routing_key, len(message.body))
            self._waiting[self._last_tag] = sent
            self._waiting_bytes += sent.size
        while self._waiting:
            self._connection.blocking_read()

    def _publish(self, message: Message, routing_key: str) -> None:
        properties = {
            "message_id": message.message_id,
            "timestamp": int(message.timestamp),
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "delivery_mode": 2,  # persistent: a broker that ends loses others, confirmed or not
            "app_id": "glance_notify_middleware",
        }
        self._channel.basic_publish(
            amqp.Message(message.body, **properties), self._exchange, routing_key, mandatory=True
        )

    def _wait_for_room(self, size: int) -> None:
        while self._waiting and (
            len(self._waiting) >= self._most or self._waiting_bytes + size > self._most_bytes
        ):
            self._connection.blocking_read()

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for sent in self._resolved(tag, multiple):
            returned = sent.was_returned
            self._outcomes[sent.index] = Outcome.UNROUTABLE if returned else Outcome.TAKEN

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for sent in self._resolved(tag, multiple):
            self._outcomes[sent.index] = Outcome.REFUSED

    def _resolved(self, tag: int, multiple: bool) -> list[_Sent]:
        """The messages that an ack or a nack is for: the message with this tag or, with `multiple`,
        all up to it. They stop waiting."""
        tags = list(itertools.takewhile(tag.__ge__, self._waiting)) if multiple else [tag]
        resolved = [self._waiting.pop(each) for each in tags if each in self._waiting]
        if resolved:
            self._waiting_bytes -= sum(sent.size for sent in resolved)
            self._connection.deadline.renew()
        return resolved

    def _on_return(self, _: object, exchange: str, routing_key: str, message: amqp.Message) -> None:
        """A message that no queue takes is returned before its ack, and without its tag.

        Where one message is in a batch twice, the return is for the first that is not marked yet.
        """
        message_id = message.properties.get("message_id")
        for sent in self._waiting.values():
            if (sent.message_id, sent.routing_key, sent.was_returned) == (
                message_id,
                routing_key,
                False,
            ):
                sent.was_returned = True
                return
