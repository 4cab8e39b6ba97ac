"""The frames of a published message are those that py-amqp would send."""

import struct

import amqp  # type: ignore[import-untyped]
import pytest
from amqp.method_framing import frame_writer  # type: ignore[import-untyped]

from glance_notify_middleware.events.formats import CONTENT_TYPES
from glance_notify_middleware.strategies.rabbit import frames

LONGEST = 4096  # bytes of a frame
CHANNEL = 258


class Transport:
    def __init__(self) -> None:
        self.sent = b""

    def write(self, data: bytes) -> None:
        self.sent += bytes(data)


class Connection:
    frame_max = LONGEST
    bytes_sent = 0


JSON = frames.before_id("application/json")


def by_amqp(
    message_id: str,
    timestamp: float,
    body: bytes,
    exchange: str,
    key: str,
    content_type: str = "application/json",
) -> bytes:
    """What py-amqp sends for the message."""
    transport = Transport()
    message = amqp.Message(
        body,
        message_id=message_id,
        timestamp=int(timestamp),
        content_type=content_type,
        content_encoding="utf-8",
        delivery_mode=2,
        app_id="glance_notify_middleware",
    )
    write = frame_writer(Connection(), transport)
    arguments = amqp.serialization.dumps("Bssbb", (0, exchange, key, True, False))
    write(1, CHANNEL, amqp.spec.Basic.Publish, arguments, message)
    return transport.sent


@pytest.mark.parametrize(
    "size", [0, 1, 2, 1300, LONGEST - 9, LONGEST - 8, LONGEST - 7, 2 * LONGEST - 16, 3 * LONGEST]
)
@pytest.mark.parametrize("message_id", ["", "i", "ü" * 18, "x" * 255])
def test_frames_are_those_of_py_amqp(size: int, message_id: str) -> None:
    body = bytes(number % 251 for number in range(size))
    parts = frames.content(CHANNEL, JSON, message_id, 1_700_000_000.9, body, LONGEST)
    made = b"".join([frames.method(CHANNEL, "glance", "notifications.info"), *parts])
    assert made == by_amqp(message_id, 1_700_000_000.9, body, "glance", "notifications.info")


def test_frames_have_the_content_type_of_the_format() -> None:
    for content_type in CONTENT_TYPES.values():
        first = frames.before_id(content_type)
        parts = frames.content(CHANNEL, first, "i", 1.0, b"{}", LONGEST)
        made = b"".join([frames.method(CHANNEL, "e", "k"), *parts])
        assert made == by_amqp("i", 1.0, b"{}", "e", "k", content_type)


@pytest.mark.parametrize("timestamp", [-1.0, float("nan"), float("inf"), 2.0**64])
def test_time_that_amqp_cannot_express_is_an_error(timestamp: float) -> None:
    with pytest.raises((ValueError, OverflowError, struct.error)):
        frames.content(CHANNEL, JSON, "i", timestamp, b"{}", LONGEST)


@pytest.mark.parametrize(
    ("message_id", "why"),
    [("x" * 256, "256 bytes"), ("ü" * 128, "256 bytes"), ("\ud800", "surrogates")],
)
def test_id_that_amqp_cannot_express_is_an_error(message_id: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        frames.content(CHANNEL, JSON, message_id, 1.0, b"{}", LONGEST)


def test_name_that_amqp_cannot_express_is_an_error() -> None:
    for exchange, key in (("x" * 256, "k"), ("e", "x" * 256)):
        with pytest.raises(ValueError, match="256 bytes"):
            frames.method(CHANNEL, exchange, key)
