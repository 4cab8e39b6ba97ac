"""Notifications as their readers see them: the keys and values of their JSON."""

import json
from typing import Any

from glance_notify_middleware.events.notification import EventType, Notification, Priority
from tests.events.cases import IMAGE

ID = "0f0d0ab1-7c22-4b0b-8f3e-3a0a5b6b9a11"
SENT = {
    "image_id": IMAGE,
    "owner_id": "5ef70662f8b34079a6eddb8da9d75fe8",
    "receiver_tenant_id": "3dceeb387d915fee9e9b1ad925ddaf89",
    "receiver_user_id": "02e139eb50d75aafbfd69ba8a02a5ffc",
    "destination_ip": "192.0.2.7",
    "bytes_sent": 33554432,
}

ASKED: dict[str, Any] = {
    "user_agent": "curl/8",
    "service_user_id": "0a8d2f4b9c1e4d7f8a6b5c3d2e1f0a9b",
    "service_project_id": "b3f1c2d4e5a697887766554433221100",
    "method": "GET",
    "path": f"/v2/images/{IMAGE}/file",
    "status": 206,
}
"""The fields of a Notification whose request and answer were seen."""


def plain(
    event_type: str = EventType.SEND,
    payload: Any = SENT,
    priority: Priority = Priority.INFO,
    **changed: Any,
) -> bytes:
    """The plain JSON of a notification, with these fields of its Notification changed."""
    known = Notification(
        message_id=ID,
        publisher_id="glance-1.example",
        event_type=event_type,
        priority=priority,
        timestamp=1795320085.733691,
        payload=payload,
        request_id="req-1",
        project_id="3dceeb387d915fee9e9b1ad925ddaf89",
        user_id="02e139eb50d75aafbfd69ba8a02a5ffc",
    )
    return known._replace(**changed).to_json()


def fields(*words: Any, **changed: Any) -> dict[str, Any]:
    """The keys and values of the JSON of the notification that `plain` makes."""
    found: dict[str, Any] = json.loads(plain(*words, **changed))
    return found
