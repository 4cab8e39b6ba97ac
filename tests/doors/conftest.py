"""Filters that these tests load start threads, which go on after the test."""

import pytest

from glance_notify_middleware.delivery.leader_watch import LeaderWatch


@pytest.fixture(autouse=True)
def no_leader_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The threads must not log in later tests that no relay runs."""
    monkeypatch.setattr(LeaderWatch, "check", lambda watch: None)
