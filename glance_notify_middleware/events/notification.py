"""Events, notifications and messages: what they consist of, and their JSON.

The rules decide events. A notification is an event with an id, a time and a publisher. A message is
a notification as it is stored and sent. This module has no clock and no source of random ids: the
caller passes both to a Notification.
"""

import enum
import functools
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self

import orjson

from glance_notify_middleware.events import companions, sequence
from glance_notify_middleware.events.identity import Requester


class Priority(enum.StrEnum):
    """How an operation ended: it was done, refused, or it failed."""

    __hash__ = str.__hash__  # faster than that of Enum; a request hashes many members

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class EventType(enum.StrEnum):
    """The type of every event.

    Consumers match event types by unanchored patterns: they would read, and bill, a type that
    merely begins like one of these as that type. So no other type may be made up for an event. One
    more type is sent, on an operator's demand alone: `trial.TRIAL_TYPE` has none of these in it.
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

_LONGEST_MESSAGE = LONGEST_JSON + sequence.LONGEST  # that of a dead letter has its sequence

_ID = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")

# The bounds of a payload that is reduced to its short values.
_LONGEST_VALUE = 1024  # bytes of JSON of a key and its value; characters of a text, or of a name
_MOST_KEYS = 25


class ImageEvent(NamedTuple):
    """An event: what the rules decide. A notification adds an id, a time and a publisher."""

    event_type: EventType
    priority: Priority
    payload: Payload


class Notification(NamedTuple):
    """One complete notification. `message_id` stays the same however often it is sent.

    `event_type` is an EventType, or that of a trial. `timestamp` is when the event was generated,
    in seconds since the epoch. `request_id`, `project_id` and `user_id` are all that a notification
    ever takes from the context of the request: no token, no role and no service catalogue. The
    fields behind them are those of the Requester. `status` is that of the answer. A field is None
    where it is unknown.
    """

    message_id: str
    publisher_id: str
    event_type: str
    priority: Priority
    timestamp: float
    payload: Payload
    request_id: str | None
    project_id: str | None
    user_id: str | None
    user_agent: str | None = None
    service_user_id: str | None = None
    service_project_id: str | None = None
    method: str | None = None
    path: str | None = None
    status: int | None = None

    @classmethod
    def of(
        cls,
        message_id: str,
        publisher_id: str,
        event: ImageEvent,
        timestamp: float,
        requester: Requester,
        status: int | None = None,
    ) -> Self:
        """The notification of an event that follows from a request of `requester`."""
        return cls(
            message_id,
            publisher_id,
            event.event_type,
            event.priority,
            timestamp,
            event.payload,
            requester.request_id,
            requester.project_id,
            requester.user_id,
            requester.user_agent,
            requester.service_user_id,
            requester.service_project_id,
            requester.method,
            requester.path,
            status,
        )

    def as_dict(self) -> dict[str, Any]:
        """The keys and values of the JSON object; every message format is made of it.

        `_unique_id` lets a listener of oslo.messaging drop a repeated message.
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
            "_context_user_agent": companions.user_agent(self.user_agent),
            "_context_service_user_id": self.service_user_id,
            "_context_service_project_id": self.service_project_id,
            "_context_method": self.method,
            "_context_path": companions.url_path(self.path),
            "_context_status": self.status,
        }

    def to_json(self) -> bytes:
        """The notification as one line of UTF-8 JSON, without a line end.

        It takes everything that an image record can hold: what orjson refuses (lone surrogates,
        integers beyond 64 bits) is encoded by `json`, which is slower. A notification that would be
        longer than LONGEST_JSON loses parts of its payload: the key `truncated` of the payload has
        their names, and a payload that is a text ends with [...].
        """
        message = self.as_dict()
        in_json = encoded(message)
        return in_json if len(in_json) <= LONGEST_JSON else _shortened(message)


class Message(NamedTuple):
    """A notification as it is stored and sent: its JSON, and the facts that delivery needs."""

    message_id: str
    event_type: str
    priority: Priority
    timestamp: float  # seconds since the epoch: when the event was generated
    body: bytes  # UTF-8 JSON: plain in the journal, in the operator's format when it is sent

    @classmethod
    def of(cls, notification: Notification) -> Self:
        """The notification as it is stored."""
        return cls(
            notification.message_id,
            notification.event_type,
            notification.priority,
            notification.timestamp,
            notification.to_json(),
        )


