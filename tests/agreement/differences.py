"""Where the event contract says that the filter and native Glance tell differently.

Each row has its reason; a difference that fits none of them is a fault of one of the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.agreement.told import Event, Request

ABSENT = "(absent)"
"""Stands for the value of a field that a payload does not have."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a payload may differ: `allows` takes the request, the native value, ours."""

    reason: str
    fields: tuple[str, ...]
    event_types: tuple[str, ...]
    allows: Callable[[Request, Any, Any], bool]


_MOMENT = timedelta(seconds=30)


def _ours_is_later(_request: Request, native: Any, ours: Any) -> bool:
    gap = _gap(native, ours)
    return gap is not None and timedelta(0) < gap <= _MOMENT


def _is_within_a_moment(_request: Request, native: Any, ours: Any) -> bool:
    gap = _gap(native, ours)
    return gap is not None and abs(gap) <= _MOMENT


def _gap(native: Any, ours: Any) -> timedelta | None:
    try:
        return datetime.fromisoformat(ours) - datetime.fromisoformat(native)
    except (TypeError, ValueError):
        return None


def _without_internal_urls(_request: Request, native: Any, ours: Any) -> bool:
    internal = ("os_glance_stage_host", "os_glance_hash_op_host")
    told = {name: value for name, value in dict(native).items() if name not in internal}
    return bool(ours == told)


def _without_notes(request: Request, native: Any, ours: Any) -> bool:
    """Whether the properties are the same but for those that Glance keeps for itself."""
    if not request.is_asynchronous:
        return False
    theirs, mine = (
        {name: value for name, value in told.items() if not name.startswith("os_glance_")}
        for told in (native, ours)
    )
    return bool(theirs == mine)


def _adds_a_location(request: Request) -> bool:
    return request.is_asynchronous and request.path.endswith("/locations")


def _is_removed(request: Request, _native: Any, ours: Any) -> bool:
    """Whether it is of the image of a task that failed, and we say that it is not known."""
    return request.is_task and ours is None and _failed(request)


def _failed(request: Request) -> bool:
    return any(event.priority == "ERROR" for event in request.told_by("ours"))


def _was_not_to_be_known(request: Request, _native: Any, ours: Any) -> bool:
    refused = any(status in (403, 404) for status in request.look_ups_without)
    return refused and ours in (None, {})


def _native_only(_request: Request, native: Any, ours: Any) -> bool:
    return native != ABSENT and bool(ours == ABSENT)


def _ours_only(_request: Request, native: Any, ours: Any) -> bool:
    return ours != ABSENT and bool(native == ABSENT)


_IMAGE_EVENTS = ("image.prepare", "image.upload", "image.activate", "image.update")

FIELD_RULES = (
    FieldRule(
        "native adds backend and two os_glance_ lists",
        ("backend", "os_glance_importing_to_stores", "os_glance_failed_import"),
        ("image.prepare", "image.upload"),
        _native_only,
    ),
    FieldRule(
        "updated_at may be a moment later",
        ("updated_at",),
        ("image.upload", "image.activate", "image.delete"),
        _ours_is_later,
    ),
    FieldRule(
        "image.prepare is told once the import is seen: updated_at is moments earlier or later",
        ("updated_at",),
        ("image.prepare",),
        lambda request, native, ours: (
            request.is_asynchronous and _is_within_a_moment(request, native, ours)
        ),
    ),
    FieldRule(
        "a task's image is told once the task has ended: updated_at is a moment later",
        ("updated_at",),
        ("image.create",),
        lambda request, native, ours: request.is_task and _ours_is_later(request, native, ours),
    ),
    FieldRule(
        "a task's image is told once the task has ended: what Glance learns of it is left out",
        ("virtual_size",),
        ("image.prepare",),
        lambda request, _native, ours: request.is_task and ours is None,
    ),
    FieldRule(
        "the image of a task that failed is gone: what was asked for",
        (
            *("container_format", "created_at", "disk_format", "id", "is_public", "min_disk"),
            *("min_ram", "name", "owner", "protected", "tags", "updated_at", "visibility"),
        ),
        ("image.create",),
        _is_removed,
    ),
    FieldRule(
        "image.upload is told once all stores have it: the image is active by then",
        ("status",),
        ("image.upload",),
        lambda request, native, ours: (
            request.is_asynchronous and (native, ours) == ("importing", "active")
        ),
    ),
    FieldRule(
        "a location is told once the image is active: Glance computes its checksum after that",
        ("checksum",),
        ("image.update",),
        lambda request, native, ours: _adds_a_location(request) and None in (native, ours),
    ),
    FieldRule(
        "a location is told once the image is active: Glance computes its checksum after that",
        ("updated_at",),
        ("image.update",),
        lambda request, native, ours: (
            _adds_a_location(request) and _is_within_a_moment(request, native, ours)
        ),
    ),
    FieldRule(
        "deleted_at is now, a moment later",
        ("deleted_at",),
        ("image.delete", "image.member.delete"),
        _ours_is_later,
    ),
    FieldRule(
        "status is deleted, also where Glance delays the delete",
        ("status",),
        ("image.delete",),
        lambda _request, native, ours: (native, ours) == ("pending_delete", "deleted"),
    ),
    FieldRule(
        "internal URLs, which native leaks, are never told",
        ("properties",),
        (*_IMAGE_EVENTS, "image.create", "image.delete"),
        _without_internal_urls,
    ),
    FieldRule(
        "Glance's notes in properties (os_glance_...): as they are after it, not in its midst",
        ("properties",),
        _IMAGE_EVENTS,
        _without_notes,
    ),
    FieldRule(
        "destination_ip is ours alone: native omits it",
        ("destination_ip",),
        ("image.send",),
        _ours_only,
    ),
    FieldRule(
        "the user may not get the record: what is known",
        (
            *("checksum", "container_format", "created_at", "disk_format", "is_public"),
            *("min_disk", "min_ram", "name", "owner", "properties", "protected", "size", "status"),
            *("tags", "updated_at", "virtual_size", "visibility"),
        ),
        (*_IMAGE_EVENTS, "image.delete"),
        _was_not_to_be_known,
    ),
    FieldRule(
        "the user may not get the record: what is known",
        ("owner_id",),
        ("image.send",),
        _was_not_to_be_known,
    ),
)

