"""What is known of an operation before it begins, and what that means when its end is never known.

Pure. An intent holds ids and facts; no token, and no context.
"""

import uuid
from typing import NamedTuple

import orjson

from glance_notify_middleware.events import failure
from glance_notify_middleware.events.notification import EventType, Notification, Payload, Priority


class Intent(NamedTuple):
    """An operation that is about to be given to Glance.

    `key` is the UUID of the notification that tells that its outcome is unknown; `timestamp` is
    when it began, in seconds since the epoch; `event_type` is what it is told as when it fails.
    """

    key: bytes
    timestamp: float
    publisher_id: str
    event_type: EventType
    tried: str
    image_id: str | None
    request_id: str | None
    project_id: str | None
    user_id: str | None
    destination_ip: str | None


class Progress(NamedTuple):
    """What is known of a running download: bytes that have left, and who owns the image."""

    bytes_sent: int = 0
    owner_id: str | None = None


def encode(intent: Intent) -> bytes:
    """All but the key, as a JSON array."""
    try:
        return orjson.dumps(intent[1:])
    except TypeError:  # a lone surrogate, which no id of Glance's has
        return orjson.dumps([_wire_safe(each) for each in intent[1:]])


def decode(key: bytes, facts: bytes) -> Intent:
    """What `encode` was given. Raises ValueError, or TypeError, where it is something else."""
    return Intent(key, *orjson.loads(facts))


def encode_progress(progress: Progress) -> bytes:
    """As a JSON array."""
    return orjson.dumps(progress[:])


def decode_progress(told: bytes | None) -> Progress:
    """What `encode_progress` was given; None: there was none so far. Raises as `decode` does."""
    return Progress() if told is None else Progress(*orjson.loads(told))


def unknown_outcome(intent: Intent, progress: Progress) -> Notification:
    """The ERROR that says that nobody knows how it ended: the same, whoever says it.

    Of a download it tells the bytes that are known to have left: a lower bound.
    """
    return Notification(
        message_id=str(uuid.UUID(bytes=intent.key)),
        publisher_id=intent.publisher_id,
        event_type=EventType(intent.event_type),
        priority=Priority.ERROR,
        timestamp=intent.timestamp,
        payload=_payload(intent, progress),
        request_id=intent.request_id,
        project_id=intent.project_id,
        user_id=intent.user_id,
    )


def _payload(intent: Intent, progress: Progress) -> Payload:
    if intent.event_type != EventType.SEND:
        return failure.unknown_outcome_text(intent.tried, intent.image_id)
    return {
        "image_id": intent.image_id,
        "owner_id": progress.owner_id,
        "receiver_tenant_id": intent.project_id,
        "receiver_user_id": intent.user_id,
        "destination_ip": intent.destination_ip,
        "bytes_sent": progress.bytes_sent,
    }


def _wire_safe(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value
