"""A record of the journal, and its bytes. Pure.

    magic  version  kind  count  length  number  clock  checksum | body
    4      1        1     2      4       8       8      4        | length bytes

`number` counts the notifications of a journal: it is that of the record's first one, and `count`
says how many it has; so a number that is missing is a notification that was lost. `clock` is the
machine's CLOCK_BOOTTIME in nanoseconds: one clock for all its processes (see clock.py). The
checksum is CRC-32 of the body and then of the fields before it; its place and all fields before
`number` are the same in every version. The magic holds bytes that UTF-8 never has, so that it
stands in no JSON.
"""

import enum
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glance_notify_middleware.events.notification import Message, Priority

VERSION = 1
MAX_BODY = 4 * 1024 * 1024
"""Bytes of a body. Three notifications of 256 KiB are the most that one operation makes."""

_MAGIC = b"\xff\xfeGN"
_FIELDS = struct.Struct(">4sBBHIQQ")
_CHECKSUM = struct.Struct(">I")
_HEADER = _FIELDS.size + _CHECKSUM.size

KEY_SIZE = 16
"""Bytes of an intent's UUID, its key."""
NO_INTENT = bytes(KEY_SIZE)
"""In the place of a key: none."""
_MESSAGE = struct.Struct(">36sdBBI")  # id, timestamp, priority, lengths of event type and JSON
_PRIORITIES = tuple(Priority)
_PRIORITY_NUMBERS = {priority: number for number, priority in enumerate(_PRIORITIES)}

_STEP = 5000  # bytes; above that zlib lets the GIL go, and to get it back can take 30 ms


class TooLongError(ValueError):
    """A record would be longer than any reader takes."""


class Kind(enum.IntEnum):
    """What a record tells."""

    SEGMENT = 0
    """The first of a segment: whose it is."""
    BEGIN = 1
    """An intent, its key first: an operation is about to be given to Glance."""
    PROGRESS = 2
    """Behind the key of its intent: how far a running download has come."""
    EVENTS = 3
    """Notifications that became known at one moment; ends an intent, if it names one. What one
    record cannot take stands in several, of which the last one ends the intent."""
    END = 4
    """The intent of this key came to nothing: there is nothing to tell."""
    MARK = 5
    """All intents that were open when the segment was begun stand before it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A whole record, its checksum good. `end` is where it ends in the bytes that were scanned."""

    version: int
    kind: int  # a Kind, or one that a newer version has
    count: int
    number: int
    clock: int
    body: bytes
    end: int


def checksum(body: bytes) -> int:
    """CRC-32 of a body, computed without letting the GIL go."""
    if len(body) <= _STEP:
        return zlib.crc32(body)
    value = 0
    for start in range(0, len(body), _STEP):
        value = zlib.crc32(body[start : start + _STEP], value)
    return value


def encode(
    kind: Kind, body: bytes, body_checksum: int, *, count: int, number: int, clock: int
) -> bytes:
    """The bytes of a record; `body_checksum` is `checksum(body)`. Raises TooLongError."""
    length = len(body)
    if length > MAX_BODY:
        raise TooLongError(f"a record has {MAX_BODY} bytes at most, not {length}")
    fields = _FIELDS.pack(_MAGIC, VERSION, kind, count, length, number, clock)
    return fields + _CHECKSUM.pack(zlib.crc32(fields, body_checksum)) + body


def encode_messages(messages: Sequence[Message], ends: bytes | None = None) -> bytes:
    """The body of an EVENTS record; `ends` is the key of the intent that these events end."""
    parts = [ends or NO_INTENT]
    for message in messages:
        event_type = message.event_type.encode()
        parts += (
            _MESSAGE.pack(
                message.message_id.encode(),
                message.timestamp,
                _PRIORITY_NUMBERS[message.priority],
                len(event_type),
                len(message.body),
            ),
            event_type,
            message.body,
        )
    return b"".join(parts)


def split(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in their order, as many at a time as one EVENTS record takes; one at least."""
    run: list[Message] = []
    size = KEY_SIZE
    for message in messages:
        its_size = _MESSAGE.size + len(message.event_type.encode()) + len(message.body)
        if run and size + its_size > MAX_BODY:
            yield run
            run, size = [], KEY_SIZE
        run.append(message)
        size += its_size
    yield run


def decode_messages(body: bytes) -> list[Message]:
    """The messages of an EVENTS record."""
    messages = []
    at = KEY_SIZE
    while at < len(body):
        message_id, timestamp, priority, type_length, length = _MESSAGE.unpack_from(body, at)
        at += _MESSAGE.size
        event_type = body[at : at + type_length].decode()
        at += type_length
        messages.append(
            Message(
                message_id=message_id.decode(),
                event_type=event_type,
                priority=_PRIORITIES[priority],
                timestamp=timestamp,
                body=body[at : at + length],
            )
        )
        at += length
    return messages


def scan(data: bytes) -> Iterator[Entry]:
    """The whole records in `data`, which begins where a record began, or was to begin.

    What is damaged is passed over up to the next good record. What follows the last good one may
    be damaged as well, or not yet written: `data` does not tell.
    """
    at = 0
    while at >= 0:
        record = _record(data, at)
        if record is None:
            at = data.find(_MAGIC, at + 1)
        else:
            yield record
            at = record.end


def damaged_count(data: bytes) -> int:
    """How many notifications are in the one record that `data` begins with, and that is damaged.

    0 for one that was never written to its end, or whose header tells nothing.
    """
    if len(data) < _HEADER:
        return 0
    magic, _, kind, count, length, _, _ = _FIELDS.unpack_from(data)
    whole = magic == _MAGIC and len(data) >= _HEADER + length
    return count if whole and kind == Kind.EVENTS else 0


def _record(data: bytes, at: int) -> Entry | None:
    start = at + _HEADER
    if len(data) < start:
        return None
    magic, version, kind, count, length, number, clock = _FIELDS.unpack_from(data, at)
    if magic != _MAGIC or length > MAX_BODY or len(data) < start + length:
        return None
    body = data[start : start + length]
    (expected,) = _CHECKSUM.unpack_from(data, at + _FIELDS.size)
    if zlib.crc32(data[at : at + _FIELDS.size], checksum(body)) != expected:
        return None
    return Entry(version, kind, count, number, clock, body, start + length)
