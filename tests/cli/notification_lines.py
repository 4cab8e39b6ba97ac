"""Lines of a log_file, made as the filter makes them."""

import itertools
import uuid
from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events.notification import EventType, Notification, Priority

IMAGE = "55354b8b-28d8-4e35-aa1e-20e5222c93a9"
OWNER = "86297fba107c586085582a08fefa76ae"
RECEIVER = "3dceeb387d915fee9e9b1ad925ddaf89"
USER = "02e139eb50d75aafbfd69ba8a02a5ffc"
MIDNIGHT = 1793491200.0
"""2026-11-01 00:00:00 UTC."""

_numbers = itertools.count(1)


def new_id() -> str:
    """A UUID that no other notification has."""
    return str(uuid.UUID(int=next(_numbers)))


def sent(size: int | None, **changed: Any) -> dict[str, Any]:
    """The payload of an image.send."""
    return {
        "image_id": IMAGE,
        "owner_id": OWNER,
        "receiver_tenant_id": RECEIVER,
        "receiver_user_id": USER,
        "destination_ip": "192.0.2.7",
        "bytes_sent": size,
    } | changed


def notification(
    event_type: EventType = EventType.SEND,
    payload: str | Mapping[str, Any] | None = None,
    *,
    priority: Priority = Priority.INFO,
    after: float = 0.0,
    message_id: str | None = None,
    request_id: str = "req-1",
) -> Notification:
    """A notification of `after` seconds after MIDNIGHT."""
    return Notification(
        message_id=message_id or new_id(),
        publisher_id="glance-1",
        event_type=event_type,
        priority=priority,
        timestamp=MIDNIGHT + after,
        payload=sent(1000) if payload is None else payload,
        request_id=request_id,
        project_id=RECEIVER,
        user_id=USER,
    )


def line(*arguments: Any, **named: Any) -> bytes:
    """The line of a notification, without its end."""
    return notification(*arguments, **named).to_json()
