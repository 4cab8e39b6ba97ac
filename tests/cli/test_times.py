"""The times of --since and --until."""

import argparse
import time

import pytest

from glance_notify_middleware.cli.audit.times import Period, timestamp_of


@pytest.mark.parametrize(
    ("text", "timestamp"),
    [
        ("7d", "2026-11-22 12:00:00.000000"),
        ("24h", "2026-11-28 12:00:00.000000"),
        ("30m", "2026-11-29 11:30:00.000000"),
        ("10s", "2026-11-29 11:59:50.000000"),
        ("2w", "2026-11-15 12:00:00.000000"),
        ("2026-11-01", "2026-11-01 00:00:00.000000"),
        ("2026-11-01 12:00", "2026-11-01 12:00:00.000000"),
        ("2026-11-01 12:00:01", "2026-11-01 12:00:01.000000"),
        ("2026-11-01T12:00:01.25Z", "2026-11-01 12:00:01.250000"),
        ("0999-01-01", "0999-01-01 00:00:00.000000"),
    ],
)
def test_time_is_a_moment_in_utc_or_how_long_ago(
    text: str, timestamp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1795953600.0)  # 2026-11-29 12:00:00
    assert timestamp_of(text) == timestamp


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-7d", "7y", "999999w", "2026-13-01", "2026-11-01 25:00", "yesterday"]
)
def test_text_that_is_no_time_is_an_error_with_what_is_expected(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError) as raised:
        timestamp_of(text)
    assert str(raised.value).startswith(f"{text!r} is no time; expected 7d, 24h")


def test_period_without_bounds_has_every_time() -> None:
    assert "0001-01-01 00:00:00.000000" in Period()
    assert "9999-12-31 23:59:59.999999" in Period()
