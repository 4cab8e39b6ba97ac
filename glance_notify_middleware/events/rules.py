"""An operation and what was seen of it -> the events that it means.

The rules of the event contract, and nothing else: pure functions over frozen facts.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.events import failure, images, patch
from glance_notify_middleware.events.exchange import Exchange, RequestFacts
from glance_notify_middleware.events.notification import EventType, Payload, Priority
from glance_notify_middleware.events.operations import Action, Operation, Route, Source

_MAY_UPLOAD = (Action.CREATE_V1, Action.UPDATE_V1)  # they do when they have a body
_TAKES_DATA = (Action.UPLOAD, Action.STAGE, *_MAY_UPLOAD)
_STATUS_ASKED = {Action.DEACTIVATE: "deactivated", Action.REACTIVATE: "active"}
_Record = Mapping[str, Any]
_Now = Callable[[], str]

BACKGROUND_STATUS = {Action.IMPORT: 202, Action.ADD_LOCATION: 202, Action.TASK: 201}
"""What Glance works on after it has answered so: see `asynchronous`, `tasks`."""

IMPORT_TASK_TYPE = "import"
"""The type of the tasks that make an image."""

DATA_STATUSES = (200, 206)
"""The statuses of a download whose body is the image's data."""


class ImageEvent(NamedTuple):
    """One event, not yet a message: it lacks an id, a time and a publisher."""

    event_type: EventType
    priority: Priority
    payload: Payload


def outcome(exchange: Exchange) -> Priority | None:
    """How the operation ended; None when nothing happened that is an event."""
    response = exchange.response
    status = response.status
    if response.error is not None or status is None or status >= 500:
        return Priority.ERROR
    if status >= 400:
        return Priority.ERROR if _broke_off(exchange, status) else Priority.WARN
    if exchange.operation.action is Action.SEND:
        if status not in DATA_STATUSES:
            return None
        return Priority.INFO if response.kept else Priority.ERROR
    if goes_on_in_background(exchange):
        return None
    return Priority.INFO if 200 <= status < 300 else None


def goes_on_in_background(exchange: Exchange) -> bool:
    """Whether Glance works on after its answer, so that it is not known yet how that ends."""
    status = exchange.response.status
    accepted = status is not None and exchange.response.error is None
    return accepted and status == BACKGROUND_STATUS.get(exchange.operation.action)


def _broke_off(exchange: Exchange, status: int) -> bool:
    """Whether a 4xx ended an upload that Glance had begun, rather than refused it."""
    if exchange.operation.action not in _TAKES_DATA:
        return False
    bytes_read = exchange.request.bytes_read
    if bytes_read is None:
        return status in (410, 413)
    return bytes_read > 0 or status == 410


def needs_record_before(route: Route) -> bool:
    """Whether the record has to be looked up before the application is called."""
    if route.action is Action.IMPORT or route.action in _STATUS_ASKED:
        return True
    return route.source is Source.BEFORE


def may_change_locations(body_start: bytes) -> bool:
    """Whether a PATCH is about locations, so that it may make the image active.

    By what was read of it so far. JSON can write a path in more than one way, and put it behind
    what is long: so it is parsed, once it can be whole. What cannot be parsed for its depth may be.
    """
    if b"/locations" in body_start:
        return True
    try:
        return "locations" in patch.changed_fields(body_start)
    except RecursionError:
        return True


def record_source(exchange: Exchange) -> Source | None:
    """Where the record is to be had that the operation's events tell of; None: they need none."""
    operation = exchange.operation
    if operation.action is Action.SEND:
        return operation.route.source if exchange.response.status in DATA_STATUSES else None
    priority = outcome(exchange)
    if operation.action is Action.UPLOAD and priority is Priority.ERROR:
        return None if exchange.request.prepared else Source.AFTER
    if priority is not Priority.INFO or _changed_nothing(exchange):
        return None
    return operation.route.source


def _changed_nothing(exchange: Exchange) -> bool:
    """Whether Glance said yes to what was so already: no event then, as in native Glance."""
    action = exchange.operation.action
    if action is Action.PATCH:
        body_start = exchange.request.body_start
        return body_start is not None and body_start.strip() == b"[]"
    asked = _STATUS_ASKED.get(action)
    return asked is not None and (exchange.before or {}).get("status") == asked


def prepare_event(operation: Operation, record: Mapping[str, Any] | None) -> ImageEvent:
    """image.prepare, told when Glance first reads the data; `record` is that moment's."""
    known = {"id": operation.image_id, "status": "saving", **(record or {})}
    return ImageEvent(EventType.PREPARE, Priority.INFO, images.metadata(known))


