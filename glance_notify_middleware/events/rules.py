"""The rules of the event contract: which events follow from an exchange.

The functions stand in the order in which a request needs them: before the application is called,
while the application reads the body, and when the response has ended.
"""

from collections.abc import Callable, Mapping

from glance_notify_middleware.events import failure, images, patch, payloads, tasks
from glance_notify_middleware.events.exchange import DATA_STATUSES, Exchange, RequestFacts
from glance_notify_middleware.events.images import ImageRecord, MemberRecord
from glance_notify_middleware.events.notification import EventType, ImageEvent, Priority
from glance_notify_middleware.events.operations import Action, Operation, Route, Source
from glance_notify_middleware.events.payloads import Now

BACKGROUND_STATUS = {Action.IMPORT: 202, Action.ADD_LOCATION: 202, Action.TASK: 201}
"""The status with which Glance accepts an operation that it ends after its answer: see the modules
`background` and `tasks`."""

Wants = Callable[[EventType, Priority], bool]
"""Whether the operator wants notifications of this type and priority."""

_UPLOADS_IF_BODY = (Action.CREATE_V1, Action.UPDATE_V1)
_TAKES_DATA = (Action.UPLOAD, Action.STAGE, *_UPLOADS_IF_BODY)
_REQUESTED_STATUS = {Action.DEACTIVATE: "deactivated", Action.REACTIVATE: "active"}


def needs_record_before(route: Route) -> bool:
    """Whether the record has to be looked up before the application is called."""
    if route.action is Action.IMPORT or route.action in _REQUESTED_STATUS:
        return True
    return route.source is Source.BEFORE


def may_change_locations(body_start: bytes) -> bool:
    """Whether a PATCH changes locations, which can make the image active.

    `body_start` is what the application has read so far. JSON can spell a path in several ways, and
    put it behind a long value. So a body with the word, or with an escape, is parsed as soon as it
    can be whole. One that is nested too deeply to be parsed may change locations.
    """
    if b"locations" not in body_start and b"\\" not in body_start:
        return False  # in no spelling
    if b"/locations" in body_start:
        return True
    try:
        return "locations" in patch.changed_fields(body_start)
    except RecursionError:
        return True


def prepare_event(operation: Operation, record: ImageRecord | None) -> ImageEvent:
    """image.prepare, due when Glance first reads the data; `record` is the record of that moment.

    `record` is None when Glance did not give it.
    """
    known = {"id": operation.image_id, "status": "saving", **(record or {})}
    return ImageEvent(EventType.PREPARE, Priority.INFO, images.metadata(known))


def goes_on_in_background(exchange: Exchange) -> bool:
    """Whether Glance has accepted the operation and goes on with it: its end is not known yet."""
    status = exchange.response.status
    has_answered = status is not None and exchange.response.error is None
    return has_answered and status == BACKGROUND_STATUS.get(exchange.operation.action)


def outcome(exchange: Exchange) -> Priority | None:
    """The priority by which the operation ended; None when nothing happened that is an event."""
    response = exchange.response
    status = response.status
    if response.error is not None or status is None or status >= 500:
        return Priority.ERROR
    if status >= 400:
        return Priority.ERROR if _broke_off_upload(exchange, status) else Priority.WARN
    if exchange.operation.action is Action.SEND:
        if status not in DATA_STATUSES:
            return None
        return Priority.INFO if response.kept else Priority.ERROR
    if goes_on_in_background(exchange):
        return None
    return Priority.INFO if 200 <= status < 300 else None


def _broke_off_upload(exchange: Exchange, status: int) -> bool:
    """Whether a 4xx is the end of an upload that Glance had begun. If not, Glance has refused the
    upload before it read any data.

    A 410 always ends a begun upload: the image was deleted meanwhile, or the store takes no
    images (glance 33.0.0, `api/v2/image_data.py`). A 413 does so where the reads cannot be seen
    (`bytes_read` is None: chunked, under uWSGI): only by reading
    does Glance find that data without a declared length is too large.
    """
    if exchange.operation.action not in _TAKES_DATA:
        return False
    bytes_read = exchange.request.bytes_read
    if bytes_read is None:
        return status in (410, 413)
    return bytes_read > 0 or status == 410


def record_source(exchange: Exchange, wants: Wants = lambda *_: True) -> Source | None:
    """Where the record for the payloads of the events comes from.

    None when none of the events that the operator wants has a payload that is made of a record.
    """
    operation, prepared = exchange.operation, exchange.request.prepared
    priority = outcome(exchange)
    if operation.action is Action.SEND:
        is_wanted = priority is not None and wants(EventType.SEND, priority)
        sent_data = exchange.response.status in DATA_STATUSES
        return operation.route.source if is_wanted and sent_data else None
    if operation.action is Action.UPLOAD and priority is Priority.ERROR:
        needs_record = not prepared and wants(EventType.PREPARE, Priority.INFO)
        return Source.AFTER if needs_record else None
    if priority is not Priority.INFO or _changed_nothing(exchange):
        return None
    needs_record = any(
        wants(event_type, Priority.INFO)
        for event_type in operation.route.success_events
        if event_type is not EventType.PREPARE or not prepared
    )
    return operation.route.source if needs_record else None


