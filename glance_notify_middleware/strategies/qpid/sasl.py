"""Who we are, said before AMQP begins: SASL as AMQP 1.0 has it (part 5.3), of our side.

Proton can do it, too; but where it was built with Cyrus SASL it needs that library's plugins, and
the password would be one more place's to keep.
"""

from collections.abc import Sequence
from typing import Any

import proton

from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.qpid.stream import Stream

_HEADER = b"AMQP\x03\x01\x00\x00"
_AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
_LONGEST_FRAME = 2**16  # bytes; the standard's own limit is 512
_SASL = 1  # type of a frame
_MECHANISMS, _INIT, _OUTCOME = 0x40, 0x41, 0x44
_SUCCESS, _WRONG, _LATER = 0, 1, 4  # outcomes; the others are troubles of the broker's system


class AuthenticationError(Exception):
    """The broker does not let us in; the text says why. `needs_operator`: nor later."""

    def __init__(self, reason: str, *, needs_operator: bool = True) -> None:
        super().__init__(reason)
        self.needs_operator = needs_operator


class ForeignError(Exception):
    """What answers does not speak AMQP 1.0."""


def responses(user: str, password: str) -> dict[str, bytes]:
    """What is said with each mechanism that we know."""
    return {
        "EXTERNAL": b"",  # who we are is in our certificate
        "PLAIN": f"\0{user}\0{password}".encode(),
        "ANONYMOUS": b"",
    }


def authenticate(
    stream: Stream, deadline: Deadline, host: str, allowed: Sequence[str], said: dict[str, bytes]
) -> None:
    """Use the first mechanism of `allowed` that the broker offers, with what is `said` for it.

    Raises AuthenticationError, ForeignError, and OSError.
    """
    deadline.renew()
    stream.write(_HEADER, deadline)
    answered = stream.read(len(_HEADER), deadline)
    if answered == _AMQP_0_9_1:
        raise AuthenticationError(
            "the broker speaks AMQP 0-9-1 alone; RabbitMQ needs its plugin rabbitmq_amqp1_0"
        )
    if answered != _HEADER:
        raise ForeignError("what answers does not speak AMQP 1.0 with SASL")
    offered = _listed(_receive(stream, deadline, _MECHANISMS)[0])
    chosen = next((mechanism for mechanism in allowed if mechanism in offered), None)
    if chosen is None:
        raise AuthenticationError(
            f"the broker offers SASL {', '.join(offered) or 'without a mechanism'}; "
            f"allowed here: {', '.join(allowed)}"
        )
    _send(stream, deadline, [proton.symbol(chosen), said[chosen], host])
    code = _receive(stream, deadline, _OUTCOME)[0]
    if code == _WRONG:
        raise AuthenticationError(f"authentication failed (SASL {chosen})")
    if code != _SUCCESS:
        told = f"the broker could not authenticate us (SASL {chosen}, outcome {code})"
        raise AuthenticationError(told, needs_operator=code != _LATER)


def _listed(mechanisms: Any) -> list[str]:
    """One alone may come as it is, or in an array."""
    each = mechanisms.elements if isinstance(mechanisms, proton.Array) else [mechanisms]
    return [str(mechanism) for mechanism in each if mechanism is not None]


def _send(stream: Stream, deadline: Deadline, init: list[Any]) -> None:
    data = proton.Data()
    data.put_object(proton.Described(proton.ulong(_INIT), init))
    body = data.encode()
    size = (len(body) + 8).to_bytes(4, "big")
    stream.write(size + bytes([2, _SASL, 0, 0]) + body, deadline)


def _receive(stream: Stream, deadline: Deadline, expected: int) -> list[Any]:
    """The fields of the frame that must come now."""
    size = int.from_bytes(stream.read(4, deadline), "big")
    if not 8 <= size <= _LONGEST_FRAME:
        raise ForeignError("what answers does not speak AMQP 1.0: a frame has no length")
    frame = stream.read(size - 4, deadline)
    body = frame[frame[0] * 4 - 4 :]  # to be held as long as `data`, which points into it
    data = proton.Data()
    try:
        data.decode(body)
        data.rewind()
        data.next()
        performative = data.get_object()
    except proton.ProtonException as error:
        raise ForeignError(f"what answers does not speak AMQP 1.0: {error}") from None
    match performative:
        case proton.Described(descriptor=descriptor, value=list(fields)) if descriptor == expected:
            return [*fields, None]
    raise ForeignError("what answers does not speak SASL as AMQP 1.0 has it")
