"""The authentication before AMQP begins: the client's side of SASL in AMQP 1.0 (part 5.3).

Proton has it, too. But where Proton was built with Cyrus SASL it needs the plugins of that library,
and one more library would hold the password.
"""

from collections.abc import Sequence
from typing import Any

import proton

from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.stream import Stream

_HEADER = b"AMQP\x03\x01\x00\x00"
_AMQP_0_9_1 = b"AMQP\x00\x00\x09\x01"
_LONGEST_FRAME = 2**16  # bytes; the limit of the standard is 512
_SASL = 1  # the type of a frame
_MECHANISMS, _INIT, _OUTCOME = 0x40, 0x41, 0x44
_SUCCESS, _WRONG, _LATER = 0, 1, 4  # outcome codes; 2 and 3 are errors of the broker's system


class AuthenticationError(Exception):
    """The broker refuses the client; the text says why."""

    def __init__(self, reason: str, *, needs_operator: bool = True) -> None:
        """`needs_operator`: the broker will refuse the client later, too."""
        super().__init__(reason)
        self.needs_operator = needs_operator


class NoMechanismError(AuthenticationError):
    """The broker offers no SASL mechanism that is allowed."""


class OtherVersionError(AuthenticationError):
    """The broker speaks AMQP, but not AMQP 1.0."""


class ForeignError(Exception):
    """The peer does not speak AMQP 1.0."""


def responses(user: str, password: str) -> dict[str, bytes]:
    """The initial response of each mechanism that this module can use."""
    return {
        "EXTERNAL": b"",  # the certificate of the client names the user
        "PLAIN": f"\0{user}\0{password}".encode(),
        "ANONYMOUS": b"",
    }


def authenticate(
    stream: Stream,
    deadline: Deadline,
    host: str,
    allowed: Sequence[str],
    initial: dict[str, bytes],
) -> None:
    """Use the first mechanism of `allowed` that the broker offers, with its `initial` response.

    Raises AuthenticationError, ForeignError, and OSError.
    """
    deadline.renew()
    stream.write(_HEADER, deadline)
    answered = stream.read(len(_HEADER), deadline)
    if answered == _AMQP_0_9_1:
        raise OtherVersionError(
            "the broker speaks AMQP 0-9-1 alone; RabbitMQ needs its plugin rabbitmq_amqp1_0"
        )
    if answered != _HEADER:
        raise ForeignError("what answers does not speak AMQP 1.0 with SASL")
    offered = _listed(_receive(stream, deadline, _MECHANISMS)[0])
    chosen = next((mechanism for mechanism in allowed if mechanism in offered), None)
    if chosen is None:
        raise NoMechanismError(
            f"the broker offers SASL {', '.join(offered) or 'without a mechanism'}; "
            f"allowed here: {', '.join(allowed)}"
        )
    _send(stream, deadline, [proton.symbol(chosen), initial[chosen], host])
    code = _receive(stream, deadline, _OUTCOME)[0]
    if code == _WRONG:
        raise AuthenticationError(f"authentication failed (SASL {chosen})")
    if code != _SUCCESS:
        reason = f"the broker could not authenticate the filter (SASL {chosen}, outcome {code})"
        raise AuthenticationError(reason, needs_operator=code != _LATER)


def _listed(mechanisms: Any) -> list[str]:
    """The mechanisms in a field of a frame: an array of symbols, or one symbol, or null."""
    symbols = mechanisms.elements if isinstance(mechanisms, proton.Array) else [mechanisms]
    return [str(symbol) for symbol in symbols if symbol is not None]


def _send(stream: Stream, deadline: Deadline, init: list[Any]) -> None:
    data = proton.Data()
    data.put_object(proton.Described(proton.ulong(_INIT), init))
    body = data.encode()
    size = (len(body) + 8).to_bytes(4, "big")
    stream.write(size + bytes([2, _SASL, 0, 0]) + body, deadline)


def _receive(stream: Stream, deadline: Deadline, expected: int) -> list[Any]:
    """The fields of the next frame, which must be of the kind `expected`; and None at the end.

    Raises ForeignError and OSError.
    """
    size = int.from_bytes(stream.read(4, deadline), "big")
    if not 8 <= size <= _LONGEST_FRAME:
        raise ForeignError("what answers does not speak AMQP 1.0: a frame has no length")
    frame = stream.read(size - 4, deadline)
    body = frame[frame[0] * 4 - 4 :]  # must live as long as `data`, which points into it
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
