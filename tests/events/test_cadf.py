"""Notifications as CADF events. tests/consumers has them validated by pycadf."""

from typing import Any

import pytest

from glance_notify_middleware.events.cadf import event, notification
from glance_notify_middleware.events.failure import UNKNOWN_OUTCOME, background_text
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import ROUTES, Action, Operation
from glance_notify_middleware.events.trial import trial
from tests.events.cases import IMAGE, METADATA
from tests.events.notifications import ASKED, ID, SENT, fields

UNKNOWN = f"delete image {IMAGE}: the outcome is unknown: the process that served it died"


def test_event_of_a_download_has_who_what_and_where() -> None:
    assert event(fields()) == {
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "eventType": "activity",
        "id": ID,
        "eventTime": "2026-11-22T04:01:25.733691+00:00",
        "name": "image.send",
        "action": "read",
        "outcome": "success",
        "severity": "INFO",
        "initiator": {
            "typeURI": "service/security/account/user",
            "id": "02e139eb50d75aafbfd69ba8a02a5ffc",
            "project_id": "3dceeb387d915fee9e9b1ad925ddaf89",
            "request_id": "req-1",
            "host": {"address": "192.0.2.7"},
        },
        "target": {"typeURI": "data/image", "id": IMAGE},
        "observer": {"typeURI": "service/storage/image", "id": "glance-1.example"},
        "attachments": [
            {"name": "bytes_sent", "typeURI": "mime:application/json", "content": 33554432},
            {"name": "payload", "typeURI": "mime:application/json", "content": SENT},
        ],
    }


@pytest.mark.parametrize("payload", [SENT, METADATA, "a text"])
def test_sequence_is_an_attachment_before_the_payload(payload: Any) -> None:
    place = {"journal": "00d1c2b3a4f5e6f7", "number": 8, "after": None}
    known = fields(payload=payload)
    attachments = event(known)["attachments"]
    made = event(known | {"_sequence": place})
    assert made["attachments"] == [
        {"name": "sequence", "typeURI": "mime:application/json", "content": place},
        *attachments,
    ]
    assert notification(made)["_sequence"] == place
    assert notification(made)["payload"] == payload


def test_what_was_asked_stands_where_keystonemiddleware_has_it() -> None:
    made = event(fields(**ASKED))
    assert made["reason"] == {"reasonType": "HTTP", "reasonCode": "206"}
    assert made["requestPath"] == ASKED["path"]
    initiator = made["initiator"]
    assert initiator["host"] == {"address": "192.0.2.7", "agent": "curl/8"}
    assert initiator["service_user_id"] == ASKED["service_user_id"]
    assert initiator["service_project_id"] == ASKED["service_project_id"]


@pytest.mark.parametrize(
    ("event_type", "payload", "priority", "outcome"),
    [
        (EventType.UPDATE, METADATA, Priority.INFO, "success"),
        (EventType.PREPARE, METADATA, Priority.INFO, "pending"),
        (EventType.UPDATE, f"update image {IMAGE}: 404", Priority.WARN, "failure"),
        (EventType.UPDATE, f"update image {IMAGE}: 500", Priority.ERROR, "failure"),
        (EventType.DELETE, UNKNOWN, Priority.ERROR, "unknown"),
        (EventType.SEND, SENT, Priority.ERROR, "unknown"),
        (EventType.SEND, SENT, Priority.WARN, "failure"),
    ],
)
def test_outcome_follows_priority_and_text(
    event_type: EventType, payload: object, priority: Priority, outcome: str
) -> None:
    assert event(fields(event_type, payload, priority))["outcome"] == outcome


@pytest.mark.parametrize(
    ("event_type", "payload", "priority", "name"),
    [
        (EventType.DELETE, IMAGE, Priority.INFO, "payload"),
        (EventType.DELETE, f"delete image {IMAGE}: 403", Priority.WARN, "reason"),
        (EventType.DELETE, UNKNOWN, Priority.ERROR, "reason"),
    ],
)
def test_text_is_attached_as_the_reason_of_a_failure(
    event_type: EventType, payload: str, priority: Priority, name: str
) -> None:
    made = event(fields(event_type, payload, priority))
    assert made["attachments"] == [
        {"name": name, "typeURI": "mime:text/plain", "content": payload},
    ]
    assert made["target"] == {"typeURI": "data/image", "id": IMAGE}


def test_download_that_was_cut_short_has_failed() -> None:
    """Its request was seen, unlike that of an unknown outcome."""
    assert event(fields(priority=Priority.ERROR, **ASKED))["outcome"] == "failure"


def test_ids_that_are_not_known_are_unknown() -> None:
    made = event(fields(EventType.CREATE, "create image: 400", Priority.WARN, user_id=None))
    assert made["initiator"]["id"] == "unknown"
    assert made["target"] == {"typeURI": "data/image", "id": "unknown"}


def test_id_that_a_client_made_up_is_the_name_of_the_target() -> None:
    """pycadf gives ids such as `target` a meaning of its own."""
    made = event(fields(payload=SENT | {"image_id": "target"}, priority=Priority.WARN))
    assert made["target"] == {"typeURI": "data/image", "id": "unknown", "name": "target"}


def test_id_that_a_client_made_up_names_no_other_image_and_no_other_outcome() -> None:
    route = next(route for route in ROUTES if route.action is Action.DELETE)
    made_up = f"{IMAGE}: {UNKNOWN_OUTCOME}: x"
    text = background_text(Operation(route, "/v2/", made_up), "500")
    made = event(fields(EventType.DELETE, text, Priority.ERROR))
    assert made["target"]["id"] == "unknown"
    assert made["outcome"] == "failure"


def test_action_of_a_trial_is_to_notify() -> None:
    made = event(trial(ID, "glance-1", Priority.INFO, 0.0).as_dict())
    assert (made["action"], made["outcome"]) == ("notify", "success")
