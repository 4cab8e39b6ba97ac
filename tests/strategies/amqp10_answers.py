"""What a peer that speaks AMQP 1.0 can do with a message: functions for `Amqp10`."""

import socket
import time
from collections.abc import Callable
from typing import Any

import proton


class Conversation:
    """One connection, from the peer's side."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.connection = proton.Connection()
        self.transport = proton.Transport(proton.Transport.SERVER)
        self.collector = proton.Collector()
        self.connection.collect(self.collector)
        self.transport.bind(self.connection)
        self.is_over = False

    def flush(self) -> None:
        while (pending := self.transport.pending()) > 0:
            data = self.transport.peek(pending) or b""
            self.sock.sendall(data)
            self.transport.pop(len(data))


Answer = Callable[[Conversation, proton.Delivery], None]


def accept(_: Conversation, delivery: proton.Delivery) -> None:
    delivery.update(proton.Delivery.ACCEPTED)
    delivery.settle()


def release(_: Conversation, delivery: proton.Delivery) -> None:
    delivery.update(proton.Delivery.RELEASED)
    delivery.settle()


def modify(*, undeliverable: bool = False) -> Answer:
    def answer(_: Conversation, delivery: proton.Delivery) -> None:
        delivery.local.undeliverable = undeliverable
        delivery.local.failed = True
        delivery.update(proton.Delivery.MODIFIED)
        delivery.settle()

    return answer


def reject(condition: str = "") -> Answer:
    def answer(_: Conversation, delivery: proton.Delivery) -> None:
        if condition:
            delivery.local.condition = proton.Condition(condition, "the peer's words")
        delivery.update(proton.Delivery.REJECTED)
        delivery.settle()

    return answer


def settle(_: Conversation, delivery: proton.Delivery) -> None:
    """Settles the message without an outcome."""
    delivery.settle()


def answer_nothing(_: Conversation, delivery: proton.Delivery) -> None:
    pass


def receive_only(_: Conversation, delivery: proton.Delivery) -> None:
    """Answers with a state that is not final."""
    delivery.update(proton.Delivery.RECEIVED)


def chatter(talk: Conversation, delivery: proton.Delivery) -> None:
    """Sends empty frames as fast as it can, for 4 seconds."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        talk.sock.sendall(b"\0\0\0\x08\x02\0\0\0" * 1000)


def give_credit(talk: Conversation, delivery: proton.Delivery) -> None:
    """Gives credit for one more message, again and again, and no outcome, for 4 seconds."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        receiver: Any = delivery.link
        receiver.flow(1)
        talk.flush()
        time.sleep(0.05)


def drop(talk: Conversation, delivery: proton.Delivery) -> None:
    """Ends the connection without a reason."""
    talk.is_over = True


def end(what: str, condition: str = "amqp:internal-error") -> Answer:
    """Ends the link, the session or the connection."""

    def answer(talk: Conversation, delivery: proton.Delivery) -> None:
        endpoint = getattr(delivery, what)
        if condition:
            endpoint.condition = proton.Condition(condition, "the peer's words")
        endpoint.close()

    return answer