def decide(
    exchange: Exchange, found: ImageRecord | MemberRecord | None, now: Now
) -> list[ImageEvent]:
    """The events of an operation that has ended, in order; none when nothing happened.

    `found` is the record of `record_source`; it is None when none is needed, or when Glance did not
    give it.
    """
    operation, record = exchange.operation, found or {}
    priority = outcome(exchange)
    if priority is None or (
        operation.action is Action.TASK and not task_may_make_image(exchange.request)
    ):
        return []
    if operation.action is Action.SEND:
        return [ImageEvent(EventType.SEND, priority, payloads.send(exchange, record))]
    if priority is not Priority.INFO:
        return _failure_events(exchange, priority, record)
    if _changed_nothing(exchange):
        return []
    return _success_events(exchange, record, now)


def task_may_make_image(request: RequestFacts) -> bool:
    """Whether the requested task can make an image; true when the body cannot be read.

    With glance 33.0.0 a task of another type that a client requests fails: it does not hold the
    lock of the image, which names the task that Glance itself has made.
    """
    try:
        requested = images.parse_json(request.body_start or b"")
    except (ValueError, RecursionError):
        return True
    return not isinstance(requested, Mapping) or tasks.may_make_image(requested)


def _changed_nothing(exchange: Exchange) -> bool:
    """Whether Glance accepted a change that changes nothing: no event, as in native Glance."""
    action = exchange.operation.action
    if action is Action.PATCH:
        return is_empty_patch(exchange.request.body_start)
    requested = _REQUESTED_STATUS.get(action)
    return requested is not None and (exchange.before or {}).get("status") == requested


def is_empty_patch(body_start: bytes | None) -> bool:
    """Whether the body of a patch asks for no change; `body_start` is None if it was not seen."""
    return body_start is not None and body_start.strip() == b"[]"


def _failure_events(
    exchange: Exchange, priority: Priority, record: ImageRecord
) -> list[ImageEvent]:
    """One event with a text; before it image.prepare when that is missing for an upload."""
    operation = exchange.operation
    began = priority is Priority.ERROR and _brings_data(exchange)
    event_type = EventType.UPLOAD if began else operation.route.failure_event
    failed = ImageEvent(event_type, priority, failure.text(exchange))
    if began and operation.action is Action.UPLOAD and not exchange.request.prepared:
        return [_late_prepare_event(operation, record), failed]
    return [failed]


def _success_events(
    exchange: Exchange, record: ImageRecord | MemberRecord, now: Now
) -> list[ImageEvent]:
    operation = exchange.operation
    if operation.action is Action.MEMBERS_V1:
        members = images.members_v1(operation.image_id, exchange.request.body_start or b"")
        return [ImageEvent(EventType.MEMBER_UPDATE, Priority.INFO, member) for member in members]
    payload = payloads.of_success(operation, record, now)
    return [
        _late_prepare_event(operation, record)
        if event_type is EventType.PREPARE
        else ImageEvent(event_type, Priority.INFO, payload)
        for event_type in operation.route.success_events
        if _is_due(event_type, exchange, record)
    ]


def _is_due(event_type: EventType, exchange: Exchange, after: ImageRecord) -> bool:
    """Whether a successful operation has brought about this event of its route."""
    if event_type is EventType.ACTIVATE:
        return _became_active(exchange, after)
    if event_type is EventType.PREPARE:
        return _brings_data(exchange) and not exchange.request.prepared
    return event_type is not EventType.UPLOAD or _brings_data(exchange)


def _brings_data(exchange: Exchange) -> bool:
    """Whether the request brings image data. It has a body when the server hides the reads."""
    action = exchange.operation.action
    return action is Action.UPLOAD or (
        action in _UPLOADS_IF_BODY and exchange.request.bytes_read != 0
    )


def _became_active(exchange: Exchange, after: ImageRecord) -> bool:
    action = exchange.operation.action
    if action is Action.UPLOAD:
        return True  # Glance answers 204 only after it has set the status
    if action is Action.PATCH:
        before = exchange.before or {}
        return before.get("status") == "queued" and after.get("status") == "active"
    if _brings_data(exchange):
        return bool(after.get("status", "active") == "active")
    # An image that is created with a location is active at once.
    return action is Action.CREATE_V1 and after.get("status") == "active"


def _late_prepare_event(operation: Operation, record: ImageRecord) -> ImageEvent:
    """image.prepare for an upload without one so far; `record` was found after the upload."""
    known = {"id": operation.image_id, **record}
    return ImageEvent(EventType.PREPARE, Priority.INFO, images.saving_metadata(known))
