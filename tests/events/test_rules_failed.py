"""The events of an operation that was refused or that failed."""

from typing import Any

import pytest

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from tests.events import cases
from tests.events.cases import IMAGE, METADATA, RECORD, SAVING, Summary, summaries

FORBIDDEN = ResponseFacts(403, "Forbidden", "You are not allowed.")
BROKEN = ResponseFacts(500, "Internal Server Error", "It went wrong.")
RAISED = ResponseFacts(None, error="OSError")
RAISED_AFTER_STATUS = ResponseFacts(204, "No Content", error="OSError")

REFUSED = {
    cases.CREATE: "image.create",
    cases.UPLOAD: "image.upload",
    cases.STAGE: "image.update",
    cases.PATCH: "image.update",
    cases.DEACTIVATE: "image.update",
    cases.REACTIVATE: "image.update",
    cases.TAG: "image.update",
    cases.UNTAG: "image.update",
    cases.STORE_DELETE: "image.update",
    cases.DELETE: "image.delete",
    cases.IMPORT: "image.upload",
    cases.ADD_LOCATION: "image.update",
    cases.MEMBER_CREATE: "image.member.create",
    cases.MEMBER_UPDATE: "image.member.update",
    cases.MEMBER_DELETE: "image.member.delete",
}


def failed(
    request: str,
    response: ResponseFacts,
    *,
    bytes_read: int | None = 0,
    prepared: bool = False,
    record: Any = None,
) -> list[Summary]:
    exchange = Exchange(
        cases.operation(request),
        RequestFacts(Requester(), None, bytes_read=bytes_read, prepared=prepared),
        response,
    )
    decided = rules.decide(exchange, record, lambda: cases.NOW)
    return summaries(decided)


@pytest.mark.parametrize("request_line", cases.CHANGES)
@pytest.mark.parametrize(
    ("response", "priority", "explained"),
    [
        (FORBIDDEN, "WARN", "403 Forbidden: You are not allowed."),
        (BROKEN, "ERROR", "500 Internal Server Error: It went wrong."),
        (RAISED, "ERROR", "OSError"),
        (RAISED_AFTER_STATUS, "ERROR", "OSError"),
    ],
)
def test_failure_is_one_event_of_its_route_with_a_text(
    request_line: str, response: ResponseFacts, priority: str, explained: str
) -> None:
    [(event_type, event_priority, text)] = failed(request_line, response, prepared=True)
    assert (event_type, event_priority) == (REFUSED[request_line], priority)
    assert explained in text
    assert request_line == cases.CREATE or f" {IMAGE}: " in text


@pytest.mark.parametrize(
    ("request_line", "tried"),
    [
        (cases.CREATE, "create image"),
        (cases.UPLOAD, f"upload data of image {IMAGE}"),
        (cases.STAGE, f"stage data of image {IMAGE}"),
        (cases.PATCH, f"update image {IMAGE}"),
        (cases.DEACTIVATE, f"deactivate image {IMAGE}"),
        (cases.REACTIVATE, f"reactivate image {IMAGE}"),
        (cases.TAG, f"tag image {IMAGE}"),
        (cases.STORE_DELETE, f"delete from a store the data of image {IMAGE}"),
        (cases.DELETE, f"delete image {IMAGE}"),
        (cases.IMPORT, f"import data of image {IMAGE}"),
        (cases.ADD_LOCATION, f"add a location to image {IMAGE}"),
        (cases.MEMBER_CREATE, f"add a member to image {IMAGE}"),
        (cases.MEMBER_UPDATE, f"update a member of image {IMAGE}"),
        (cases.MEMBER_DELETE, f"remove a member from image {IMAGE}"),
    ],
)
def test_failure_text_begins_with_what_was_tried(request_line: str, tried: str) -> None:
    [(_, _, refused)] = failed(request_line, FORBIDDEN)
    assert refused == f"{tried}: 403 Forbidden: You are not allowed."
    [(_, _, raised)] = failed(request_line, RAISED, prepared=True)
    assert raised == f"{tried}: the application raised OSError"
    [(_, _, silent)] = failed(request_line, ResponseFacts(None), prepared=True)
    assert silent == f"{tried}: the application gave no answer"


