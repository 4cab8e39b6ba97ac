"""Notifications: their attributes and their JSON."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glance_notify_middleware.events.notification import (
    LONGEST_JSON,
    EventType,
    Message,
    Notification,
    Payload,
    Priority,
    message_of,
)

ID = "0f0d0ab1-7c22-4b0b-8f3e-3a0a5b6b9a11"


def notification(payload: Payload, who: str | None = "u1") -> Notification:
    return Notification(
        message_id=ID,
        publisher_id="glance-1",
        event_type=EventType.MEMBER_CREATE,
        priority=Priority.WARN,
        timestamp=datetime(2026, 11, 5, 12, 0, 0, 42, UTC).timestamp(),
        payload=payload,
        request_id="req-1",
        project_id="p1",
        user_id=who,
    )


def test_message_has_the_facts_of_its_notification_and_its_json() -> None:
    made = notification("text")
    assert Message.of(made) == Message(
        ID, EventType.MEMBER_CREATE, Priority.WARN, made.timestamp, made.to_json()
    )


def no_constant(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def strictly_read(message: bytes) -> Any:
    """`message`, which is one line, as a reader parses it that takes standard JSON alone."""
    assert b"\n" not in message
    assert b"\r" not in message
    return json.loads(message.decode("utf-8"), parse_constant=no_constant)


def json_values(text: st.SearchStrategy[str], numbers: st.SearchStrategy[Any]) -> Any:
    return st.recursive(
        st.none() | st.booleans() | text | numbers,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
        max_leaves=8,
    )


SURROGATES_TOO = st.text(st.characters())
WILD = json_values(SURROGATES_TOO, st.integers() | st.floats() | st.sampled_from([2**70, -(2**70)]))
TAME = json_values(st.text(), st.integers() | st.floats(allow_nan=False, allow_infinity=False))


def test_notification_has_the_documented_attributes_and_their_companions_alone() -> None:
    assert notification({"image_id": "i1"}).as_dict() == {
        "message_id": ID,
        "publisher_id": "glance-1",
        "event_type": "image.member.create",
        "priority": "WARN",
        "timestamp": "2026-11-05 12:00:00.000042",
        "payload": {"image_id": "i1"},
        "_unique_id": ID,
        "_context_request_id": "req-1",
        "_context_project_id": "p1",
        "_context_user_id": "u1",
        "_context_user_agent": None,
        "_context_service_user_id": None,
        "_context_service_project_id": None,
        "_context_method": None,
        "_context_path": None,
        "_context_status": None,
    }


def test_event_types_and_priorities_are_the_documented_ones() -> None:
    assert {event_type.value for event_type in EventType} == {
        "image.create",
        "image.prepare",
        "image.upload",
        "image.activate",
        "image.send",
        "image.update",
        "image.delete",
        "image.member.create",
        "image.member.update",
        "image.member.delete",
    }
    assert {priority.value for priority in Priority} == {"INFO", "WARN", "ERROR"}


@pytest.mark.parametrize(
    ("payload", "read"),
    [
        ("i1", "i1"),
        ({"name": "Größe \U0001f600\n"}, {"name": "Größe \U0001f600\n"}),
        ({"size": 2**70}, {"size": 1180591620717411303424}),
        ({"a": float("nan"), "b": float("inf")}, {"a": None, "b": None}),
        ({"a": float("nan"), "b": 1.5, "c": 2**70}, {"a": None, "b": 1.5, "c": 2**70}),
        ({"name": "a\ud800b", "\udfff": True}, {"name": "a\ufffdb", "\ufffd": True}),
        ({"name": "\ud83d\ude00\ud800"}, {"name": "\U0001f600\ufffd"}),
        ({"tags": ["\ud800", None, ("x", 2**70)]}, {"tags": ["\ufffd", None, ["x", 2**70]]}),
        ({"not": Decimal("1.50")}, {"not": "1.50"}),
        ({"keys": {1: "\ufeffa"}}, {"keys": {"1": "\ufeffa"}}),
    ],
)
def test_values_that_json_cannot_express_are_replaced(payload: Payload, read: Any) -> None:
    assert strictly_read(notification(payload).to_json())["payload"] == read


def test_deeply_nested_payload_stays_whole() -> None:
    nested: Any = "the innermost"
    for _ in range(300):
        nested = [nested]
    message = strictly_read(notification({"nested": nested}).to_json())
    assert message["payload"] == {"nested": nested}


@given(st.dictionaries(SURROGATES_TOO, WILD, max_size=4), SURROGATES_TOO)
def test_any_payload_becomes_one_line_of_strict_json(payload: dict[str, Any], who: str) -> None:
    message = strictly_read(notification(payload, who).to_json())
    assert set(message) == set(notification(payload).as_dict())
    assert message["_unique_id"] == message["message_id"] == ID


@given(st.dictionaries(st.text(), TAME, max_size=4))
def test_plain_payload_is_read_as_it_was_written(payload: dict[str, Any]) -> None:
    assert strictly_read(notification(payload).to_json())["payload"] == payload


RECORD = {"id": "i1", "properties": {"os": "linux"}, "tags": ["one"], "name": "cirros"}
LONG = "x" * LONGEST_JSON


@pytest.mark.parametrize(
    ("payload", "left"),
    [
        (
            RECORD | {"properties": {"os": LONG}},
            RECORD | {"properties": {}, "truncated": ["properties"]},
        ),
        (
            RECORD | {"tags": [LONG]},
            RECORD | {"properties": {}, "tags": [], "truncated": ["properties", "tags"]},
        ),
        (
            RECORD | {"name": LONG},
            {
                "id": "i1",
                "properties": {},
                "tags": [],
                "truncated": ["properties", "tags", "name"],
            },
        ),
        ({"tags": [LONG], "id": "i1"}, {"id": "i1", "tags": [], "truncated": ["tags"]}),
        (
            {"image_id": "i1", "bytes_sent": 7, "x": LONG},
            {"image_id": "i1", "bytes_sent": 7, "truncated": ["x"]},
        ),
        ("é" + LONG, "é" + LONG[: LONGEST_JSON // 8 - 1] + "[...]"),
    ],
)
def test_overlong_payload_loses_its_long_parts_and_names_them(payload: Payload, left: Any) -> None:
    message = notification(payload).to_json()
    assert len(message) <= LONGEST_JSON
    assert strictly_read(message) == notification(left).as_dict()


def test_longest_notification_stays_whole() -> None:
    rest = len(notification({"properties": ""}).to_json())
    whole = {"properties": "x" * (LONGEST_JSON - rest)}
    message = notification(whole).to_json()
    assert len(message) == LONGEST_JSON
    assert strictly_read(message)["payload"] == whole
    longer = {"properties": "x" * (LONGEST_JSON - rest + 1)}
    assert strictly_read(notification(longer).to_json())["payload"] == {
        "properties": {},
        "truncated": ["properties"],
    }


HUGE = st.sampled_from(["\0" * 1000, "\ud800" * 90_000, "\U0001f600" * 70_000, '"' * LONGEST_JSON])


@settings(max_examples=40)
@given(
    st.dictionaries(st.text() | HUGE, WILD | HUGE | st.lists(HUGE, max_size=3), max_size=9) | HUGE,
    HUGE,
)
def test_json_is_never_longer_than_the_bound(payload: Payload, who: str) -> None:
    message = notification(payload, who).to_json()
    assert len(message) <= LONGEST_JSON
    assert strictly_read(message)["message_id"] == ID


def test_truncated_names_are_bounded_in_number_and_length() -> None:
    payload = {"\0" * 3000 + str(number): number for number in range(500)}
    payload_read = strictly_read(notification(payload).to_json())["payload"]
    assert payload_read == {"truncated": ["\0" * 1024] * 25}


def test_message_of_a_file_is_the_message_that_was_written_there() -> None:
    made = notification({"image_id": "i1", "bytes_sent": 2**70})
    read = message_of(json.loads(made.to_json()))
    assert (read.message_id, read.event_type, read.priority) == made[0:1] + made[2:4]
    assert read.timestamp == pytest.approx(made.timestamp, abs=1e-6)
    assert read.body == made.to_json()


def test_message_of_a_file_can_have_the_bytes_that_stand_there() -> None:
    body = notification("text").to_json() + b" "
    assert message_of(json.loads(body), body).body == body


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("message_id", "x", "its message_id is no UUID"),
        ("message_id", None, "its message_id is no UUID"),
        ("event_type", "image.sent", "its event type, priority or timestamp is none"),
        ("event_type", None, "its event type, priority or timestamp is none"),
        ("priority", "info", "its event type, priority or timestamp is none"),
        ("timestamp", "now", "its event type, priority or timestamp is none"),
        ("timestamp", 3, "its event type, priority or timestamp is none"),
        ("publisher_id", None, "its publisher is none"),
        ("payload", ["x"], "its payload is none"),
        ("payload", "x" * LONGEST_JSON, "its JSON is longer than 262272 bytes"),
    ],
)
def test_file_that_has_no_notification_has_no_message(key: str, value: Any, why: str) -> None:
    fields = {**json.loads(notification("text").to_json()), key: value}
    with pytest.raises(ValueError, match=f"^{why}$"):
        message_of(fields)
    with pytest.raises(ValueError, match="is no"):
        message_of({})
