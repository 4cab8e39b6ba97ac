"""A link over which messages go out in a row, and the broker tells what became of each."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import proton

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.qpid.engine import Engine
from glance_notify_middleware.strategies.qpid.message import InexpressibleError, encoded

_AT_A_TIME = 32
"""Messages that are handed to the engine before it may write: a system call for each is slow."""

_NOT_FOR_WHAT_IT_IS = (
    "amqp:internal-error",
    "amqp:not-allowed",
    "amqp:not-found",
    "amqp:resource-deleted",
    "amqp:resource-limit-exceeded",
    "amqp:resource-locked",
    "amqp:unauthorized-access",
)
"""A message that is rejected with these conditions can be taken later, as it is."""

RABBITMQ = "RabbitMQ"


@dataclass(slots=True)
class _Sent:
    """A message that waits for its outcome."""

    index: int
    size: int


class Sender:
    """An attached link: it numbers its messages, which are the deliveries' tags.

    After any error it is of no use any more: an outcome that comes late is not one of later
    messages.
    """

    def __init__(
        self,
        engine: Engine,
        deadline: Deadline,
        subject: Callable[[Message], str],
        most: int,
        most_bytes: int,
    ) -> None:
        """At most `most` messages, or `most_bytes` bytes of them, are on their way at a time."""
        self._engine = engine
        self._deadline = deadline
        self._subject = subject
        self._most = most
        self._most_bytes = most_bytes
        self._last_tag = 0
        self._waiting: dict[str, _Sent] = {}  # by the delivery's tag
        self._waiting_bytes = 0
        self._outcomes: list[Outcome | None] = []
        self._rejected = (
            # By RabbitMQ it is refused, by a full queue for instance, whatever it is.
            Outcome.REFUSED if engine.product == RABBITMQ else Outcome.REJECTED
        )
        engine.on_outcome = self._on_outcome

    def send(
        self, batch: Sequence[Message], indexes: Iterable[int], outcomes: list[Outcome | None]
    ) -> None:
        """Send the messages at `indexes`, and set the outcome of each as it becomes known.

        Raises EndedError and OSError; TimeoutError also when no outcome has come for as long as
        the deadline has patience.
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
            if self._last_tag % _AT_A_TIME == 0:
                self._engine.turn(wait=False)
        while self._waiting:
            self._engine.turn(wait=True)

    def tend(self) -> None:
        """Read what is there, and say that we live, without waiting."""
        self._deadline.renew()
        self._engine.turn(wait=False)

    def close(self) -> None:
        """Say that it ends, and wait for the answer until the deadline."""
        self._engine.close()  # the connection at once: RabbitMQ never answers a detach

    def drop(self) -> None:
        """Let go of it, without a word to the broker."""
        self._engine.drop()

    def forget(self) -> None:
        """Let go of what another process has opened: nobody hears that our end is closed."""
        self._engine.drop()

    def _encoded(self, message: Message) -> bytes:
        """Raises InexpressibleError."""
        ready = encoded(message.message_id, self._subject(message), message.body)
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
        """May come several times for one delivery, and before there is anything to tell."""
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
                # It is not to be sent over this link again: somewhere else is nowhere for us.
                return Outcome.UNROUTABLE if delivery.remote.undeliverable else Outcome.REFUSED
            case proton.Delivery.REJECTED:
                condition = delivery.remote.condition
                is_for_now = condition is not None and condition.name in _NOT_FOR_WHAT_IT_IS
                return Outcome.REFUSED if is_for_now else self._rejected
        # Nothing is said yet; or it is forgotten, and nothing is said at all.
        return Outcome.REFUSED if delivery.settled else None
