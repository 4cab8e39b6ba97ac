"""Intents: what is stored of an operation before Glance gets it, and the unknown outcome.

An intent holds ids and facts. It holds no token and no context.
"""

import uuid
from typing import NamedTuple

import orjson

from glance_notify_middleware.events import failure
from glance_notify_middleware.events.facts import encode_facts
from glance_notify_middleware.events.notification import EventType, Notification, Payload, Priority


class Intent(NamedTuple):
    """An operation that is about to be given to Glance.

    `key` holds the 16 bytes of a UUID: the message_id of the notification about the unknown
    outcome. `timestamp` is when the operation began, in seconds since the epoch. `event_type` is
    the type of that notification. `tried` is what the operation tries, in words.
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
    """What is known of a running download: the bytes that were sent, and the owner of the image."""

    bytes_sent: int = 0
    owner_id: str | None = None


def encode(intent: Intent) -> bytes:
    """All fields but the key, as a JSON array."""
    return encode_facts(intent[1:])


def decode(key: bytes, facts: bytes) -> Intent:
    """The intent that `encode` was given. Raises ValueError or TypeError for any other `facts`."""
    return Intent(key, *orjson.loads(facts))


def encode_progress(progress: Progress) -> bytes:
    """The fields as a JSON array."""
    return encode_facts(progress[:])


def decode_progress(facts: bytes | None) -> Progress:
    """The progress that `encode_progress` was given; an empty one when there was none so far.

    Raises as `decode` does.
    """
    return Progress() if facts is None else Progress(*orjson.loads(facts))


def unknown_outcome(intent: Intent, progress: Progress) -> Notification:
    """The ERROR for an operation whose end nobody saw: the same, whichever process makes it.

    The bytes_sent of a download are those that are known to have been sent: a lower bound.
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
