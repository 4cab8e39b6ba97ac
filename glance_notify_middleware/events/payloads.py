"""The payloads of events: that of image.send, and those of an operation that succeeded."""

from collections.abc import Callable, Mapping
from typing import Any

from glance_notify_middleware.events import images
from glance_notify_middleware.events.exchange import DATA_STATUSES, Exchange
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.images import ImageRecord, MemberRecord
from glance_notify_middleware.events.notification import Payload
from glance_notify_middleware.events.operations import Action, Operation

Now = Callable[[], str]
"""Returns the time as `YYYY-MM-DDTHH:MM:SSZ`."""


def sent(
    operation: Operation,
    record: ImageRecord,
    requester: Requester,
    destination_ip: str | None,
    bytes_sent: int,
) -> Mapping[str, Any]:
    """The six fields of image.send, the same for every priority.

    `record` has the owner; it is empty when it is unknown.
    """
    return {
        "image_id": record.get("id") or operation.image_id,
        "owner_id": record.get("owner"),
        "receiver_tenant_id": requester.project_id,
        "receiver_user_id": requester.user_id,
        "destination_ip": destination_ip,
        "bytes_sent": bytes_sent,
    }


def send(exchange: Exchange, record: ImageRecord) -> Payload:
    """The payload of image.send for an exchange."""
    operation, request, response, _ = exchange
    bytes_sent = response.bytes_sent if response.status in DATA_STATUSES else 0
    return sent(operation, record, request.requester, request.destination_ip, bytes_sent)


def of_success(operation: Operation, record: ImageRecord | MemberRecord, now: Now) -> Payload:
    """What the events of a successful operation carry, except image.prepare and image.send.

    `record` is empty when it is unknown; the payload has at least the ids then.
    """
    return _PAYLOADS.get(operation.action, _image)(operation, record, now)


def _image(operation: Operation, record: ImageRecord, now: Now) -> Payload:
    return images.metadata(record if "id" in record else {"id": operation.image_id, **record})


def _uploaded_image(operation: Operation, record: ImageRecord, now: Now) -> Payload:
    return _image(operation, {"status": "active", **record}, now)


def _deleted_image(operation: Operation, record: ImageRecord, now: Now) -> Payload:
    if operation.route.source is None:
        return str(operation.image_id)
    return images.deleted_metadata({"id": operation.image_id, **record}, now())


def _member(operation: Operation, record: MemberRecord, now: Now) -> Payload:
    return images.member_metadata({**_member_ids(operation), **record})


def _deleted_member(operation: Operation, record: MemberRecord, now: Now) -> Payload:
    return images.deleted_member_metadata({**_member_ids(operation), **record}, now())


def _member_ids(operation: Operation) -> dict[str, Any]:
    return {"image_id": operation.image_id, "member_id": operation.member_id}


_PAYLOADS: Mapping[Action, Callable[[Operation, Mapping[str, Any], Now], Payload]] = {
    Action.UPLOAD: _uploaded_image,
    Action.DELETE: _deleted_image,
    Action.MEMBER_CREATE: _member,
    Action.MEMBER_UPDATE: _member,
    Action.MEMBER_DELETE: _deleted_member,
}
"""The payloads that are not simply the metadata of the image record."""
