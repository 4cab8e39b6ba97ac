"""What a peer that speaks AMQP 1.0 can do with a message."""

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
    """Settled, and no word of what became of it."""
    delivery.settle()


def say_nothing(_: Conversation, delivery: proton.Delivery) -> None:
    pass


def receive_only(_: Conversation, delivery: proton.Delivery) -> None:
    """A state that is not the last one."""
    delivery.update(proton.Delivery.RECEIVED)


def chatter(talk: Conversation, delivery: proton.Delivery) -> None:
    """Frames that mean nothing, as fast as they can be sent."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        talk.sock.sendall(b"\0\0\0\x08\x02\0\0\0" * 1000)


def give_credit(talk: Conversation, delivery: proton.Delivery) -> None:
    """Credit for one message more, and no word of those that were sent, again and again."""
    end = time.monotonic() + 4
    while time.monotonic() < end:
        receiver: Any = delivery.link
        receiver.flow(1)
        talk.flush()
        time.sleep(0.05)


def drop(talk: Conversation, delivery: proton.Delivery) -> None:
    """The connection ends without a word."""
    talk.is_over = True


def end(what: str, condition: str = "amqp:internal-error") -> Answer:
    """The link, the session or the connection ends."""

    def answer(talk: Conversation, delivery: proton.Delivery) -> None:
        endpoint = getattr(delivery, what)
        if condition:
            endpoint.condition = proton.Condition(condition, "the peer's words")
        endpoint.close()

    return answer
