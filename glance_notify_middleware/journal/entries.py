"""A journal entry and its bytes. Pure.

    magic  version  kind  count  length  number  clock  checksum | body
    4      1        1     2      4       8       8      4        | length bytes

The numbers below the names are lengths in bytes; numbers are big-endian. `number` counts the
notifications of a journal: it is the number of the entry's first notification, and `count` is how
many the entry has; 0 where they are recorded again, and were counted before. So a number that is
missing is a notification that was lost. `clock` is the machine's CLOCK_BOOTTIME in nanoseconds: one
clock for all its processes (see clock.py). The checksum is the CRC-32 of the body and then of the
fields before the checksum. The place of the checksum, and all fields before `number`, are the same
in every version. The magic has bytes that UTF-8 never has, so that it stands in no JSON.
"""

import enum
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glance_notify_middleware.events import deferred
from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.notification import Message, Priority

VERSION = 3
MAX_BODY = 4 * 1024 * 1024
"""Bytes that a body has at most. One operation makes at most three notifications of 256 KiB."""

_MAGIC = b"\xff\xfeGN"
_FIELDS = struct.Struct(">4sBBHIQQ")
_CHECKSUM = struct.Struct(">I")
_HEADER = struct.Struct(">4sBBHIQQI")  # the fields and the checksum
HEADER_SIZE = _HEADER.size
"""Bytes before the body."""

KEY_SIZE = 16
"""Bytes of the key of an intent, which is a UUID."""
NO_INTENT = bytes(KEY_SIZE)
"""Stands where a key would stand, when there is no intent."""
_MESSAGE = struct.Struct(">36sdBBI")  # id, timestamp, priority, lengths of event type and JSON
_DEFERRED = 0x80
"""Is added to the priority of a deferred notification. Its id stands there as 16 bytes, and in the
place of the JSON what `deferred.encode` made of it."""
_PRIORITIES = tuple(Priority)
_PRIORITY_NUMBERS = {priority: number for number, priority in enumerate(_PRIORITIES)}

Wants = Callable[[str, Priority], bool]
"""Whether a reader wants messages of an event type and a priority."""

_STEP = 5000  # bytes; for more than that zlib releases the GIL, and to get it back can take 30 ms


class TooLongError(ValueError):
    """An entry would be longer than a reader accepts."""


class Kind(enum.IntEnum):
    """What an entry is."""

    SEGMENT = 0
    """The first entry of a segment: its origin (see origin.py)."""
    BEGIN = 1
    """An intent: its key, then its facts. An operation is about to be given to Glance."""
    PROGRESS = 2
    """The key of an intent, then how far its download has come."""
    EVENTS = 3
    """Notifications that became known at one moment. They end the intent whose key stands before
    them. What one entry cannot hold stands in several, of which the last one ends the intent."""
    END = 4
    """The key of an intent that came to nothing: there is no event."""
    MARK = 5
    """Empty. All intents that were open when the segment was begun stand before this entry."""
    DROPPED = 6
    """What was EVENTS in an aside file, until an operator dropped it: not to be sent."""


@dataclass(slots=True)  # frozen ones take twice as long to make
class Entry:
    """An entry whose checksum is good. `end` is the offset behind it in the scanned bytes."""

    version: int
    kind: int  # a Kind, or a kind of a newer version
    count: int
    number: int
    clock: int
    body: bytes
    end: int


def checksum(body: bytes) -> int:
    """The CRC-32 of a body, computed without releasing the GIL."""
    if len(body) <= _STEP:
        return zlib.crc32(body)
    value = 0
    for start in range(0, len(body), _STEP):
        value = zlib.crc32(body[start : start + _STEP], value)
    return value


def encode(
    kind: Kind, body: bytes, body_checksum: int, *, count: int, number: int, clock: int
) -> bytes:
    """The bytes of an entry; `body_checksum` is `checksum(body)`. Raises TooLongError."""
    length = len(body)
    if length > MAX_BODY:
        raise TooLongError(f"an entry has {MAX_BODY} bytes at most, not {length}")
    fields = _FIELDS.pack(_MAGIC, VERSION, kind, count, length, number, clock)
    return fields + _CHECKSUM.pack(zlib.crc32(fields, body_checksum)) + body


def changed_header(entry: Entry, *, kind: int | None = None, number: int | None = None) -> bytes:
    """What replaces the header of an entry, HEADER_SIZE bytes, to change these fields in its
    place."""
    fields = _FIELDS.pack(
        _MAGIC,
        entry.version,
        entry.kind if kind is None else kind,
        entry.count,
        len(entry.body),
        entry.number if number is None else number,
        entry.clock,
    )
    return fields + _CHECKSUM.pack(zlib.crc32(fields, checksum(entry.body)))


