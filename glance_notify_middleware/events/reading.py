"""Reads from the plain JSON of a notification what it is about.

The formats are made of that JSON alone: the journal may hold it from an earlier version.
"""

from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import failure
from glance_notify_middleware.events.notification import EventType, Priority

Fields = Mapping[str, Any]
"""The keys and values of the JSON of a notification: `Notification.as_dict`."""


def image_id(fields: Fields) -> str | None:
    """The id of the image that a notification is about; None where it names none."""
    payload = fields["payload"]
    if isinstance(payload, Mapping):
        found = payload.get("image_id") or payload.get("id")
    elif (fields["event_type"], fields["priority"]) == (EventType.DELETE, Priority.INFO):
        found = payload
    else:
        found = failure.image_in(payload)
    return found if isinstance(found, str) else None


def is_unknown_outcome(fields: Fields) -> bool:
    """Whether a notification is the ERROR for an operation whose end nobody saw.

    The payload of such a download has the six fields. Nothing of its request but the ids is known,
    so that its method is null.
    """
    if fields["priority"] != Priority.ERROR:
        return False
    payload = fields["payload"]
    if isinstance(payload, str):
        return failure.is_unknown_outcome(payload)
    return fields["event_type"] == EventType.SEND and fields.get("_context_method") is None
