"""The differences between the filter and native Glance that the event contract allows.

Each row has its reason. A difference that fits no row is a fault of one of the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.agreement.observed import Event, Request

ABSENT = "(absent)"
"""Stands for the value of a field that a payload does not have."""


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One field of a payload may differ.

    `allows` takes the request, the native value and the filter's value.
    """

    reason: str
    fields: tuple[str, ...]
    event_types: tuple[str, ...]
    allows: Callable[[Request, Any, Any], bool]


_MOMENT = timedelta(seconds=30)


def _is_later(_request: Request, native: Any, from_filter: Any) -> bool:
    gap = _gap(native, from_filter)
    return gap is not None and timedelta(0) < gap <= _MOMENT


def _is_within_a_moment(_request: Request, native: Any, from_filter: Any) -> bool:
    gap = _gap(native, from_filter)
    return gap is not None and abs(gap) <= _MOMENT


def _gap(native: Any, from_filter: Any) -> timedelta | None:
    try:
        return datetime.fromisoformat(from_filter) - datetime.fromisoformat(native)
    except (TypeError, ValueError):
        return None


def _without_internal_urls(_request: Request, native: Any, from_filter: Any) -> bool:
    internal = ("os_glance_stage_host", "os_glance_hash_op_host")
    rest = {name: value for name, value in dict(native).items() if name not in internal}
    return bool(from_filter == rest)


def _without_notes(request: Request, native: Any, from_filter: Any) -> bool:
    """Whether the properties are the same except those that Glance keeps for itself."""
    if not request.has_background_work:
        return False
    native_rest, filter_rest = (
        {name: value for name, value in properties.items() if not name.startswith("os_glance_")}
        for properties in (native, from_filter)
    )
    return bool(native_rest == filter_rest)


def _adds_a_location(request: Request) -> bool:
    return request.has_background_work and request.path.endswith("/locations")


def _is_removed(request: Request, _native: Any, from_filter: Any) -> bool:
    """Whether the task failed, so that its image is gone and the filter has no value."""
    return request.is_task and from_filter is None and _failed(request)


def _failed(request: Request) -> bool:
    return any(event.priority == "ERROR" for event in request.events_of("filter"))


def _was_not_to_be_known(request: Request, _native: Any, from_filter: Any) -> bool:
    refused = any(status in (403, 404) for status in request.failed_look_ups)
    return refused and from_filter in (None, {})


def _native_only(_request: Request, native: Any, from_filter: Any) -> bool:
    return native != ABSENT and bool(from_filter == ABSENT)


def _filter_only(_request: Request, native: Any, from_filter: Any) -> bool:
    return from_filter != ABSENT and bool(native == ABSENT)


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
        _is_later,
    ),
    FieldRule(
        "image.prepare is emitted when the import is seen: updated_at is moments earlier or later",
        ("updated_at",),
        ("image.prepare",),
        lambda request, native, from_filter: (
            request.has_background_work and _is_within_a_moment(request, native, from_filter)
        ),
    ),
    FieldRule(
        "the events of a task are emitted once it has ended: updated_at is a moment later",
        ("updated_at",),
        ("image.create",),
        lambda request, native, from_filter: (
            request.is_task and _is_later(request, native, from_filter)
        ),
    ),
    FieldRule(
        "the events of a task are emitted once it has ended: image.prepare has no virtual_size",
        ("virtual_size",),
        ("image.prepare",),
        lambda request, _native, from_filter: request.is_task and from_filter is None,
    ),
    FieldRule(
        "the image of a failed task is gone: the payload has what the task asked for",
        (
            *("container_format", "created_at", "disk_format", "id", "is_public", "min_disk"),
            *("min_ram", "name", "owner", "protected", "tags", "updated_at", "visibility"),
        ),
        ("image.create",),
        _is_removed,
    ),
    FieldRule(
        "image.upload is emitted once all stores have the data: the image is active by then",
        ("status",),
        ("image.upload",),
        lambda request, native, from_filter: (
            request.has_background_work and (native, from_filter) == ("importing", "active")
        ),
    ),
    FieldRule(
        "a location's image.update is emitted once the image is active: checksum comes later",
        ("checksum",),
        ("image.update",),
        lambda request, native, from_filter: (
            _adds_a_location(request) and None in (native, from_filter)
        ),
    ),
    FieldRule(
        "a location's image.update is emitted once the image is active: checksum comes later",
        ("updated_at",),
        ("image.update",),
        lambda request, native, from_filter: (
            _adds_a_location(request) and _is_within_a_moment(request, native, from_filter)
        ),
    ),
    FieldRule(
        "deleted_at is the time of the event, a moment later",
        ("deleted_at",),
        ("image.delete", "image.member.delete"),
        _is_later,
    ),
    FieldRule(
        "status is deleted, also where Glance delays the delete",
        ("status",),
        ("image.delete",),
        lambda _request, native, from_filter: (
            (native, from_filter) == ("pending_delete", "deleted")
        ),
    ),
    FieldRule(
        "internal URLs, which native leaks, are left out",
        ("properties",),
        (*_IMAGE_EVENTS, "image.create", "image.delete"),
        _without_internal_urls,
    ),
    FieldRule(
        "Glance's own properties (os_glance_...) are as after the operation, not as during it",
        ("properties",),
        _IMAGE_EVENTS,
        _without_notes,
    ),
    FieldRule(
        "destination_ip is the filter's alone: native omits it",
        ("destination_ip",),
        ("image.send",),
        _filter_only,
    ),
    FieldRule(
        "the user may not read the image record: the payload has what is known",
        (
            *("checksum", "container_format", "created_at", "disk_format", "is_public"),
            *("min_disk", "min_ram", "name", "owner", "properties", "protected", "size", "status"),
            *("tags", "updated_at", "virtual_size", "visibility"),
        ),
        (*_IMAGE_EVENTS, "image.delete"),
        _was_not_to_be_known,
    ),
    FieldRule(
        "the user may not read the image record: the payload has what is known",
        ("owner_id",),
        ("image.send",),
        _was_not_to_be_known,
    ),
)

