"""A connection to RabbitMQ whose transport a test chooses."""

from collections.abc import Callable

import amqp  # type: ignore[import-untyped]
import pytest

from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.rabbit.connection import Connection


class Transport:
    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write
        self.connected = True


def connection(write: Callable[[bytes], None]) -> Connection:
    made = Connection(deadline=Deadline(1))
    made.transport = Transport(write)
    return made


def test_frames_count_as_a_sign_of_life() -> None:
    sent: list[bytes] = []
    made = connection(sent.append)
    before = made.bytes_sent
    made.send(b"abc")
    assert (sent, made.bytes_sent - before) == ([b"abc"], 3)


def test_broker_that_reads_no_more_is_asked_nothing_more() -> None:
    def fail(data: bytes) -> None:
        raise TimeoutError("no answer within 1 s")

    with pytest.raises(amqp.RecoverableConnectionError, match="reads no more: no answer within 1"):
        connection(fail).send(b"abc")
