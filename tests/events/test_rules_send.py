"""image.send: six fields, however the download ended."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from tests.events import cases
from tests.events.cases import IMAGE, Summary, summaries

BY_ALICE = RequestFacts(Requester("p1", "u1", "req-1"), "198.51.100.7")
BY_NOBODY = RequestFacts(Requester(), None)
OWNED: Mapping[str, Any] = {"owner": "o1", "size": 900}


def sent(
    request: RequestFacts, response: ResponseFacts, found: Mapping[str, Any] | None
) -> list[Summary]:
    exchange = Exchange(cases.operation(cases.SEND), request, response)
    decided = rules.decide(exchange, found, now=lambda: cases.NOW)
    return summaries(decided)


def payload(owner_id: str | None, bytes_sent: int) -> Mapping[str, Any]:
    return {
        "image_id": IMAGE,
        "owner_id": owner_id,
        "receiver_tenant_id": "p1",
        "receiver_user_id": "u1",
        "destination_ip": "198.51.100.7",
        "bytes_sent": bytes_sent,
    }


@pytest.mark.parametrize(
    ("response", "found", "priority", "expected"),
    [
        (ResponseFacts(200, bytes_sent=900, kept=True), OWNED, "INFO", payload("o1", 900)),
        (ResponseFacts(206, bytes_sent=10, kept=True), OWNED, "INFO", payload("o1", 10)),
        (ResponseFacts(200, bytes_sent=0, kept=True), OWNED, "INFO", payload("o1", 0)),
        (ResponseFacts(200, bytes_sent=900, kept=True), None, "INFO", payload(None, 900)),
        (ResponseFacts(200, bytes_sent=899), OWNED, "ERROR", payload("o1", 899)),
        (ResponseFacts(200, bytes_sent=901), OWNED, "ERROR", payload("o1", 901)),
        (ResponseFacts(206), OWNED, "ERROR", payload("o1", 0)),
        (
            ResponseFacts(200, bytes_sent=64, error="OSError"),
            OWNED,
            "ERROR",
            payload("o1", 64),
        ),
        (ResponseFacts(None, error="OSError"), None, "ERROR", payload(None, 0)),
        (ResponseFacts(404, "Not Found", "No image."), None, "WARN", payload(None, 0)),
        (ResponseFacts(403, bytes_sent=64), None, "WARN", payload(None, 0)),
        (ResponseFacts(416, kept=True), None, "WARN", payload(None, 0)),
        (ResponseFacts(500, bytes_sent=64), None, "ERROR", payload(None, 0)),
        (ResponseFacts(503, kept=True), None, "ERROR", payload(None, 0)),
    ],
)
def test_download_carries_the_bytes_that_were_sent(
    response: ResponseFacts,
    found: Mapping[str, Any] | None,
    priority: str,
    expected: Mapping[str, Any],
) -> None:
    assert sent(BY_ALICE, response, found) == [("image.send", priority, expected)]


def test_unknown_requester_and_address_are_null() -> None:
    [(_, _, fields)] = sent(BY_NOBODY, ResponseFacts(200, bytes_sent=5, kept=True), OWNED)
    assert fields == {
        "image_id": IMAGE,
        "owner_id": "o1",
        "receiver_tenant_id": None,
        "receiver_user_id": None,
        "destination_ip": None,
        "bytes_sent": 5,
    }


@given(
    st.sampled_from([BY_ALICE, BY_NOBODY]),
    st.builds(
        ResponseFacts,
        status=st.none() | st.integers(200, 599),
        error=st.none() | st.just("OSError"),
        bytes_sent=st.integers(min_value=0),
        kept=st.booleans(),
    ),
    st.sampled_from([OWNED, None]),
)
def test_download_has_the_six_fields_always(
    request: RequestFacts, response: ResponseFacts, found: Mapping[str, Any] | None
) -> None:
    for event_type, _, fields in sent(request, response, found):
        assert event_type == "image.send"
        assert isinstance(fields, Mapping)
        assert sorted(fields) == [
            "bytes_sent",
            "destination_ip",
            "image_id",
            "owner_id",
            "receiver_tenant_id",
            "receiver_user_id",
        ]
