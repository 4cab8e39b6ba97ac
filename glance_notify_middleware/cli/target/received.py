"""A notification as the command `listen` shows it, and whether it is to be shown."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from glance_notify_middleware.cli.type_argument import is_of_type
from glance_notify_middleware.events import cadf, cloudevents
from glance_notify_middleware.events.escaping import escaped_json, escaped_text
from glance_notify_middleware.events.images import parse_json

Notification = Mapping[str, Any]

_PROJECTS = ("receiver_tenant_id", "owner_id", "owner", "member_id")
"""The keys of payloads that name a project."""


class UnreadableError(Exception):
    """A message is no notification."""


def unwrapped(body: bytes) -> Notification:
    """The notification in a message, in any message_format. Raises UnreadableError."""
    try:
        found = _as_plain(parse_json(body))
    except (ValueError, TypeError, RecursionError) as error:
        raise UnreadableError(f"{len(body)} bytes that are no JSON") from error
    except (AttributeError, LookupError):
        found = None
    match found:
        case {
            "event_type": str(),
            "priority": str(),
            "timestamp": str(),
            "payload": str() | dict(),
        }:
            notification: Notification = found
            return notification
    raise UnreadableError(f"{len(body)} bytes of JSON that are no notification")


def _as_plain(found: Any) -> Any:
    """What was read of a message, without its format: a notification, if it is one.

    Raises ValueError, TypeError, RecursionError, AttributeError and LookupError where it is in no
    format.
    """
    match found:
        case {"oslo.message": inner}:
            return parse_json(inner)
        case {"specversion": _}:
            return cloudevents.notification(found)
        case {"typeURI": cadf.EVENT}:
            return cadf.notification(found)
    return found


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which notifications are to be shown. An empty tuple: all."""

    types: tuple[str, ...] = ()
    """Types, or groups of them: image.member."""
    priorities: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()

    def has(self, notification: Notification) -> bool:
        """Whether the notification is to be shown."""
        event_type, payload = notification["event_type"], notification["payload"]
        return (
            _fits(self.types, lambda each: is_of_type(event_type, each))
            and _fits(self.priorities, notification["priority"].__eq__)
            and _fits(self.images, lambda each: _is_about(payload, each))
            and _fits(self.projects, lambda each: each in _projects(notification))
        )


def _fits(wanted: tuple[str, ...], test: Any) -> bool:
    return not wanted or any(test(each) for each in wanted)


def _is_about(payload: Any, image: str) -> bool:
    """Whether a payload is about an image. A text (of a WARN, an ERROR, a delete) has the id in
    it."""
    if isinstance(payload, str):
        return image in payload
    return image in (payload.get("image_id"), payload.get("id"))


def _projects(notification: Notification) -> list[Any]:
    payload = notification["payload"]
    found = [payload.get(key) for key in _PROJECTS] if isinstance(payload, dict) else []
    return [*found, notification.get("_context_project_id")]


def as_line(notification: Notification) -> str:
    """The notification in one line for people: time (UTC), priority, type, image, who, and what."""
    payload = notification["payload"]
    is_text = isinstance(payload, str)
    what = payload if is_text else "  ".join(filter(None, (_image(payload), *_facts(payload))))
    head = (
        notification["timestamp"][:23],
        f"{notification['priority']:<5}",
        f"{notification['event_type']:<19}",
    )
    who = "" if not is_text and "bytes_sent" in payload else _who(notification)
    return escaped_text("  ".join(filter(None, (*head, what, who))))


def as_json(notification: Notification) -> str:
    """The notification as one line of JSON, without an envelope."""
    try:
        encoded = orjson.dumps(notification)
    except TypeError:  # an integer beyond 64 bits
        encoded = json.dumps(notification).encode()
    return escaped_json(encoded).decode()


def _image(payload: Mapping[str, Any]) -> str:
    return str(payload.get("image_id") or payload.get("id") or payload.get("text") or "")


def _facts(payload: Mapping[str, Any]) -> list[str]:
    """The main fields of a payload, in words."""
    if "bytes_sent" in payload:
        return [
            f"{payload['bytes_sent']} bytes",
            f"to {payload.get('destination_ip') or 'an unknown address'}",
            f"project {payload.get('receiver_tenant_id') or '-'}",
            f"user {payload.get('receiver_user_id') or '-'}",
        ]
    named = (("name", "name"), ("status", "status"), ("size", "size"), ("member_id", "member"))
    return [f"{word} {payload[key]}" for key, word in named if payload.get(key) is not None]


def _who(notification: Notification) -> str:
    project = notification.get("_context_project_id")
    user = notification.get("_context_user_id")
    return "" if not (project or user) else f"by project {project or '-'}  user {user or '-'}"