def is_id(text: str) -> bool:
    """Whether a text is a UUID in its usual form: what a message_id is, and the id of an image."""
    return _ID.fullmatch(text) is not None


def message_of(fields: Mapping[str, Any], body: bytes | None = None) -> Message:
    """The message of a notification that stands in a file, by the keys and values of its JSON.

    `body` is that JSON, where it is at hand; with escapes it can be longer than it need be. Raises
    ValueError for what is no notification of these rules; the text says why, without the value.
    """
    message_id = fields.get("message_id")
    if not isinstance(message_id, str) or not is_id(message_id):
        raise ValueError("its message_id is no UUID")
    try:
        message = Message(
            message_id,
            EventType(fields["event_type"]),
            Priority(fields["priority"]),
            _from_text(fields["timestamp"]),
            body if body is not None and len(body) <= _LONGEST_MESSAGE else encoded(fields),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError("its event type, priority or timestamp is none") from error
    if not isinstance(fields.get("publisher_id"), str):
        raise ValueError("its publisher is none")
    if not isinstance(fields.get("payload"), str | Mapping):
        raise ValueError("its payload is none")
    if len(message.body) > _LONGEST_MESSAGE:
        raise ValueError(f"its JSON is longer than {_LONGEST_MESSAGE} bytes")
    return message


def _to_microseconds(timestamp: float) -> str:
    seconds, microseconds = divmod(round(timestamp * 1_000_000), 1_000_000)
    return f"{_to_seconds(seconds)}.{microseconds:06d}"


def _from_text(timestamp: str) -> float:
    """The seconds of a timestamp that `_to_microseconds` has written. Raises ValueError and
    TypeError."""
    return datetime.fromisoformat(f"{timestamp}+00:00").timestamp()


@functools.lru_cache(maxsize=16)
def _to_seconds(timestamp: int) -> str:
    """As `YYYY-MM-DD HH:MM:SS`, in UTC."""
    return f"{datetime.fromtimestamp(timestamp, UTC):%Y-%m-%d %H:%M:%S}"


def encoded(message: Mapping[str, Any]) -> bytes:
    """The JSON of a message, or of a payload, on one line; whatever its values are."""
    try:
        return orjson.dumps(message)
    except TypeError:
        return json.dumps(_wire_safe(message), ensure_ascii=False, allow_nan=False).encode()


def _shortened(message: dict[str, Any]) -> bytes:
    """The JSON of a message without the long parts of its payload: LONGEST_JSON bytes at most.

    It first drops the properties, then also the tags, and at last all that is long.
    """
    payload = message["payload"]
    truncated: list[str] = []
    if isinstance(payload, Mapping):
        for key, empty in (("properties", {}), ("tags", [])):
            if key in payload:
                truncated = [*truncated, key]
                payload = {**payload, key: empty, "truncated": truncated}
                in_json = encoded({**message, "payload": payload})
                if len(in_json) <= LONGEST_JSON:
                    return in_json
    short = {
        key: value[:_LONGEST_VALUE] if isinstance(value, str) else value
        for key, value in message.items()
    }
    return encoded({**short, "payload": _reduced(payload, truncated)})


def _reduced(payload: Payload, truncated: list[str]) -> Payload:
    """The short values of any payload: its JSON has less than 3/4 of LONGEST_JSON.

    One character takes at most six bytes of JSON.
    """
    if isinstance(payload, str):
        return payload[: LONGEST_JSON // 8] + "[...]"
    short = [key for key, value in payload.items() if len(encoded({key: value})) <= _LONGEST_VALUE][
        :_MOST_KEYS
    ]
    gone = truncated + [str(key)[:_LONGEST_VALUE] for key in payload if key not in short]
    return {**{key: payload[key] for key in short}, "truncated": gone[:_MOST_KEYS]}


def _wire_safe(value: Any) -> Any:
    """`value` without what readers of JSON reject: NaN, infinities, lone surrogates."""
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
