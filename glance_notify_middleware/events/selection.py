"""What one target gets of all that is recorded, and in which form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from glance_notify_middleware.events.images import parse_json
from glance_notify_middleware.events.notification import (
    EventType,
    Message,
    Notification,
    Priority,
    encoded,
)

Kinds = frozenset[tuple[str, Priority]]
"""Event types, each with a priority."""

ALL_KINDS: Kinds = frozenset(
    (event_type, priority) for event_type in EventType for priority in Priority
)

_OWNERS = ("owner", "owner_id")
_OTHERS = ("receiver_tenant_id", "member_id")
"""The keys of payloads that name a project."""


def projects_of(payload: Any, project_id: str | None) -> Iterable[str]:
    """The projects that a notification is about: the owner of the image, the receiver, the member.

    Where the payload names no owner, as that of a WARN, the project of the request, `project_id`,
    stands for the owner. A member of version 1 can be of any type, as a client has written it.
    """
    named = payload if isinstance(payload, Mapping) else {}
    owner = next((named[key] for key in _OWNERS if named.get(key)), project_id)
    found = (owner, *(named.get(key) for key in _OTHERS))
    return [each for each in found if isinstance(each, str)]


@dataclass(frozen=True, slots=True)
class Selection:
    """What one target gets: notifications of these `kinds`, about these `projects`.

    Without `projects` those about any. `deletes_by_id`: the payload of a delete, which is recorded
    with the metadata of the image, becomes the id alone.
    """

    kinds: Kinds
    projects: frozenset[str] = frozenset()
    deletes_by_id: bool = False

    def has(self, event_type: str, priority: Priority) -> bool:
        """Whether the target gets any notification of this type and priority."""
        return (event_type, priority) in self.kinds

    def is_all_of(self, kinds: Kinds) -> bool:
        """Whether the target gets all notifications of these kinds, as they were recorded."""
        return kinds <= self.kinds and not self.projects and not self.deletes_by_id

    def notification(self, notification: Notification) -> Notification | None:
        """The notification as the target gets it; None where it does not."""
        if not self.has(notification.event_type, notification.priority) or not self._is_about(
            notification.payload, notification.project_id
        ):
            return None
        payload = self.payload(notification.event_type, notification.payload)
        if payload is notification.payload:
            return notification
        return notification._replace(payload=payload)

    def message(self, message: Message) -> Message | None:
        """The message as the target gets it; None where it does not."""
        if not self.has(message.event_type, message.priority):
            return None
        if not self.projects and not self._reduces(message.event_type):
            return message
        fields = parse_json(message.body)
        whole = fields["payload"]
        if not self._is_about(whole, fields.get("_context_project_id")):
            return None
        payload = self.payload(message.event_type, whole)
        if payload is whole:
            return message
        return message._replace(body=encoded({**fields, "payload": payload}))

    def payload(self, event_type: str, whole: Any) -> Any:
        """The payload as the target gets it: that of a delete can be recorded with more."""
        is_whole = isinstance(whole, Mapping) and self._reduces(event_type)
        return whole.get("id") if is_whole else whole

    def _is_about(self, payload: Any, project_id: str | None) -> bool:
        return not self.projects or any(
            each in self.projects for each in projects_of(payload, project_id)
        )

    def _reduces(self, event_type: str) -> bool:
        return self.deletes_by_id and event_type == EventType.DELETE
