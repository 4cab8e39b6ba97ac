"""Deferred notifications: what the request would have made, and no location in what is stored."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events import deferred, payloads
from glance_notify_middleware.events.deferred import ACTION_NAMES, DeferredNotification
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import LONGEST_JSON, EventType, Priority
from glance_notify_middleware.events.operations import Action, Operation, Route

KEY = uuid.UUID("2b1c1b5e-0000-4000-8000-00000000000a")
REQUESTER = Requester("p", "u", "req", "curl/8", "s", "sp", "POST", "/v2/images")
ANSWERED = [route for route in ACTION_NAMES if route.action is not Action.SEND]
RECORD = {
    **{"id": "i", "name": "n", "status": "queued", "tags": ["t"], "visibility": "shared"},
    **{"file": "/v2/images/i/file", "os_distro": "debian", "member_id": "m", "image_id": "i"},
}


def notification(route: Route, content: bytes, **more: Any) -> DeferredNotification:
    known = DeferredNotification(
        KEY.bytes,
        1.5,
        route.success_events[0],
        Priority.INFO,
        "publisher",
        ACTION_NAMES[route],
        "i",
        "m",
        REQUESTER,
        200,
        content,
    )
    return known._replace(**more)


@pytest.mark.parametrize("route", ANSWERED, ids=lambda route: route.action.name)
def test_notification_of_an_answer_is_the_one_that_the_request_would_have_made(
    route: Route,
) -> None:
    made = notification(route, json.dumps(RECORD).encode()).made()
    assert made.payload == payloads.of_success(Operation(route, "/v2/", "i", "m"), RECORD, str)
    assert (made.message_id, made.event_type, made.priority, made.timestamp) == (
        str(KEY),
        route.success_events[0],
        Priority.INFO,
        1.5,
    )
    assert (made.request_id, made.project_id, made.user_id) == ("req", "p", "u")
    assert (made.user_agent, made.service_user_id, made.service_project_id) == ("curl/8", "s", "sp")
    assert (made.method, made.path, made.status) == ("POST", "/v2/images", 200)
    assert made.publisher_id == "publisher"


@pytest.mark.parametrize("content", [b"{broken}", b'{"a": ' * 30_000 + b"}" * 30_000, b"[]"])
def test_answer_that_cannot_be_read_leaves_the_ids(content: bytes) -> None:
    (patch,) = (route for route in ANSWERED if route.action is Action.PATCH)
    payload = notification(patch, content).made().payload
    assert isinstance(payload, dict)
    assert {key: value for key, value in payload.items() if value} == {"id": "i"}


def test_payload_of_a_download_is_the_content() -> None:
    send = next(route for route in ACTION_NAMES if route.action is Action.SEND)
    made = notification(send, b'{"image_id": "i", "bytes_sent": 7}', priority=Priority.ERROR).made()
    assert made.payload == {"image_id": "i", "bytes_sent": 7}
    assert (made.event_type, made.priority) == (EventType.SEND, Priority.ERROR)


TEXTS = st.none() | st.text(max_size=20)


@given(st.binary(max_size=50), TEXTS, TEXTS, TEXTS, st.sampled_from(Priority))
def test_what_is_stored_is_read_as_it_was(
    content: bytes, image: str | None, member: str | None, user: str | None, priority: Priority
) -> None:
    requester = REQUESTER._replace(user_id=user, user_agent=user, path=image)
    written = notification(
        ANSWERED[0],
        content,
        image_id=image,
        member_id=member,
        requester=requester,
        status=None if user is None else 206,
        priority=priority,
    )
    stored = deferred.encode(written)
    read = deferred.decode(KEY.bytes, 1.5, written.event_type, priority, stored)
    assert read == written


def test_lone_surrogate_in_an_id_is_replaced() -> None:
    stored = deferred.encode(notification(ANSWERED[0], b"{}", requester=Requester("\udc80")))
    read = deferred.decode(KEY.bytes, 1.5, "image.create", Priority.INFO, stored)
    assert read.requester == Requester("?")


def test_notification_that_version_2_of_the_journal_holds_is_read() -> None:
    stored = b'["publisher","CREATE",null,null,"req","p","u"]\n{}'
    read = deferred.decode(KEY.bytes, 1.5, "image.create", Priority.INFO, stored)
    assert (read.requester, read.status) == (Requester("p", "u", "req"), None)
    assert (read.publisher_id, read.action, read.content) == ("publisher", "CREATE", b"{}")


@pytest.mark.parametrize(
    ("answer", "can"),
    [
        (json.dumps(RECORD), True),
        (json.dumps({**RECORD, "locations": []}), True),
        (
            json.dumps({**RECORD, "locations": [{"url": "swift://u:secret@h/c", "metadata": {}}]}),
            False,
        ),
        (json.dumps({**RECORD, "direct_url": "rbd://pool/secret"}), False),
        (r'{"id": "i", "direct_\u0075rl": "rbd://pool/secret"}', False),
        (json.dumps({**RECORD, "name": "é"}), False),  # an escape, as Glance writes it
        ("", False),
        ('{"id": "i"', False),  # cut
        ("[]", False),
        ("<html></html>", False),
        ('{"a": "' + "x" * LONGEST_JSON + '"}', False),
    ],
)
def test_answer_with_a_location_or_without_an_object_is_not_stored_as_it_is(
    answer: str, can: bool
) -> None:
    assert deferred.can_be_deferred(answer.encode()) is can
