"""A channel in confirm mode: messages go out in a row, and the broker answers each of them."""

import itertools
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.runtime.giving_way import give_way
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.rabbit import frames
from glance_notify_middleware.strategies.rabbit.connection import Connection

_NOT_AMQP = (ValueError, OverflowError, struct.error)
"""The errors of a message that AMQP cannot express. Nothing of it is sent then."""

_AT_ONCE = 2**16
"""Bytes of messages that are sent by one call; more, where one message is longer. While their
frames are made, about 0.2 ms, Python's lock is held; then requests may run."""


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
        routing_keys: Mapping[Priority, str],
        content_type: str,
        most: int,
        most_bytes: int,
        read_on: Callable[[], bool],
    ) -> None:
        """Open the channel. Raises py-amqp's errors and OSError.

        `content_type` is that of all messages.
        At most `most` messages, and `most_bytes` bytes of them, are unconfirmed at a time; a longer
        message is sent alone. The broker may return all of them before it reads on: they must not
        fill the buffers between. `read_on` is that of `Overlapping.overlap`.
        """
        self._connection = connection
        self._routing_keys = routing_keys
        self._before_id = frames.before_id(content_type)
        self._most = most
        self._most_bytes = most_bytes
        self._read_on = read_on
        self._last_tag = 0
        self._waiting: dict[int, int] = {}  # by delivery tag, in the order of sending: the indexes
        self._waiting_bytes = 0
        self._returned: set[int] = set()  # tags of messages that wait, and were returned
        self._batch: Sequence[Message] = ()
        self._outcomes: list[Outcome | None] = []
        connection.deadline.renew()
        channel = connection.channel()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)
        channel.confirm_select()
        self._channel_id: int = channel.channel_id
        self._methods = {
            priority: frames.method(self._channel_id, exchange, key)
            for priority, key in routing_keys.items()
        }

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
        self._batch, self._outcomes = batch, outcomes
        self._returned.clear()
        self._connection.deadline.renew()
        unsent: list[bytes] = []  # frames, or parts of them
        unsent_bytes = 0  # of the bodies

        def send() -> None:
            nonlocal unsent_bytes
            self._connection.send(b"".join(unsent))
            unsent.clear()
            unsent_bytes = 0

        for index in indexes:
            message = batch[index]
            try:
                content = self._content(message)
            except _NOT_AMQP:
                outcomes[index] = Outcome.REJECTED
                continue
            size = len(message.body)
            if unsent_bytes >= _AT_ONCE:
                send()
                give_way()
            if not self._has_room(size):
                send()
                while not self._has_room(size):
                    self._connection.blocking_read()
            unsent.append(self._methods[message.priority])
            unsent += content
            unsent_bytes += size
            self._last_tag += 1
            self._waiting[self._last_tag] = index
            self._waiting_bytes += size
        send()
        while self._waiting:
            if self._read_on():
                self._connection.deadline.renew()  # the time was not taken by the broker
            else:
                self._connection.blocking_read()

    def _content(self, message: Message) -> list[bytes]:
        """The parts of the frames of a message after the first. Raises _NOT_AMQP."""
        return frames.content(
            self._channel_id,
            self._before_id,
            message.message_id,
            message.timestamp,
            message.body,
            self._connection.frame_max,
        )

    def _has_room(self, size: int) -> bool:
        return not self._waiting or (
            len(self._waiting) < self._most and self._waiting_bytes + size <= self._most_bytes
        )

    def _on_ack(self, tag: int, multiple: bool) -> None:
        for each, index in self._resolved(tag, multiple):
            returned = each in self._returned
            self._outcomes[index] = Outcome.UNROUTABLE if returned else Outcome.TAKEN

    def _on_nack(self, tag: int, multiple: bool) -> None:
        for _, index in self._resolved(tag, multiple):
            self._outcomes[index] = Outcome.REFUSED

    def _resolved(self, tag: int, multiple: bool) -> list[tuple[int, int]]:
        """The tags and indexes of the messages that an ack or a nack is for: of the message with
        this tag or, with `multiple`, of all up to it. They stop waiting."""
        tags = list(itertools.takewhile(tag.__ge__, self._waiting)) if multiple else [tag]
        resolved = [(each, self._waiting.pop(each)) for each in tags if each in self._waiting]
        if resolved:
            self._waiting_bytes -= sum(len(self._batch[index].body) for _, index in resolved)
            self._connection.deadline.renew()
        return resolved

    def _on_return(self, _: object, exchange: str, routing_key: str, message: amqp.Message) -> None:
        """A message that no queue takes is returned before its ack, and without its tag.

        Where one message is in a batch twice, the return is for the first that is not marked yet.
        """
        message_id = message.properties.get("message_id")
        for tag, index in self._waiting.items():
            sent = self._batch[index]
            if (
                sent.message_id == message_id
                and self._routing_keys[sent.priority] == routing_key
                and tag not in self._returned
            ):
                self._returned.add(tag)
                return
