"""Notifications as CloudEvents. tests/consumers reads them with the SDK of the CNCF."""

import re

import pytest

from glance_notify_middleware.events.cloudevents import event, notification
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.trial import TRIAL_TYPE, trial
from tests.events.cases import IMAGE, METADATA
from tests.events.notifications import ASKED, ID, SENT, fields


def test_event_of_a_download_has_each_attribute() -> None:
    assert event(fields()) == {
        "specversion": "1.0",
        "id": ID,
        "type": "org.openstack.image.send",
        "source": "glance-1.example",
        "subject": IMAGE,
        "time": "2026-11-22T04:01:25.733691Z",
        "datacontenttype": "application/json",
        "priority": "INFO",
        "requestid": "req-1",
        "projectid": "3dceeb387d915fee9e9b1ad925ddaf89",
        "userid": "02e139eb50d75aafbfd69ba8a02a5ffc",
        "data": SENT,
    }


def test_what_was_asked_stands_in_extension_attributes() -> None:
    made = event(fields(**ASKED))
    assert {name: made[name] for name in made if made[name] in ASKED.values()} == {
        "useragent": "curl/8",
        "serviceuserid": ASKED["service_user_id"],
        "serviceprojectid": ASKED["service_project_id"],
        "method": "GET",
        "path": ASKED["path"],
        "status": 206,
    }


@pytest.mark.parametrize("after", [None, 7])
def test_sequence_stands_in_extension_attributes(after: int | None) -> None:
    place = {"journal": "00d1c2b3a4f5e6f7", "number": 8, "after": after}
    made = event(fields() | {"_sequence": place})
    found = {name: value for name, value in made.items() if name.startswith("sequence")}
    expected = {"sequencejournal": "00d1c2b3a4f5e6f7", "sequencenumber": 8, "sequenceafter": 7}
    assert found == {
        name: expected[name] for name in expected if after or name in list(expected)[:2]
    }
    assert notification(made)["_sequence"] == place


@pytest.mark.parametrize(
    ("publisher", "source"),
    [("glance 1", "glance%201"), ("a:b/c?d#e", "a%3Ab%2Fc%3Fd%23e"), ("Größe", "Gr%C3%B6%C3%9Fe")],
)
def test_source_is_a_uri_reference(publisher: str, source: str) -> None:
    assert event(fields(publisher_id=publisher))["source"] == source


def test_names_of_attributes_are_lower_case_letters_and_digits() -> None:
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in event(fields(**ASKED)))


def test_attribute_that_is_not_known_is_missing() -> None:
    made = event(fields(EventType.CREATE, "create image: 400", Priority.WARN, user_id=None))
    assert "userid" not in made
    assert "subject" not in made
    assert made["data"] == "create image: 400"


@pytest.mark.parametrize("text", ["a\x00b", "a\x85b", "a\ufffeb", "a\u202eb", "a\ud800b", "a\nb"])
def test_attribute_has_no_character_that_cloudevents_forbid(text: str) -> None:
    made = event(fields(payload=SENT | {"image_id": text}, request_id=text))
    assert made["subject"] in ("a b", "a\ufffdb")
    assert made["requestid"] == made["subject"]


@pytest.mark.parametrize(
    ("event_type", "payload"),
    [
        (EventType.UPDATE, METADATA),
        (EventType.DELETE, IMAGE),
        (EventType.MEMBER_CREATE, {"image_id": IMAGE, "member_id": "m"}),
    ],
)
def test_subject_is_the_id_of_the_image(event_type: EventType, payload: object) -> None:
    assert event(fields(event_type, payload))["subject"] == IMAGE


def test_trial_is_an_event_without_a_subject() -> None:
    made = event(trial(ID, "glance-1", Priority.INFO, 0.0).as_dict())
    assert made["type"] == f"org.openstack.{TRIAL_TYPE}"
    assert "subject" not in made