def decide(exchange: Exchange, found: _Record | None, now: _Now) -> list[ImageEvent]:
    """The events of an operation that has ended, in order; none when nothing happened.

    `found` is the record that `record_source` names, None where it was not to be had. `now` tells
    the time as `YYYY-MM-DDTHH:MM:SSZ`.
    """
    operation, request, response, _ = exchange
    record = found or {}
    priority = outcome(exchange)
    if priority is None or (operation.action is Action.TASK and _is_of_another_type(request)):
        return []
    if operation.action is Action.SEND:
        return [ImageEvent(EventType.SEND, priority, _send(exchange, record))]
    if priority is not Priority.INFO:
        text = failure.text(
            operation, response.status, response.reason, response.explanation, response.error
        )
        began = priority is Priority.ERROR and _uploads(exchange)
        failed = ImageEvent(
            EventType.UPLOAD if began else operation.route.failure_event, priority, text
        )
        late = began and operation.action is Action.UPLOAD and not request.prepared
        return [*([_late_prepare(operation, record)] if late else ()), failed]
    if _changed_nothing(exchange):
        return []
    if operation.action is Action.MEMBERS_V1:
        named = images.members_v1(operation.image_id, request.body_start or b"")
        return [ImageEvent(EventType.MEMBER_UPDATE, Priority.INFO, each) for each in named]
    payload = _PAYLOADS.get(operation.action, _image)(operation, record, now)
    return [
        _late_prepare(operation, record)
        if event_type is EventType.PREPARE
        else ImageEvent(event_type, Priority.INFO, payload)
        for event_type in operation.route.success_events
        if _happened(event_type, exchange, record)
    ]


def _is_of_another_type(request: RequestFacts) -> bool:
    """Whether a task was asked for that changes no image. Where the body was not seen: not.

    On glance 33.0.0 a task of another type that is made by hand fails, for want of the image's
    lock: that names the task that Glance itself has made.
    """
    try:
        asked = images.parse_json(request.body_start or b"")
    except (ValueError, RecursionError):
        return False
    return isinstance(asked, Mapping) and asked.get("type", IMPORT_TASK_TYPE) != IMPORT_TASK_TYPE


def _uploads(exchange: Exchange) -> bool:
    """Whether the operation brings image data. Where reads are hidden, there is a body."""
    action = exchange.operation.action
    return action is Action.UPLOAD or (action in _MAY_UPLOAD and exchange.request.bytes_read != 0)


def _happened(event_type: EventType, exchange: Exchange, after: _Record) -> bool:
    """Whether an event of the route came about, in an operation that succeeded."""
    if event_type is EventType.ACTIVATE:
        return _became_active(exchange, after)
    if event_type is EventType.PREPARE:
        return _uploads(exchange) and not exchange.request.prepared
    return event_type is not EventType.UPLOAD or _uploads(exchange)


def _became_active(exchange: Exchange, after: _Record) -> bool:
    action = exchange.operation.action
    if action is Action.UPLOAD:
        return True  # Glance answers 204 only once it has set the status
    if action is Action.PATCH:
        before = exchange.before or {}
        return before.get("status") == "queued" and after.get("status") == "active"
    if _uploads(exchange):
        return bool(after.get("status", "active") == "active")
    # What was made with a location is active at once.
    return action is Action.CREATE_V1 and after.get("status") == "active"


def _late_prepare(operation: Operation, record: _Record) -> ImageEvent:
    """image.prepare of an upload that was not told while its data was being read."""
    known = {"id": operation.image_id, **record}
    return ImageEvent(EventType.PREPARE, Priority.INFO, images.saving_metadata(known))


def _image(operation: Operation, record: _Record, now: _Now) -> Payload:
    """The image's metadata; of what no record is known, at least the id."""
    return images.metadata(record if "id" in record else {"id": operation.image_id, **record})


def _uploaded_image(operation: Operation, record: _Record, now: _Now) -> Payload:
    return _image(operation, {"status": "active", **record}, now)


def _deleted_image(operation: Operation, record: _Record, now: _Now) -> Payload:
    if operation.route.source is None:
        return str(operation.image_id)
    return images.deleted_metadata({"id": operation.image_id, **record}, now())


def _member(operation: Operation, record: _Record, now: _Now) -> Payload:
    return images.member_metadata({**_member_ids(operation), **record})


def _deleted_member(operation: Operation, record: _Record, now: _Now) -> Payload:
    return images.deleted_member_metadata({**_member_ids(operation), **record}, now())


def _member_ids(operation: Operation) -> dict[str, Any]:
    return {"image_id": operation.image_id, "member_id": operation.member_id}


_PAYLOADS: Mapping[Action, Callable[[Operation, _Record, _Now], Payload]] = {
    Action.UPLOAD: _uploaded_image,
    Action.DELETE: _deleted_image,
    Action.MEMBER_CREATE: _member,
    Action.MEMBER_UPDATE: _member,
    Action.MEMBER_DELETE: _deleted_member,
}
"""What a successful operation tells, where that is not the image as its record shows it."""


def _send(exchange: Exchange, record: _Record) -> Payload:
    """The six fields of image.send, the same for every priority."""
    operation, request, response, _ = exchange
    return {
        "image_id": record.get("id") or operation.image_id,
        "owner_id": record.get("owner"),
        "receiver_tenant_id": request.requester.project_id,
        "receiver_user_id": request.requester.user_id,
        "destination_ip": request.destination_ip,
        "bytes_sent": response.bytes_sent if response.status in DATA_STATUSES else 0,
    }
