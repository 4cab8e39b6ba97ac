"""What `listen` shows of a notification, and which ones."""

import json
from typing import Any

import pytest

from glance_notify_middleware.cli.target.received import (
    UnreadableError,
    Wanted,
    as_json,
    as_line,
    unwrapped,
)
from glance_notify_middleware.events.formats import FORMATS, in_format
from glance_notify_middleware.events.notification import EventType, Priority
from tests.events.cases import IMAGE
from tests.events.notifications import plain

SEND = {
    "message_id": "m",
    "event_type": "image.send",
    "priority": "INFO",
    "timestamp": "2026-11-29 20:15:01.123456",
    "payload": {
        "image_id": "an-image",
        "owner_id": "owner",
        "receiver_tenant_id": "receiver",
        "receiver_user_id": "bob",
        "destination_ip": "10.0.0.1",
        "bytes_sent": 4096,
    },
    "_context_project_id": "receiver",
    "_context_user_id": "bob",
}
MEMBER = SEND | {
    "event_type": "image.member.create",
    "payload": {"image_id": "an-image", "member_id": "carol", "status": "pending"},
    "_context_project_id": "owner",
}
REFUSED = SEND | {
    "event_type": "image.delete",
    "priority": "WARN",
    "payload": "delete image an-image: 403 Forbidden",
    "_context_project_id": None,
    "_context_user_id": None,
}


@pytest.mark.parametrize(
    ("notification", "line"),
    [
        (
            SEND,
            "2026-11-29 20:15:01.123  INFO   image.send           an-image  4096 bytes  "
            "to 10.0.0.1  project receiver  user bob",
        ),
        (
            MEMBER,
            "2026-11-29 20:15:01.123  INFO   image.member.create  an-image  status pending  "
            "member carol  by project owner  user bob",
        ),
        (
            REFUSED,
            "2026-11-29 20:15:01.123  WARN   image.delete         "
            "delete image an-image: 403 Forbidden",
        ),
    ],
)
def test_line_has_time_priority_type_image_and_who(notification: dict[str, Any], line: str) -> None:
    assert as_line(notification) == line


def test_line_cannot_control_a_terminal() -> None:
    shown = as_line(MEMBER | {"payload": {"id": "x", "name": "a\x1b[2J\nb"}})
    assert "\x1b" not in shown
    assert "\n" not in shown


@pytest.mark.parametrize("body", [SEND, {"oslo.version": "2.0", "oslo.message": json.dumps(SEND)}])
def test_envelope_of_oslo_messaging_is_taken_off(body: object) -> None:
    found = unwrapped(json.dumps(body).encode())
    assert found == SEND
    assert json.loads(as_json(found)) == SEND


@pytest.mark.parametrize("message_format", sorted(FORMATS))
def test_notification_is_shown_alike_in_each_format(message_format: str) -> None:
    for made in (plain(), plain(EventType.DELETE, IMAGE), plain(priority=Priority.WARN)):
        shown = as_line(unwrapped(in_format(made, message_format)))
        assert shown == as_line(json.loads(made))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b'{"oslo.message": 1}',
        b'{"oslo.message": "no"}',
        b'{"specversion": "1.0", "id": "of another sender"}',
        b'{"typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event", "initiator": "x"}',
        json.dumps(SEND | {"payload": None}).encode(),
    ],
)
def test_other_messages_are_no_notification(body: bytes) -> None:
    with pytest.raises(UnreadableError):
        unwrapped(body)


@pytest.mark.parametrize("message_format", FORMATS)
def test_number_of_any_length_is_read_in_each_format(message_format: str) -> None:
    known = {"publisher_id": "glance-1", "payload": {"image_id": "i", "size": 10**400}}
    huge = json.dumps(SEND | known).encode()
    assert unwrapped(in_format(huge, message_format))["event_type"] == "image.send"


def test_json_takes_numbers_of_any_length() -> None:
    long = MEMBER | {"payload": {"id": "x", "size": 2**70}}
    assert json.loads(as_json(long)) == long


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [SEND, MEMBER, REFUSED]),
        (Wanted(types=("image.send",)), [SEND]),
        (Wanted(types=("image.member", "image.delete")), [MEMBER, REFUSED]),
        (Wanted(types=("image",)), [SEND, MEMBER, REFUSED]),
        (Wanted(types=("image.se",)), []),
        (Wanted(priorities=("WARN", "ERROR")), [REFUSED]),
        (Wanted(images=("an-image",)), [SEND, MEMBER, REFUSED]),
        (Wanted(images=("another",)), []),
        (Wanted(projects=("owner",)), [SEND, MEMBER]),
        (Wanted(projects=("carol",)), [MEMBER]),
        (Wanted(types=("image.send",), projects=("carol",)), []),
    ],
)
def test_filters_choose(wanted: Wanted, expected: list[dict[str, Any]]) -> None:
    assert [each for each in (SEND, MEMBER, REFUSED) if wanted.has(each)] == expected
