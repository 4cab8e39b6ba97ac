"""What is told of the calls of the Images API v1."""

from dataclasses import dataclass
from typing import Any

import pytest

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.operations import Operation, match
from tests.events import cases
from tests.events.cases import IMAGE, METADATA, RECORD, SAVING

UPLOADED = ["image.prepare", "image.upload", "image.activate"]
CREATE, UPDATE = "POST /v1/images", f"PUT /v1/images/{IMAGE}"


def operation(request: str) -> Operation:
    method, path = request.split(" ")
    found = match(method, path)
    assert found is not None
    return found


@dataclass
class Decided:
    told: list[tuple[str, str, Any]]
    wanted: str | None  # where the record is to be had


def decided(
    request: str, response: ResponseFacts, bytes_read: int | None, record: Any, body: bytes = b""
) -> Decided:
    facts = RequestFacts(Requester(), None, bytes_read=bytes_read, body_start=body)
    exchange = Exchange(operation(request), facts, response)
    told = rules.decide(exchange, record, lambda: cases.NOW)
    source = rules.record_source(exchange)
    return Decided(
        [(each.event_type.value, each.priority.value, each.payload) for each in told],
        source and source.name,
    )


@pytest.mark.parametrize(
    ("request_line", "bytes_read", "status", "expected"),
    [
        (CREATE, 0, "queued", ["image.create"]),
        (CREATE, 0, "active", ["image.create", "image.activate"]),
        (CREATE, 4, "active", ["image.create", *UPLOADED]),
        (CREATE, None, "active", ["image.create", *UPLOADED]),
        (CREATE, 4, "killed", ["image.create", "image.prepare", "image.upload"]),
        (UPDATE, 0, "active", ["image.update"]),
        (UPDATE, 4, "active", [*UPLOADED, "image.update"]),
    ],
)
def test_an_image_that_is_made_or_changed_is_uploaded_when_it_had_a_body(
    request_line: str, bytes_read: int | None, status: str, expected: list[str]
) -> None:
    found = decided(request_line, ResponseFacts(200), bytes_read, {**RECORD, "status": status})
    assert [event_type for event_type, _, _ in found.told] == expected
    assert {priority for _, priority, _ in found.told} == {"INFO"}
    assert found.wanted == "ANSWER"
    for event_type, _, payload in found.told:
        prepared = event_type == "image.prepare"
        assert payload == (SAVING if prepared else {**METADATA, "status": status})


def test_an_upload_whose_record_was_not_seen_went_to_active_all_the_same() -> None:
    found = decided(UPDATE, ResponseFacts(200), 4, None)
    assert [event_type for event_type, _, _ in found.told] == [*UPLOADED, "image.update"]
    assert {payload["id"] for _, _, payload in found.told} == {IMAGE}


@pytest.mark.parametrize(
    ("request_line", "status", "bytes_read", "expected"),
    [
        (CREATE, 403, 0, ("image.create", "WARN")),
        (CREATE, 500, 0, ("image.create", "ERROR")),
        (CREATE, 400, 4, ("image.upload", "ERROR")),
        (CREATE, 500, 4, ("image.upload", "ERROR")),
        (CREATE, 413, None, ("image.upload", "ERROR")),
        (CREATE, 403, None, ("image.create", "WARN")),
        (UPDATE, 404, 0, ("image.update", "WARN")),
        (UPDATE, 409, 4, ("image.upload", "ERROR")),
        (f"PUT /v1/images/{IMAGE}/members", 404, 99, ("image.member.update", "WARN")),
    ],
)
def test_a_failure_is_one_event_and_an_upload_once_data_was_read(
    request_line: str, status: int, bytes_read: int | None, expected: tuple[str, str]
) -> None:
    found = decided(request_line, ResponseFacts(status, "No"), bytes_read, None)
    assert [(event_type, priority) for event_type, priority, _ in found.told] == [expected]
    assert found.wanted is None


@pytest.mark.parametrize(
    ("request_line", "tried"),
    [
        (CREATE, "create image"),
        (UPDATE, f"update image {IMAGE}"),
        (f"PUT /v1/images/{IMAGE}/members", f"replace the members of image {IMAGE}"),
    ],
)
def test_the_text_begins_with_what_was_tried(request_line: str, tried: str) -> None:
    [(_, _, text)] = decided(request_line, ResponseFacts(404, "Not Found"), 0, None).told
    assert text == f"{tried}: 404 Not Found"


def test_a_download_is_told_by_the_answers_own_headers() -> None:
    sent = ResponseFacts(200, bytes_sent=7, kept=True)
    found = decided(f"GET /v1/images/{IMAGE}", sent, 0, {"id": IMAGE, "owner": "o"})
    [(event_type, priority, payload)] = found.told
    assert (event_type, priority, found.wanted) == ("image.send", "INFO", "HEADERS")
    assert (payload["owner_id"], payload["bytes_sent"]) == ("o", 7)


@pytest.mark.parametrize("status", [200, 204])
def test_a_delete_is_told_whatever_success_it_is(status: int) -> None:
    found = decided(f"DELETE /v1/images/{IMAGE}", ResponseFacts(status), 0, RECORD)
    [(event_type, _, payload)] = found.told
    assert (event_type, payload, found.wanted) == ("image.delete", cases.DELETED, "BEFORE")
    assert rules.needs_record_before(operation(f"DELETE /v1/images/{IMAGE}").route)


def test_members_are_told_as_far_as_the_request_tells() -> None:
    body = b'{"memberships": [{"member_id": "a"}, {"member_id": "b"}]}'
    found = decided(f"PUT /v1/images/{IMAGE}/members", ResponseFacts(204), 57, None, body)
    assert [(each[0], each[2]["member_id"]) for each in found.told] == [
        ("image.member.update", "a"),
        ("image.member.update", "b"),
    ]
    assert found.wanted is None
    for method, expected in (("PUT", "image.member.create"), ("DELETE", "image.member.delete")):
        request = f"{method} /v1/images/{IMAGE}/members/a"
        found = decided(request, ResponseFacts(204), 0, None)
        assert [(each[0], each[2]["member_id"]) for each in found.told] == [(expected, "a")]
        assert (found.wanted, rules.needs_record_before(operation(request).route)) == (None, False)