def encode_messages(messages: Sequence[Message], ends: bytes | None = None) -> bytes:
    """The body of an EVENTS entry; `ends` is the key of the intent that these events end."""
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


def encode_deferred(notification: DeferredNotification, ends: bytes | None = None) -> bytes:
    """The body of an EVENTS entry with one deferred notification; `ends` as in
    `encode_messages`."""
    event_type = notification.event_type.encode()
    stored = deferred.encode(notification)
    priority = _PRIORITY_NUMBERS[notification.priority] | _DEFERRED
    fields = _MESSAGE.pack(
        notification.key, notification.timestamp, priority, len(event_type), len(stored)
    )
    return b"".join((ends or NO_INTENT, fields, event_type, stored))


def split(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """The messages in their order, in groups that one EVENTS entry can hold; at least one each."""
    group: list[Message] = []
    size = KEY_SIZE
    for message in messages:
        message_size = _MESSAGE.size + len(message.event_type.encode()) + len(message.body)
        if group and size + message_size > MAX_BODY:
            yield group
            group, size = [], KEY_SIZE
        group.append(message)
        size += message_size
    yield group


def decode_messages(body: bytes, wants: Wants | None = None) -> list[Message]:
    """The messages of the body of an EVENTS entry.

    The JSON of deferred notifications is made now, but where their event type and priority are not
    such as the caller `wants`: there JSON and id are empty. None: all are wanted.
    """
    messages = []
    at = KEY_SIZE
    while at < len(body):
        message_id, timestamp, number, type_length, length = _MESSAGE.unpack_from(body, at)
        priority = _PRIORITIES[number & ~_DEFERRED]
        at += _MESSAGE.size
        event_type = body[at : at + type_length].decode()
        at += type_length
        stored = body[at : at + length]
        at += length
        if not number & _DEFERRED:
            known = message_id.decode(), event_type, priority, timestamp
            messages.append(Message(*known, stored))
        elif wants is None or wants(event_type, priority):
            key = message_id[:KEY_SIZE]
            found = deferred.decode(key, timestamp, event_type, priority, stored)
            messages.append(Message.of(found.made()))
        else:
            messages.append(Message("", event_type, priority, timestamp, b""))
    return messages


def scan(data: bytes) -> Iterator[Entry]:
    """The good entries in `data`, which begins where an entry begins, or would begin.

    What is damaged is skipped, up to the next good entry. What follows the last good entry may be
    damaged, or not written to its end yet: `data` does not show which.
    """
    at = 0
    while at >= 0:
        entry = _entry(data, at)
        if entry is None:
            at = data.find(_MAGIC, at + 1)
        else:
            yield entry
            at = entry.end


class Header(NamedTuple):
    """The header of an entry whose body was not checked. `messages` is how many it has; `start` and
    `end` are the offsets of the entry in the data, in bytes."""

    kind: int
    messages: int
    number: int
    start: int
    end: int


def walk(data: bytes) -> Iterator[Header]:
    """The headers of the entries in `data`, like `scan`, but many times faster: the checksums are
    not checked. An entry that is not whole ends it."""
    at, size = 0, len(data)
    while at >= 0 and at + HEADER_SIZE <= size:
        magic, _, kind, count, length, number, _ = _FIELDS.unpack_from(data, at)
        if magic != _MAGIC or length > MAX_BODY:
            at = data.find(_MAGIC, at + 1)
            continue
        end = at + HEADER_SIZE + length
        if end > size:
            return
        yield Header(kind, count, number, at, end)
        at = end


def damaged_count(data: bytes) -> int:
    """How many notifications the damaged entry has that `data` begins with.

    0 if the entry is good, if it was never written to its end, or if its header is damaged.
    """
    if len(data) < HEADER_SIZE or _entry(data, 0) is not None:
        return 0
    magic, _, kind, count, length, _, _ = _FIELDS.unpack_from(data)
    whole = magic == _MAGIC and len(data) >= HEADER_SIZE + length
    return count if whole and kind == Kind.EVENTS else 0


def _entry(data: bytes, at: int) -> Entry | None:
    start = at + HEADER_SIZE
    if len(data) < start:
        return None
    magic, version, kind, count, length, number, clock, expected = _HEADER.unpack_from(data, at)
    end = start + length
    if magic != _MAGIC or length > MAX_BODY or len(data) < end:
        return None
    body = data[start:end]
    crc = zlib.crc32(body) if length <= _STEP else checksum(body)
    if zlib.crc32(data[at : at + _FIELDS.size], crc) != expected:
        return None
    return Entry(version, kind, count, number, clock, body, end)
