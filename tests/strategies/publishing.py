"""The messages in the bytes that a client of RabbitMQ has sent, as py-amqp reads them."""

import struct
from typing import Any, NamedTuple

import amqp  # type: ignore[import-untyped]
from amqp.serialization import loads  # type: ignore[import-untyped]

_METHOD, _HEADER, _BODY = 1, 2, 3
_PUBLISH = (60, 40)


class Published(NamedTuple):
    """One message."""

    exchange: str
    routing_key: str
    is_mandatory: bool
    properties: dict[str, Any]
    body: bytes


def published(data: bytes, channel: int) -> list[Published]:
    """The messages in whole frames; fails for frames of another channel, or in another order."""
    found = []
    rest = _split(data, channel)
    while rest:
        kind, arguments = rest.pop(0)
        assert kind == _METHOD
        assert struct.unpack_from(">HH", arguments) == _PUBLISH
        (_, exchange, routing_key, mandatory, immediate), _ = loads("Bssbb", arguments, 4)
        assert not immediate
        kind, header = rest.pop(0)
        assert kind == _HEADER
        message = amqp.Message()
        message.inbound_header(header)
        while not message.ready:
            kind, body = rest.pop(0)
            assert kind == _BODY
            message.inbound_body(body)
        found.append(
            Published(exchange, routing_key, mandatory, message.properties, message.body or b"")
        )
    return found


def _split(data: bytes, channel: int) -> list[tuple[int, bytes]]:
    """The types and payloads of the frames."""
    found = []
    while data:
        kind, number, size = struct.unpack_from(">BHI", data)
        assert number == channel
        assert data[7 + size : 8 + size] == b"\xce"
        found.append((kind, data[7 : 7 + size]))
        data = data[8 + size :]
    return found
