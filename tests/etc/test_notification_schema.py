"""The JSON schema of notifications."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

from glance_notify_middleware.events import images, payloads, sequence
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import EventType, Notification, Payload, Priority
from glance_notify_middleware.events.trial import TRIAL_TYPE, trial
from tests.events import cases
from tests.events.cases import IMAGE, METADATA
from tests.events.notifications import ID, SENT, fields
from tests.notification_schema import SCHEMA, hold_to_schema

MEMBER = images.member_metadata({"image_id": IMAGE, "member_id": "m", "status": "pending"})
TEXT = f"update image {IMAGE}: 404 Not Found"
MEMBER_TYPES = [each for each in EventType if each.startswith("image.member.")]
IMAGE_TYPES = [each for each in EventType if each not in (*MEMBER_TYPES, EventType.SEND)]

RIGHT: list[tuple[str, Payload, Priority]] = [
    *[(each, METADATA, Priority.INFO) for each in IMAGE_TYPES],
    *[(each, MEMBER, Priority.INFO) for each in MEMBER_TYPES],
    *[
        (each, TEXT, priority)
        for each in (*IMAGE_TYPES, *MEMBER_TYPES)
        for priority in (Priority.WARN, Priority.ERROR)
    ],
    *[(EventType.SEND, SENT, each) for each in Priority],
    (EventType.DELETE, IMAGE, Priority.INFO),
    (EventType.UPDATE, images.metadata({"id": IMAGE}), Priority.INFO),
    (EventType.UPDATE, {**METADATA, "name": "x" * 300_000}, Priority.INFO),
    (EventType.SEND, SENT | {"owner_id": None, "destination_ip": None}, Priority.WARN),
]
WRONG: list[tuple[str, Any, Priority]] = [
    ("image.sent", SENT, Priority.INFO),
    (EventType.UPDATE, TEXT, Priority.INFO),
    (EventType.UPDATE, METADATA, Priority.WARN),
    (EventType.UPDATE, {"id": IMAGE}, Priority.INFO),
    (EventType.UPDATE, {**METADATA, "locations": []}, Priority.INFO),
    (EventType.UPDATE, "x" * 1025, Priority.ERROR),
    (EventType.MEMBER_CREATE, METADATA, Priority.INFO),
    (EventType.SEND, TEXT, Priority.WARN),
    (EventType.SEND, SENT | {"bytes_sent": None}, Priority.INFO),
    (EventType.SEND, SENT | {"bytes_sent": -1}, Priority.INFO),
    (EventType.SEND, SENT | {"token": "x"}, Priority.INFO),
    (TRIAL_TYPE, SENT, Priority.INFO),
]


def test_schema_is_one_of_the_draft_that_it_names() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


def test_schema_names_each_type_priority_and_key() -> None:
    properties = SCHEMA["properties"]
    assert properties["event_type"]["enum"] == [*EventType, TRIAL_TYPE]
    assert properties["priority"]["enum"] == [*Priority]
    assert SCHEMA["required"] == list(fields())
    assert list(properties) == [*fields(), sequence.KEY]
    assert properties[sequence.KEY]["required"] == list(sequence.PARTS)


def test_schema_names_each_key_of_a_payload() -> None:
    of_send = payloads.sent(cases.operation(cases.SEND), {}, Requester(), None, 0)
    made = {"image": images.metadata({}), "member": MEMBER, "sent": of_send}
    for name, payload in made.items():
        assert set(SCHEMA["$defs"][name]["properties"]) == {*payload, "truncated"}


@pytest.mark.parametrize(("event_type", "payload", "priority"), RIGHT)
def test_notification_of_each_kind_keeps_the_schema(
    event_type: str, payload: Payload, priority: Priority
) -> None:
    hold_to_schema(fields(event_type, payload, priority))
    asked = {"user_agent": "x" * 9999, "path": "\xff" * 512, "method": "GET", "status": 404}
    hold_to_schema(fields(event_type, payload, priority, **asked))


def test_trial_keeps_the_schema() -> None:
    made: Notification = trial(ID, "glance-1", Priority.WARN, 0.0)
    hold_to_schema(json.loads(made.to_json()))


@pytest.mark.parametrize(("event_type", "payload", "priority"), WRONG)
def test_schema_has_no_other_payload(event_type: str, payload: Any, priority: Priority) -> None:
    with pytest.raises(AssertionError):
        hold_to_schema(fields(event_type, payload, priority))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("message_id", "x"),
        ("timestamp", "2026-11-22T04:01:25Z"),
        ("_context_user_agent", "x" * 201),
        ("_context_path", "/ü"),
        ("_context_status", "200"),
        ("_context_auth_token", "x"),
    ],
)
def test_schema_has_no_other_value(key: str, value: Any) -> None:
    with pytest.raises(AssertionError):
        hold_to_schema(fields() | {key: value})


def test_readers_are_free_to_expect_more_keys() -> None:
    assert Draft202012Validator(SCHEMA).is_valid(fields() | {"_later": 1})
