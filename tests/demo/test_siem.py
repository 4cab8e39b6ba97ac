"""The demo's SIEM: which requests it takes. The library of Standard Webhooks signs them."""

import datetime
from email.message import Message
from pathlib import Path

import pytest
from standardwebhooks.webhooks import Webhook

from demo.siem import Siem

CLOUDEVENTS = "application/cloudevents-batch+json; charset=utf-8"


@pytest.fixture
def siem(tmp_path: Path) -> Siem:
    return Siem(tmp_path)


def signed(siem: Siem, kind: str = CLOUDEVENTS, seconds_ago: int = 0) -> Message:
    """The headers of an empty array, which are signed; another signature stands before."""
    sent = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=seconds_ago)
    signature = Webhook(siem.secrets_file.read_text().strip()).sign("an-id", sent, "[]")
    headers = Message()
    headers["Content-Type"] = kind
    headers["webhook-id"] = "an-id"
    headers["webhook-timestamp"] = str(int(sent.timestamp()))
    headers["webhook-signature"] = f"v1,AAAA {signature}"
    return headers


def test_siem_takes_what_the_reference_library_has_signed(siem: Siem) -> None:
    assert siem.take(signed(siem), b"[]") == 204
    assert [request.body for request in siem.requests] == [b"[]"]
    assert siem.refused == []


def test_siem_refuses_a_body_that_was_not_signed(siem: Siem) -> None:
    assert_refused(siem, signed(siem), b"[1]")


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", ["1", None])
def test_siem_refuses_a_header_that_was_not_signed(
    name: str, value: str | None, siem: Siem
) -> None:
    headers = signed(siem)
    del headers[name]
    if value is not None:
        headers[name] = value
    assert_refused(siem, headers, b"[]")


@pytest.mark.parametrize("seconds_ago", [330, -330])
def test_siem_refuses_a_request_of_another_time(seconds_ago: int, siem: Siem) -> None:
    assert_refused(siem, signed(siem, seconds_ago=seconds_ago), b"[]")


def test_siem_refuses_another_type(siem: Siem) -> None:
    assert siem.take(signed(siem, "application/json"), b"[]") == 415
    assert siem.refused == ["the type is application/json"]
    assert siem.requests == []


def assert_refused(siem: Siem, headers: Message, body: bytes) -> None:
    assert siem.take(headers, body) == 401
    assert siem.refused == ["the signature is wrong, or not of these five minutes"]
    assert siem.requests == []