PairRule = tuple[str, Callable[[Request, Event, Event], bool]]

PAYLOAD_RULES: tuple[PairRule, ...] = (
    (
        "image.delete has the id by default",
        lambda _request, native, from_filter: (
            from_filter.event_type == "image.delete"
            and from_filter.payload == native.payload.get("id")
        ),
    ),
    (
        "the filter has texts of its own",
        lambda _request, native, from_filter: (
            from_filter.priority != "INFO"
            and _is_text(native.payload)
            and _is_text(from_filter.payload)
        ),
    ),
)
"""A whole payload may differ."""

PRIORITY_RULES: tuple[PairRule, ...] = (
    (
        "too large by its Content-Length, refused before a byte was read",
        lambda request, native, from_filter: (
            native.priority == "ERROR" and _is_too_much(request, from_filter)
        ),
    ),
)
"""The priorities of the two sides may differ."""

EventRule = tuple[str, Callable[[Request, Event], bool]]

FILTER_ALONE: tuple[EventRule, ...] = (
    (
        "refused",
        lambda request, from_filter: (
            from_filter.priority == "WARN" and 400 <= (request.status or 0) < 500
        ),
    ),
    (
        "cut short",
        lambda request, from_filter: (
            (from_filter.event_type, from_filter.priority) == ("image.send", "ERROR")
            and request.status in (200, 206)
        ),
    ),
    (
        "failed",
        lambda request, from_filter: (
            from_filter.priority == "ERROR" and (request.status is None or request.status >= 400)
        ),
    ),
    (
        "activated by its locations",
        lambda request, from_filter: (
            (from_filter.event_type, request.method, request.status)
            == ("image.activate", "PATCH", 200)
            and from_filter.payload["status"] == "active"
        ),
    ),
    (
        "background work",
        lambda request, from_filter: (
            request.has_background_work
            and request.status in (201, 202)
            and _is_alone(request, from_filter)
        ),
    ),
)
"""The events that only the filter emits."""

NATIVE_ALONE: tuple[EventRule, ...] = (
    (
        "bookkeeping inside an upload",
        lambda request, native: (
            (native.event_type, request.method) == ("image.update", "PUT")
            and request.path.endswith("/file")
        ),
    ),
    (
        "bookkeeping inside a staging, which has one event of the filter",
        lambda request, native: (
            (native.event_type, request.method) == ("image.update", "PUT")
            and request.path.endswith("/stage")
            and any(
                from_filter.event_type == "image.update"
                for from_filter in request.events_of("filter")
            )
        ),
    ),
    (
        "too large by its Content-Length, refused before a byte was read",
        lambda request, native: (
            native.event_type == "image.prepare"
            and any(
                _is_too_much(request, from_filter) for from_filter in request.events_of("filter")
            )
        ),
    ),
    (
        "Glance removes the image of a failed task",
        lambda request, native: (
            request.is_task and native.event_type == "image.delete" and _failed(request)
        ),
    ),
    (
        "bookkeeping inside background work",
        lambda request, native: request.has_background_work and native.event_type == "image.update",
    ),
    (
        "native has an event for each store, the filter one for the operation",
        lambda request, native: (
            request.has_background_work
            and native.event_type in ("image.prepare", "image.upload", "image.activate")
            and _is_one_for_all_stores(request, native.event_type)
        ),
    ),
    (
        "a copy reads the image from its store: nobody receives the data",
        lambda request, native: request.has_background_work and native.event_type == "image.send",
    ),
)
"""The events that only native emits."""


def _is_text(payload: Any) -> bool:
    return isinstance(payload, str)


def _is_alone(request: Request, from_filter: Event) -> bool:
    """Whether native does not emit the event, and the filter emits one of its type."""
    same = [
        event
        for event in request.events_of("native")
        if (event.event_type, event.priority) == (from_filter.event_type, from_filter.priority)
    ]
    types = [event.event_type for event in request.events_of("filter")]
    return not same and types.count(from_filter.event_type) == 1


def _is_one_for_all_stores(request: Request, event_type: str) -> bool:
    """Whether the filter emits one event where native emits one for each store: ERROR if any store
    failed."""
    priorities = {
        side: [each.priority for each in request.events_of(side) if each.event_type == event_type]
        for side in ("native", "filter")
    }
    return priorities["filter"] == ["ERROR" if "ERROR" in priorities["native"] else "INFO"]


def _is_too_much(request: Request, from_filter: Event) -> bool:
    """Whether the filter reports that an upload was refused for its size, and no begin of it."""
    return (from_filter.event_type, from_filter.priority, request.status) == (
        "image.upload",
        "WARN",
        413,
    )