PairRule = tuple[str, Callable[[Request, Event, Event], bool]]

PAYLOAD_RULES: tuple[PairRule, ...] = (
    (
        "delete tells the id by default",
        lambda _request, native, ours: (
            ours.event_type == "image.delete" and ours.payload == native.payload.get("id")
        ),
    ),
    (
        "texts are ours",
        lambda _request, native, ours: (
            ours.priority != "INFO" and _is_text(native.payload) and _is_text(ours.payload)
        ),
    ),
)
"""A whole payload may differ."""

PRIORITY_RULES: tuple[PairRule, ...] = (
    (
        "too much by its Content-Length, refused before a byte was read",
        lambda request, native, ours: native.priority == "ERROR" and _is_too_much(request, ours),
    ),
)
"""The two may call the same thing by another priority."""

EventRule = tuple[str, Callable[[Request, Event], bool]]

OURS_ALONE: tuple[EventRule, ...] = (
    (
        "refused",
        lambda request, ours: ours.priority == "WARN" and 400 <= (request.status or 0) < 500,
    ),
    (
        "cut",
        lambda request, ours: (
            (ours.event_type, ours.priority) == ("image.send", "ERROR")
            and request.status in (200, 206)
        ),
    ),
    (
        "failed",
        lambda request, ours: (
            ours.priority == "ERROR" and (request.status is None or request.status >= 400)
        ),
    ),
    (
        "activated by its locations",
        lambda request, ours: (
            (ours.event_type, request.method, request.status) == ("image.activate", "PATCH", 200)
            and ours.payload["status"] == "active"
        ),
    ),
    (
        "followed",
        lambda request, ours: (
            request.is_asynchronous and request.status in (201, 202) and _is_alone(request, ours)
        ),
    ),
)
"""What native is silent about, by class."""

NATIVE_ALONE: tuple[EventRule, ...] = (
    (
        "bookkeeping inside an upload",
        lambda request, native: (
            (native.event_type, request.method) == ("image.update", "PUT")
            and request.path.endswith("/file")
        ),
    ),
    (
        "bookkeeping inside a staging, which we tell once",
        lambda request, native: (
            (native.event_type, request.method) == ("image.update", "PUT")
            and request.path.endswith("/stage")
            and any(ours.event_type == "image.update" for ours in request.told_by("ours"))
        ),
    ),
    (
        "too much by its Content-Length, refused before a byte was read",
        lambda request, native: (
            native.event_type == "image.prepare"
            and any(_is_too_much(request, ours) for ours in request.told_by("ours"))
        ),
    ),
    (
        "the image of a task that failed, which Glance removes",
        lambda request, native: (
            request.is_task and native.event_type == "image.delete" and _failed(request)
        ),
    ),
    (
        "bookkeeping of what goes on after a 202",
        lambda request, native: request.is_asynchronous and native.event_type == "image.update",
    ),
    (
        "told of each store, by us of the operation",
        lambda request, native: (
            request.is_asynchronous
            and native.event_type in ("image.prepare", "image.upload", "image.activate")
            and _is_told_as_its_worst(request, native.event_type)
        ),
    ),
    (
        "a copy that reads the image from its store: nobody receives it",
        lambda request, native: request.is_asynchronous and native.event_type == "image.send",
    ),
)
"""What we do not repeat."""


def _is_text(payload: Any) -> bool:
    return isinstance(payload, str)


def _is_alone(request: Request, ours: Event) -> bool:
    """Whether native does not tell it, and we tell one event of its type."""
    same = [
        event
        for event in request.told_by("native")
        if (event.event_type, event.priority) == (ours.event_type, ours.priority)
    ]
    types = [event.event_type for event in request.told_by("ours")]
    return not same and types.count(ours.event_type) == 1


def _is_told_as_its_worst(request: Request, event_type: str) -> bool:
    """Whether we tell one event of what native tells of several stores: ERROR if any failed."""
    told = {
        side: [each.priority for each in request.told_by(side) if each.event_type == event_type]
        for side in ("native", "ours")
    }
    return told["ours"] == ["ERROR" if "ERROR" in told["native"] else "INFO"]


def _is_too_much(request: Request, ours: Event) -> bool:
    """Whether we tell that an upload was refused for its size, and not that it had begun."""
    return (ours.event_type, ours.priority, request.status) == ("image.upload", "WARN", 413)
