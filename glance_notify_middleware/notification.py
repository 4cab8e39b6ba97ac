"""The message: what every notification is made of, and its JSON.

Pure: no clock and no random source; whoever makes a Notification hands both in.
"""

import enum
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson


class Priority(enum.StrEnum):
    """How an operation ended: done, refused, failed."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class EventType(enum.StrEnum):
    """Every event type that is ever sent.

    Consumers match types by unanchored patterns: a type that merely begins like
    one of these would be read, and billed, as that one. So none is invented.
    """

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


@dataclass(frozen=True, slots=True)
class Notification:
    """One message, complete. `message_id` stays the same however often it is sent.

    `timestamp` is when the event was generated, in UTC. The three context fields
    are all that is ever told of the request's context: no token, role or catalogue.
    """

    message_id: str
    publisher_id: str
    event_type: EventType
    priority: Priority
    timestamp: datetime
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
            "event_type": self.event_type.value,
            "priority": self.priority.value,
            "timestamp": self.timestamp.strftime("%Y-%m-%d %H:%M:%S.%f"),
            "payload": self.payload,
            "_unique_id": self.message_id,
            "_context_request_id": self.request_id,
            "_context_project_id": self.project_id,
            "_context_user_id": self.user_id,
        }

    def to_json(self) -> bytes:
        """The notification as one line of UTF-8 JSON, without a line end.

        Does not fail for anything that an image record can hold: what orjson refuses (lone
        surrogates, integers beyond 64 bits) takes the slower way through `json`.
        """
        message = self.as_dict()
        try:
            return orjson.dumps(message)
        except TypeError:
            return json.dumps(_wire_safe(message), ensure_ascii=False, allow_nan=False).encode()


class NotRecordedError(Exception):
    """Some notifications could not be recorded: `lost`, for the reason that the message tells."""

    def __init__(self, lost: Sequence[Notification], reason: str) -> None:
        super().__init__(reason)
        self.lost = lost


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
