"""Which record the events of an operation need: every look-up costs Glance a request."""

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Source
from tests.events import cases

BEFORE_ALWAYS = {cases.DEACTIVATE, cases.REACTIVATE, cases.MEMBER_DELETE, cases.IMPORT}
REQUESTS = (*cases.CHANGES, cases.SEND)


@pytest.mark.parametrize("request_line", REQUESTS)
def test_record_before_is_needed_when_it_will_be_gone_or_may_be_so_already(
    request_line: str,
) -> None:
    for_id = rules.needs_record_before(cases.operation(request_line).route)
    assert for_id is (request_line in BEFORE_ALWAYS)
    for_metadata = rules.needs_record_before(
        cases.operation(request_line, with_metadata=True).route
    )
    assert for_metadata is (request_line in {*BEFORE_ALWAYS, cases.DELETE})


def wanted(
    request: str,
    status: int,
    *,
    bytes_read: int | None = 0,
    body_start: bytes | None = None,
    before: Mapping[str, Any] | None = None,
    prepared: bool = False,
    with_metadata: bool = False,
    wants: rules.Wants = lambda *_: True,
) -> str | None:
    exchange = Exchange(
        cases.operation(request, with_metadata=with_metadata),
        RequestFacts(
            Requester(), None, bytes_read=bytes_read, body_start=body_start, prepared=prepared
        ),
        ResponseFacts(status, kept=True),
        before,
    )
    record = rules.record_source(exchange, wants)
    return None if record is None else record.name


@pytest.mark.parametrize(
    ("request_line", "record"),
    [
        (cases.CREATE, "ANSWER"),
        (cases.PATCH, "ANSWER"),
        (cases.MEMBER_CREATE, "ANSWER"),
        (cases.MEMBER_UPDATE, "ANSWER"),
        (cases.UPLOAD, "AFTER"),
        (cases.STAGE, "AFTER"),
        (cases.DEACTIVATE, "AFTER"),
        (cases.REACTIVATE, "AFTER"),
        (cases.TAG, "AFTER"),
        (cases.UNTAG, "AFTER"),
        (cases.STORE_DELETE, "AFTER"),
        (cases.MEMBER_DELETE, "BEFORE"),
        (cases.SEND, "OWNER"),
        (cases.DELETE, None),
    ],
)
def test_success_needs_the_record_that_costs_least(request_line: str, record: str | None) -> None:
    assert wanted(request_line, 200) == record


def test_delete_with_metadata_needs_the_earlier_record() -> None:
    assert wanted(cases.DELETE, 204, with_metadata=True) == "BEFORE"


@pytest.mark.parametrize("request_line", REQUESTS)
@pytest.mark.parametrize("status", [300, 403, 404])
def test_refused_request_needs_no_record(request_line: str, status: int) -> None:
    assert wanted(request_line, status, with_metadata=True) is None


@pytest.mark.parametrize(
    ("status", "bytes_read", "prepared", "record"),
    [
        (413, 5, False, "AFTER"),
        (500, 0, False, "AFTER"),
        (413, None, False, "AFTER"),
        (413, 5, True, None),
        (500, 5, True, None),
        (413, 0, False, None),
    ],
)
def test_failed_upload_needs_a_record_for_its_late_prepare_alone(
    status: int, bytes_read: int | None, prepared: bool, record: str | None
) -> None:
    found = wanted(cases.UPLOAD, status, bytes_read=bytes_read, prepared=prepared)
    assert found == record


@pytest.mark.parametrize(
    ("request_line", "body_start", "before"),
    [
        (cases.PATCH, b"[]", None),
        (cases.DEACTIVATE, None, {"status": "deactivated"}),
        (cases.REACTIVATE, None, {"status": "active"}),
    ],
)
def test_request_that_changed_nothing_needs_no_record(
    request_line: str, body_start: bytes | None, before: Mapping[str, Any] | None
) -> None:
    assert wanted(request_line, 204, body_start=body_start, before=before) is None


@pytest.mark.parametrize(
    ("request_line", "status", "prepared", "needed_by"),
    [
        (cases.UPLOAD, 204, True, {"image.upload INFO", "image.activate INFO"}),
        (
            cases.UPLOAD,
            204,
            False,
            {"image.prepare INFO", "image.upload INFO", "image.activate INFO"},
        ),
        (cases.UPLOAD, 500, False, {"image.prepare INFO"}),
        (cases.UPLOAD, 500, True, set()),
        (cases.TAG, 204, False, {"image.update INFO"}),
        (cases.SEND, 200, False, {"image.send INFO"}),
        (cases.SEND, 404, False, set()),
        (cases.DELETE, 204, False, {"image.delete INFO"}),
    ],
)
def test_record_is_needed_only_if_an_event_that_has_it_is_wanted(
    request_line: str, status: int, prepared: bool, needed_by: set[str]
) -> None:
    needed = set()
    for only in itertools.product(EventType, Priority):

        def wants(event_type: EventType, priority: Priority) -> bool:
            return (event_type, priority) == only  # noqa: B023 (called in this turn alone)

        found = wanted(request_line, status, prepared=prepared, with_metadata=True, wants=wants)
        needed |= set() if found is None else {" ".join(only)}
    assert needed == needed_by


def test_owner_of_a_download_that_was_cut_short_is_needed_by_its_error_alone() -> None:
    exchange = Exchange(
        cases.operation(cases.SEND), RequestFacts(Requester(), None), ResponseFacts(200)
    )
    assert rules.record_source(exchange, lambda _, priority: priority is Priority.INFO) is None
    found = rules.record_source(exchange, lambda _, priority: priority is Priority.ERROR)
    assert found is Source.OWNER
