"""Notifications as events of the Cloud Auditing Data Federation (DMTF DSP0262, version 1.0).

The keys are those of pycadf 4.1. `requestPath`, and `project_id` and `request_id` of the initiator,
are those that the audit filter of keystonemiddleware 13.0 adds.
"""

from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.images import parse_json
from glance_notify_middleware.events.notification import EventType, Priority, encoded, is_id
from glance_notify_middleware.events.reading import Fields, image_id, is_unknown_outcome

EVENT = "http://schemas.dmtf.org/cloud/audit/1.0/event"
"""The typeURI of each event."""
_UNKNOWN = "unknown"

_ACTIONS: Mapping[str, str] = {
    EventType.CREATE: "create",
    EventType.PREPARE: "update",
    EventType.UPLOAD: "update",
    EventType.ACTIVATE: "enable",
    EventType.SEND: "read",
    EventType.UPDATE: "update",
    EventType.DELETE: "delete",
    EventType.MEMBER_CREATE: "allow",
    EventType.MEMBER_UPDATE: "update",
    EventType.MEMBER_DELETE: "revoke",
}
"""The event type -> what was done to the image, as CADF's taxonomy of actions has it (DSP0262,
A.3). A trial is of no image: its action is `notify`."""

_SEQUENCE = "sequence"
"""The name of the attachment with the sequence."""
_TEXT = "mime:text/plain"
_JSON = "mime:application/json"


def encoded_event(plain: bytes) -> bytes:
    """The CADF event of a notification, from its plain JSON."""
    return encoded(event(parse_json(plain)))


def event(fields: Fields) -> dict[str, Any]:
    """The keys and values of the CADF event.

    `name` is the event type, `severity` the priority. What is not known is missing, but for ids,
    which CADF asks for: they are `unknown`.
    """
    known = {
        "reason": _reason(fields),
        "requestPath": fields.get("_context_path"),
    }
    return {
        "typeURI": EVENT,
        "eventType": "activity",
        "id": fields["message_id"],
        "eventTime": f"{fields['timestamp'].replace(' ', 'T')}+00:00",
        "name": fields["event_type"],
        "action": _ACTIONS.get(fields["event_type"], "notify"),
        "outcome": _outcome(fields),
        "severity": fields["priority"],
        "initiator": _initiator(fields),
        "target": _target(fields),
        "observer": {"typeURI": "service/storage/image", "id": fields["publisher_id"]},
        "attachments": _attachments(fields),
        **_known(known),
    }


def notification(read: Fields) -> dict[str, Any]:
    """The keys and values of the notification whose CADF event was read.

    Its method does not stand there. Raises KeyError, TypeError or AttributeError where the event is
    none of this filter.
    """
    initiator, reason = read["initiator"], read.get("reason")
    return {
        "message_id": read["id"],
        "publisher_id": read["observer"]["id"],
        "event_type": read["name"],
        "priority": read["severity"],
        "timestamp": read["eventTime"].replace("T", " ").removesuffix("+00:00"),
        "payload": read["attachments"][-1]["content"],
        "_unique_id": read["id"],
        "_context_request_id": initiator.get("request_id"),
        "_context_project_id": initiator.get("project_id"),
        "_context_user_id": None if initiator["id"] == _UNKNOWN else initiator["id"],
        "_context_user_agent": initiator.get("host", {}).get("agent"),
        "_context_service_user_id": initiator.get("service_user_id"),
        "_context_service_project_id": initiator.get("service_project_id"),
        "_context_path": read.get("requestPath"),
        "_context_status": None if reason is None else int(reason["reasonCode"]),
        **_read_sequence(read),
    }


def _read_sequence(read: Fields) -> dict[str, Any]:
    found = (each["content"] for each in read["attachments"] if each["name"] == _SEQUENCE)
    place = next(found, None)
    return {} if place is None else {sequence.KEY: place}


def _outcome(fields: Fields) -> str:
    if is_unknown_outcome(fields):
        return _UNKNOWN
    if fields["priority"] != Priority.INFO:
        return "failure"
    # Glance begins to read the data: how that ends is reported by another event.
    return "pending" if fields["event_type"] == EventType.PREPARE else "success"


def _reason(fields: Fields) -> dict[str, str] | None:
    """The status of the answer, as keystonemiddleware's audit filter gives it."""
    status = fields.get("_context_status")
    return None if status is None else {"reasonType": "HTTP", "reasonCode": str(status)}


def _initiator(fields: Fields) -> dict[str, Any]:
    payload = fields["payload"]
    address = payload.get("destination_ip") if isinstance(payload, Mapping) else None
    host = _known({"address": address, "agent": fields.get("_context_user_agent")})
    known = {
        "project_id": fields.get("_context_project_id"),
        "request_id": fields.get("_context_request_id"),
        "service_user_id": fields.get("_context_service_user_id"),
        "service_project_id": fields.get("_context_service_project_id"),
        "host": host or None,
    }
    return {
        "typeURI": "service/security/account/user",
        "id": fields.get("_context_user_id") or _UNKNOWN,
        **_known(known),
    }


def _target(fields: Fields) -> dict[str, Any]:
    """The image. An id that no image can have, which a client made up, is the name."""
    found = image_id(fields)
    if found is not None and is_id(found):
        return {"typeURI": "data/image", "id": found}
    return {"typeURI": "data/image", "id": _UNKNOWN, **_known({"name": found})}


def _attachments(fields: Fields) -> list[dict[str, Any]]:
    """The payload, whole, as the last one: as `reason` where it is the text of a WARN or an ERROR.
    The sequence stands before it, where there is one; so does `bytes_sent`, which the payload has
    too."""
    payload = fields["payload"]
    found = []
    if place := sequence.known(fields):
        found.append({"name": _SEQUENCE, "typeURI": _JSON, "content": place})
    if isinstance(payload, str):
        name = "payload" if fields["priority"] == Priority.INFO else "reason"
        return [*found, {"name": name, "typeURI": _TEXT, "content": payload}]
    if fields["event_type"] == EventType.SEND:
        sent = payload.get("bytes_sent")
        found.append({"name": "bytes_sent", "typeURI": _JSON, "content": sent})
    return [*found, {"name": "payload", "typeURI": _JSON, "content": payload}]


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