@pytest.mark.parametrize(
    ("request_line", "response", "text"),
    [
        (cases.CREATE, ResponseFacts(413, "Too Large"), "create image: 413 Too Large"),
        (cases.CREATE, ResponseFacts(409), "create image: 409"),
        (
            cases.TAG,
            ResponseFacts(404, "Not Found", "404 Not Found No such image."),
            f"tag image {IMAGE}: 404 Not Found: No such image.",
        ),
        (
            "DELETE images/a\r\nb",
            ResponseFacts(404, "Not\r\nFound"),
            "delete image a b: 404 Not Found",
        ),
    ],
)
def test_failure_text_is_one_line_without_repetition(
    request_line: str, response: ResponseFacts, text: str
) -> None:
    [(_, _, payload)] = failed(request_line, response)
    assert payload == text


BEGUN = [("image.prepare", "INFO"), ("image.upload", "ERROR")]
BROKEN_OFF = [("image.upload", "ERROR")]
TURNED_AWAY = [("image.upload", "WARN")]


@pytest.mark.parametrize(
    ("status", "bytes_read", "prepared", "expected"),
    [
        # after data was read, a refusal is a failure
        (400, 1, False, BEGUN),
        (409, 5, False, BEGUN),
        (410, 5, False, BEGUN),
        (413, 5, False, BEGUN),
        (415, 5, False, BEGUN),
        (503, 5, False, BEGUN),
        (400, 5, True, BROKEN_OFF),
        (413, 5, True, BROKEN_OFF),
        (503, 5, True, BROKEN_OFF),
        # nothing was read
        (400, 0, False, TURNED_AWAY),
        (403, 0, False, TURNED_AWAY),
        (404, 0, False, TURNED_AWAY),
        (409, 0, False, TURNED_AWAY),
        (413, 0, False, TURNED_AWAY),
        (415, 0, False, TURNED_AWAY),
        (410, 0, False, BEGUN),
        (500, 0, False, BEGUN),
        (503, 0, False, BEGUN),
        # reads cannot be seen
        (400, None, False, TURNED_AWAY),
        (403, None, False, TURNED_AWAY),
        (409, None, False, TURNED_AWAY),
        (415, None, False, TURNED_AWAY),
        (413, None, False, BEGUN),
        (410, None, False, BEGUN),
        (500, None, False, BEGUN),
    ],
)
def test_failed_upload_is_refused_before_its_first_byte_and_broken_off_after_it(
    status: int, bytes_read: int | None, prepared: bool, expected: list[tuple[str, str]]
) -> None:
    response = ResponseFacts(status, "No")
    decided = failed(cases.UPLOAD, response, bytes_read=bytes_read, prepared=prepared)
    assert [(event_type, priority) for event_type, priority, _ in decided] == expected


def test_exception_in_the_middle_of_an_upload_breaks_it_off() -> None:
    decided = failed(cases.UPLOAD, RAISED, bytes_read=5)
    assert [(event_type, priority) for event_type, priority, _ in decided] == BEGUN


@pytest.mark.parametrize(
    ("record", "payload"),
    [
        (RECORD, SAVING),
        ({**RECORD, "status": "queued"}, SAVING),
        (
            None,
            {
                **dict.fromkeys(METADATA),
                "id": IMAGE,
                "properties": {},
                "deleted": False,
                "status": "saving",
            },
        ),
    ],
)
def test_late_prepare_carries_the_image_as_it_was_when_the_upload_began(
    record: Any, payload: dict[str, Any]
) -> None:
    prepared, _ = failed(cases.UPLOAD, BROKEN, bytes_read=5, record=record)
    assert prepared == ("image.prepare", "INFO", payload)


@pytest.mark.parametrize(
    ("status", "bytes_read", "priority"),
    [
        (413, 5, "ERROR"),
        (409, 5, "ERROR"),
        (413, 0, "WARN"),
        (409, None, "WARN"),
        (500, 0, "ERROR"),
    ],
)
def test_staging_that_fails_after_data_was_read_is_an_error(
    status: int, bytes_read: int | None, priority: str
) -> None:
    [(event_type, event_priority, _)] = failed(
        cases.STAGE, ResponseFacts(status, "No"), bytes_read=bytes_read
    )
    assert (event_type, event_priority) == ("image.update", priority)


@pytest.mark.parametrize("status", [400, 404, 409, 410, 413])
def test_request_without_image_data_is_refused_however_much_was_read(status: int) -> None:
    [(_, priority, _)] = failed(cases.PATCH, ResponseFacts(status, "No"), bytes_read=5)
    assert priority == "WARN"
