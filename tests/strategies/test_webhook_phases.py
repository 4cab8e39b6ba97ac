"""The time of a request: its phases, and the whole."""

import pytest

from glance_notify_middleware.strategies.webhook.phases import Phases


def test_phase_ends_in_its_own_time_and_never_after_the_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    phases = Phases(30.0)
    phases.begin()
    assert phases.left() == 30.0
    phases.phase(5.0)
    assert phases.left() == 5.0
    assert str(phases.missed()) == "no answer within 5 s"
    now += 4.0
    phases.rest()
    assert phases.left() == 26.0
    phases.phase(27.0)
    assert phases.left() == 26.0
    assert str(phases.missed()) == "no answer within 30 s"
    now += 26.0
    with pytest.raises(TimeoutError, match="no answer within 30 s"):
        phases.left()
    phases.phase(5.0)
    with pytest.raises(TimeoutError, match="no answer within 30 s"):
        phases.left()
    phases.begin()
    assert phases.left() == 30.0
