"""The formats of notifications as the reference readers of their formats take them."""

import json
import warnings
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat
from pycadf import (  # type: ignore[import-untyped]
    attachment,
    event,
    host,
    reason,
    resource,
)

from glance_notify_middleware.events import failure, sequence
from glance_notify_middleware.events.formats import in_format
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.trial import trial
from tests.events.cases import IMAGE, METADATA
from tests.events.notifications import ASKED, ID, SENT, plain

MEMBER = {"image_id": IMAGE, "member_id": "m", "status": "pending", "deleted": False}
UNKNOWN = failure.unknown_outcome_text("update image", IMAGE)

NOTIFICATIONS = [
    *[
        plain(event_type, METADATA)
        for event_type in (
            EventType.CREATE,
            EventType.PREPARE,
            EventType.UPLOAD,
            EventType.ACTIVATE,
            EventType.UPDATE,
            EventType.DELETE,
        )
    ],
    *[
        plain(event_type, MEMBER)
        for event_type in EventType
        if event_type.startswith("image.member.")
    ],
    *[plain(priority=priority) for priority in Priority],
    plain(EventType.DELETE, IMAGE),
    plain(**ASKED),
    plain(**ASKED | {"user_agent": "\xe9\x00\ufffe", "path": "/\xff\n", "status": 200}),
    plain(EventType.CREATE, "create image: 400 Bad Request", Priority.WARN),
    plain(EventType.UPDATE, f"update image {IMAGE}: 500", Priority.ERROR),
    plain(EventType.UPDATE, UNKNOWN, Priority.ERROR),
    plain(payload=SENT | {"image_id": "target", "owner_id": None}, priority=Priority.WARN),
    plain(project_id=None, user_id=None, request_id=None, publisher_id="a b:c"),
    trial(ID, "glance-1", Priority.INFO, 0.0).to_json(),
    sequence.put_into(plain(), "00d1c2b3a4f5e6f7", 8, 7),
    sequence.put_into(plain(EventType.DELETE, IMAGE), "00d1c2b3a4f5e6f7", 0, None),
]


@pytest.mark.parametrize("made", NOTIFICATIONS)
def test_sdk_of_cloudevents_reads_each_notification(made: bytes) -> None:
    read = JSONFormat().read(None, in_format(made, "cloudevents"))
    fields = json.loads(made)
    assert read.get_specversion() == "1.0"
    assert read.get_id() == fields["message_id"]
    assert read.get_type() == f"org.openstack.{fields['event_type']}"
    assert read.get_data() == fields["payload"]
    time = read.get_time()
    assert time is not None
    assert f"{time:%Y-%m-%d %H:%M:%S.%f%z}" == f"{fields['timestamp']}+0000"
    assert read.get_extension("priority") == fields["priority"]
    for key, value in fields.items():
        if key.startswith("_context_"):
            name = key.removeprefix("_context_").replace("_", "")
            assert read.get_extension(name) == value, key


@pytest.mark.parametrize("made", NOTIFICATIONS)
def test_pycadf_takes_each_notification_for_a_valid_event(made: bytes) -> None:
    given = json.loads(in_format(made, "cadf"))
    read = as_pycadf(given)
    assert read.is_valid()
    assert json.loads(json.dumps(read.as_dict())) == given


def as_pycadf(given: dict[str, Any]) -> event.Event:
    """The event as an object of pycadf, which validates each part as it is set."""
    keys = ("eventType", "id", "eventTime", "action", "outcome", "severity", "name")
    why = given.get("reason")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it would have each id be a UUID
        read = event.Event(
            **{key: given[key] for key in keys},
            initiator=as_resource(given["initiator"]),
            target=as_resource(given["target"]),
            observer=as_resource(given["observer"]),
            **({"reason": reason.Reason(**why)} if why else {}),
        )
    for each in given["attachments"]:
        read.add_attachment(attachment.Attachment(**each))
    if "requestPath" in given:
        read.requestPath = given["requestPath"]
    assert read.typeURI == given["typeURI"]
    return read


def as_resource(given: dict[str, Any]) -> resource.Resource:
    """A resource with the keys that keystonemiddleware adds to its own, in its way."""
    plain_keys = ("id", "typeURI", "name")
    known: dict[str, Any] = {key: given[key] for key in plain_keys if key in given}
    if "host" in given:
        known["host"] = host.Host(**given["host"])
    read = resource.Resource(**known)
    for key in set(given) - set(known):
        setattr(read, key, given[key])
    assert read.is_valid()
    return read
