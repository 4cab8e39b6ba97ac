"""Which messages go together in a request, and how it is written. Pure."""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from glance_notify_middleware.events.formats import BATCH_CONTENT_TYPES, CONTENT_TYPES
from glance_notify_middleware.events.notification import Message

MOST_BYTES = 2**20
"""Bytes of a request with several messages. A longer message goes alone."""

_BATCH = uuid.UUID("d0c38d1f-5a44-4f04-a8a6-7a3e2a5f0a5b")
"""The name space of the ids of arrays."""

_ID = re.compile(r"[\x21-\x7e]{1,255}")


@dataclass(frozen=True, slots=True)
class Request:
    """What is posted."""

    request_id: str
    body: bytes
    content_type: str


def is_expressible(message: Message) -> bool:
    """Whether the message's id can stand in a header."""
    return _ID.fullmatch(message.message_id) is not None


def runs(batch: Sequence[Message], indexes: Sequence[int], most: int) -> Iterator[Sequence[int]]:
    """The indexes of messages that go together: in their order, at most `most`, and MOST_BYTES."""
    begin = 0
    size = 1  # bytes of the array so far: its bracket
    for end, index in enumerate(indexes):
        own = len(batch[index].body) + 1  # and a comma, or the last bracket
        if end > begin and (end - begin == most or size + own > MOST_BYTES):
            yield indexes[begin:end]
            begin, size = end, 1
        size += own
    if begin < len(indexes):
        yield indexes[begin:]


def request(messages: Sequence[Message], message_format: str, *, is_array: bool) -> Request:
    """The request for one message, or for an array of one or more."""
    if not is_array:
        (message,) = messages
        return Request(message.message_id, message.body, CONTENT_TYPES[message_format])
    body = b"[" + b",".join(message.body for message in messages) + b"]"
    array_id = _array_id([message.message_id for message in messages])
    return Request(array_id, body, BATCH_CONTENT_TYPES[message_format])


def _array_id(ids: Sequence[str]) -> str:
    """The id of the message where there is one; of several a UUID (version 5) that the ids and
    their order make, so that a repeat of the same array has the same."""
    return ids[0] if len(ids) == 1 else str(uuid.uuid5(_BATCH, ",".join(ids)))
