"""A link: messages go out in a row, and the broker answers each of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import proton

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.qpid.engine import Engine
from glance_notify_middleware.strategies.qpid.message import InexpressibleError, encoded

_TRANSFERS_PER_WRITE = 32
"""Messages that the engine is given before it writes: a system call for each message is slow."""

_REFUSALS = (
    "amqp:internal-error",
    "amqp:not-allowed",
    "amqp:not-found",
    "amqp:resource-deleted",
    "amqp:resource-limit-exceeded",
    "amqp:resource-locked",
    "amqp:unauthorized-access",
)
"""A message that is rejected with one of these conditions may be taken later, as it is."""

RABBITMQ = "RabbitMQ"


@dataclass(slots=True)
class _Sent:
    """A message that waits for its outcome."""

    index: int
    size: int


class Sender:
    """An attached link. Its messages are numbered; the numbers are the tags of their deliveries.

    After any error it must not be used again: an outcome that comes late would be taken for that of
    a later message.
    """

    def __init__(
        self,
        engine: Engine,
        deadline: Deadline,
        subject: Callable[[Message], str],
        content_type: str,
        most: int,
        most_bytes: int,
    ) -> None:
        """`content_type` is that of all messages. At most `most` messages, and `most_bytes` bytes
        of them, are on their way at a time; a longer message is sent alone."""
        self._engine = engine
        self._deadline = deadline
        self._subject = subject
        self._content_type = content_type
        self._most = most
        self._most_bytes = most_bytes
        self._last_tag = 0
        self._waiting: dict[str, _Sent] = {}  # by the delivery's tag
        self._waiting_bytes = 0
        self._outcomes: list[Outcome | None] = []
        self._rejected = (
            # RabbitMQ rejects no message for what it is: a queue is full, for instance.
            Outcome.REFUSED if engine.product == RABBITMQ else Outcome.REJECTED
        )
        engine.on_outcome = self._on_outcome

    def send(
        self, batch: Sequence[Message], indexes: Iterable[int], outcomes: list[Outcome | None]
    ) -> None:
        """Send the messages at `indexes`, and set the outcome of each as it becomes known.

        Raises EndedError and OSError; TimeoutError also when no outcome has come for the patience
        of the deadline.
        """
        self._outcomes = outcomes
        self._deadline.renew()
        for index in indexes:
            try:
                ready = self._encoded(batch[index])
            except InexpressibleError:
                outcomes[index] = Outcome.REJECTED
                continue
            self._wait_for_room(len(ready))
            self._last_tag += 1
            tag = str(self._last_tag)
            self._engine.transfer(tag, ready)
            self._waiting[tag] = _Sent(index, len(ready))
            self._waiting_bytes += len(ready)
            if self._last_tag % _TRANSFERS_PER_WRITE == 0:
                self._engine.turn(wait=False)
        while self._waiting:
            self._engine.turn(wait=True)

    def heartbeat(self) -> None:
        """Read what has come, and send a heartbeat if it is time, without waiting."""
        self._deadline.renew()
        self._engine.turn(wait=False)

    def close(self) -> None:
        """See `connected.Connection`."""
        self._engine.close()  # the connection, not the link: RabbitMQ never answers a detach

    def drop(self) -> None:
        """See `connected.Connection`."""
        self._engine.drop()

    def forget(self) -> None:
        """See `connected.Connection`."""
        self._engine.drop()

    def _encoded(self, message: Message) -> bytes:
        """Raises InexpressibleError."""
        ready = encoded(
            message.message_id, self._subject(message), self._content_type, message.body
        )
        longest = self._engine.longest
        if longest is not None and len(ready) > longest:
            raise InexpressibleError(f"it has {len(ready)} bytes")
        return ready

    def _wait_for_room(self, size: int) -> None:
        while self._waiting and (
            len(self._waiting) >= self._most or self._waiting_bytes + size > self._most_bytes
        ):
            self._engine.turn(wait=True)

    def _on_outcome(self, delivery: proton.Delivery) -> None:
        """Called whenever the state of a delivery changes: also several times, or without an
        outcome."""
        outcome = self._outcome(delivery)
        if outcome is None:
            return
        sent = self._waiting.pop(delivery.tag, None)
        if sent is None:
            return
        delivery.settle()
        self._waiting_bytes -= sent.size
        self._outcomes[sent.index] = outcome
        self._deadline.renew()

    def _outcome(self, delivery: proton.Delivery) -> Outcome | None:
        match delivery.remote_state:
            case proton.Delivery.ACCEPTED:
                return Outcome.TAKEN
            case proton.Delivery.RELEASED:
                return Outcome.UNROUTABLE  # as RabbitMQ from 4.0 on, and routers, mean it
            case proton.Delivery.MODIFIED:
                # undeliverable-here: not over this link again, and there is no other link.
                return Outcome.UNROUTABLE if delivery.remote.undeliverable else Outcome.REFUSED
            case proton.Delivery.REJECTED:
                condition = delivery.remote.condition
                is_refusal = condition is not None and condition.name in _REFUSALS
                return Outcome.REFUSED if is_refusal else self._rejected
        # No outcome yet; or the broker has settled the delivery without one, and forgotten it.
        return Outcome.REFUSED if delivery.settled else None
