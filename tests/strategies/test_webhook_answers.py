"""What follows from the receiver's answer: a table, and Retry-After."""

import time
from collections.abc import Iterator

import pytest

from glance_notify_middleware.strategies.webhook.answers import Answer, Verdict

NOW = 1_795_000_000.0  # 2026-11-18 11:06:40 UTC


@pytest.fixture
def far_from_greenwich() -> Iterator[None]:
    """The local time of this process is not UTC."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "America/New_York")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.parametrize(
    ("statuses", "verdict"),
    [
        ([200, 201, 202, 204, 299], Verdict.CONFIRMED),
        ([408, 425, 429, 500, 501, 502, 503, 504, 599], Verdict.AGAIN),
        ([101, 301, 302, 307, 308], Verdict.OPERATOR),
        ([401, 402, 403, 404, 405, 407, 409, 410, 415, 418, 451, 600], Verdict.OPERATOR),
        ([400, 413, 422], Verdict.REJECTED),
    ],
)
def test_status_says_what_becomes_of_the_messages(statuses: list[int], verdict: Verdict) -> None:
    assert {Answer(status).verdict for status in statuses} == {verdict}


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", 0.0),
        ("0", 0.0),
        ("120", 120.0),
        ("3600", 3600.0),
        ("3601", 3600.0),
        ("999999999", 3600.0),
        ("9" * 400, 3600.0),
        ("-5", 0.0),
        ("soon", 0.0),
        ("Wed, 18 Nov 2026 11:07:40 GMT", 60.0),
        ("Wed Nov 18 11:07:40 2026", 60.0),
        ("Wed, 18 Nov 2026 11:07:40 -0000", 60.0),
        ("Wed, 18 Nov 2026 11:05:00 GMT", 0.0),
        ("Thu, 19 Nov 2026 11:05:00 GMT", 3600.0),
        ("Wed, 99 Nov 2026 11:07:40 GMT", 0.0),
        ("Wed, 18 Nov 99999 11:07:40 GMT", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_an_hour_at_most(
    header: str, seconds: float, far_from_greenwich: None
) -> None:
    assert Answer(503, header).wait(NOW) == seconds


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (503, "answers 503 Service Unavailable"),
        (599, "answers 599"),
        (401, "answers 401 Unauthorized; see webhook_token_file, webhook_secrets_file, and the"),
        (404, "answers 404 Not Found; see the path of webhook_url"),
        (302, "answers 302 Found; redirects are not followed"),
    ],
)
def test_text_has_the_status_and_what_to_look_at(status: int, text: str) -> None:
    assert Answer(status).text.startswith(text)
