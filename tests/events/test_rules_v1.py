"""The events of the calls of the Images API v1."""

from dataclasses import dataclass
from typing import Any

import pytest

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.operations import Operation
from tests.events import cases
from tests.events.cases import IMAGE, METADATA, RECORD, SAVING, Summary, summaries

UPLOADED = ["image.prepare", "image.upload", "image.activate"]
CREATE, UPDATE = "POST /v1/images", f"PUT /v1/images/{IMAGE}"


def operation(request: str) -> Operation:
    method, path = request.split(" ")
    found = match(method, path)
    assert found is not None
    return found


@dataclass
class Decided:
    events: list[Summary]
    source: str | None  # where the record comes from


def decided(
    request: str, response: ResponseFacts, bytes_read: int | None, record: Any, body: bytes = b""
) -> Decided:
    facts = RequestFacts(Requester(), None, bytes_read=bytes_read, body_start=body)
    exchange = Exchange(operation(request), facts, response)
    events = rules.decide(exchange, record, lambda: cases.NOW)
    source = rules.record_source(exchange)
    return Decided(summaries(events), source and source.name)


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
def test_create_and_update_are_uploads_when_they_have_a_body(
    request_line: str, bytes_read: int | None, status: str, expected: list[str]
) -> None:
    found = decided(request_line, ResponseFacts(200), bytes_read, {**RECORD, "status": status})
    assert [event_type for event_type, _, _ in found.events] == expected
    assert {priority for _, priority, _ in found.events} == {"INFO"}
    assert found.source == "ANSWER"
    for event_type, _, payload in found.events:
        prepared = event_type == "image.prepare"
        assert payload == (SAVING if prepared else {**METADATA, "status": status})


def test_upload_with_an_unseen_record_became_active() -> None:
    found = decided(UPDATE, ResponseFacts(200), 4, None)
    assert [event_type for event_type, _, _ in found.events] == [*UPLOADED, "image.update"]
    assert {payload["id"] for _, _, payload in found.events} == {IMAGE}


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
def test_failure_is_one_event_and_an_upload_when_data_was_read(
    request_line: str, status: int, bytes_read: int | None, expected: tuple[str, str]
) -> None:
    found = decided(request_line, ResponseFacts(status, "No"), bytes_read, None)
    assert [(event_type, priority) for event_type, priority, _ in found.events] == [expected]
    assert found.source is None


@pytest.mark.parametrize(
    ("request_line", "tried"),
    [
        (CREATE, "create image"),
        (UPDATE, f"update image {IMAGE}"),
        (f"PUT /v1/images/{IMAGE}/members", f"replace the members of image {IMAGE}"),
    ],
)
def test_failure_text_begins_with_what_was_tried(request_line: str, tried: str) -> None:
    [(_, _, text)] = decided(request_line, ResponseFacts(404, "Not Found"), 0, None).events
    assert text == f"{tried}: 404 Not Found"


def test_download_needs_the_headers_of_the_response() -> None:
    sent = ResponseFacts(200, bytes_sent=7, kept=True)
    found = decided(f"GET /v1/images/{IMAGE}", sent, 0, {"id": IMAGE, "owner": "o"})
    [(event_type, priority, payload)] = found.events
    assert (event_type, priority, found.source) == ("image.send", "INFO", "HEADERS")
    assert (payload["owner_id"], payload["bytes_sent"]) == ("o", 7)


@pytest.mark.parametrize("status", [200, 204])
def test_delete_is_an_event_for_every_2xx(status: int) -> None:
    found = decided(f"DELETE /v1/images/{IMAGE}", ResponseFacts(status), 0, RECORD)
    [(event_type, _, payload)] = found.events
    assert (event_type, payload, found.source) == ("image.delete", cases.DELETED, "BEFORE")
    assert rules.needs_record_before(operation(f"DELETE /v1/images/{IMAGE}").route)


def test_member_events_carry_what_the_request_names() -> None:
    body = b'{"memberships": [{"member_id": "a"}, {"member_id": "b"}]}'
    found = decided(f"PUT /v1/images/{IMAGE}/members", ResponseFacts(204), 57, None, body)
    assert [(each[0], each[2]["member_id"]) for each in found.events] == [
        ("image.member.update", "a"),
        ("image.member.update", "b"),
    ]
    assert found.source is None
    for method, expected in (("PUT", "image.member.create"), ("DELETE", "image.member.delete")):
        request = f"{method} /v1/images/{IMAGE}/members/a"
        found = decided(request, ResponseFacts(204), 0, None)
        assert [(each[0], each[2]["member_id"]) for each in found.events] == [(expected, "a")]
        assert (found.source, rules.needs_record_before(operation(request).route)) == (None, False)
