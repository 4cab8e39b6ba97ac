"""The message: what every notification is made of, and its JSON.

Pure: no clock and no random source; whoever makes a Notification hands both in.
"""

import enum
import functools
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson


class Priority(enum.StrEnum):
    """How an operation ended: done, refused, failed."""

    __hash__ = str.__hash__  # as fast as a string's, of which a request uses many

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class EventType(enum.StrEnum):
    """Every event type that is ever sent.

    Consumers match types by unanchored patterns: a type that merely begins like
    one of these would be read, and billed, as that one. So none is invented.
    """

    __hash__ = str.__hash__

    CREATE = "image.create"
    PREPARE = "image.prepare"
    UPLOAD = "image.upload"
    ACTIVATE = "image.activate"
    SEND = "image.send"
    UPDATE = "image.update"
    DELETE = "image.delete"
    MEMBER_CREATE = "image.member.create"
    MEMBER_UPDATE = "image.member.update"
    MEMBER_DELETE = "image.member.delete"


Payload = str | Mapping[str, Any]

LONGEST_JSON = 256 * 1024
"""Bytes that the JSON of a notification has at most."""

_SHORT = 1024  # bytes, or characters, that what is left of a long message can have in one place
_FEW = 25  # places


class Notification(NamedTuple):
    """One message, complete. `message_id` stays the same however often it is sent.

    `timestamp` is when the event was generated, in seconds since the epoch. The three context
    fields are all that is ever told of the request's context: no token, role or catalogue.
    """

    message_id: str
    publisher_id: str
    event_type: EventType
    priority: Priority
    timestamp: float
    payload: Payload
    request_id: str | None
    project_id: str | None
    user_id: str | None

    def as_dict(self) -> dict[str, Any]:
        """The JSON object's keys and values; every consumer's format starts here.

        `_unique_id` lets oslo.messaging's listener drop a repeat.
        """
        return {
            "message_id": self.message_id,
            "publisher_id": self.publisher_id,
            "event_type": self.event_type,
            "priority": self.priority,
            "timestamp": _to_microseconds(self.timestamp),
            "payload": self.payload,
            "_unique_id": self.message_id,
            "_context_request_id": self.request_id,
            "_context_project_id": self.project_id,
            "_context_user_id": self.user_id,
        }

    def to_json(self) -> bytes:
        """The notification as one line of UTF-8 JSON, without a line end.

        Does not fail for anything that an image record can hold: what orjson refuses (lone
        surrogates, integers beyond 64 bits) takes the slower way through `json`. What is longer
        than LONGEST_JSON loses parts of its payload, which then says so: its key `truncated` has
        their names, a text ends with [...].
        """
        message = self.as_dict()
        encoded = _encoded(message)
        return encoded if len(encoded) <= LONGEST_JSON else _shortened(message)


class Message(NamedTuple):
    """A notification as it is stored and sent: its JSON, and what is known without reading it."""

    message_id: str
    event_type: str
    priority: Priority
    timestamp: float  # seconds since the epoch: when the event was generated
    body: bytes  # UTF-8 JSON: plain in the journal, in the operator's format on its way


def in_format(plain: bytes, message_format: str) -> bytes:
    """The JSON of a notification, in the operator's format: `plain` as it is, or `oslo`.

    The latter is oslo.messaging's envelope, which its listeners, and they alone, unwrap
    (oslo.messaging 18.3: _drivers/common.py, serialize_msg).
    """
    if message_format == "plain":
        return plain
    return orjson.dumps({"oslo.version": "2.0", "oslo.message": plain.decode()})


def _to_microseconds(timestamp: float) -> str:
    seconds, microseconds = divmod(round(timestamp * 1_000_000), 1_000_000)
    return f"{_to_seconds(seconds)}.{microseconds:06d}"


@functools.lru_cache(maxsize=16)
def _to_seconds(timestamp: int) -> str:
    """As `YYYY-MM-DD HH:MM:SS`, in UTC."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S}"


def _encoded(message: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(message)
    except TypeError:
        return json.dumps(_wire_safe(message), ensure_ascii=False, allow_nan=False).encode()


def _shortened(message: dict[str, Any]) -> bytes:
    """The message without the parts of its payload that can be long; never above LONGEST_JSON."""
    payload = message["payload"]
    truncated: list[str] = []
    if isinstance(payload, Mapping):
        for key, nothing in (("properties", {}), ("tags", [])):
            if key in payload:
                truncated = [*truncated, key]
                payload = {**payload, key: nothing, "truncated": truncated}
                encoded = _encoded({**message, "payload": payload})
                if len(encoded) <= LONGEST_JSON:
                    return encoded
    short = {key: each[:_SHORT] if isinstance(each, str) else each for key, each in message.items()}
    return _encoded({**short, "payload": _least(payload, truncated)})


def _least(payload: Payload, truncated: list[str]) -> Payload:
    """What is left of a payload, whatever is in it: in JSON, less than 3/4 of LONGEST_JSON.

    A character takes six bytes there at most.
    """
    if isinstance(payload, str):
        return payload[: LONGEST_JSON // 8] + "[...]"
    short = [key for key, each in payload.items() if len(_encoded({key: each})) <= _SHORT][:_FEW]
    gone = truncated + [str(key)[:_SHORT] for key in payload if key not in short]
    return {**{key: payload[key] for key in short}, "truncated": gone[:_FEW]}


def _wire_safe(value: Any) -> Any:
    """`value` without what JSON readers choke on: NaN, infinities, lone surrogates."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case float():
            return value if math.isfinite(value) else None
        case None | bool() | int():
            return value
        case Mapping():
            return {_wire_safe(str(key)): _wire_safe(item) for key, item in value.items()}
        case list() | tuple():
            return [_wire_safe(item) for item in value]
        case _:
            return _wire_safe(str(value))
