"""glance-notify drain: it waits until nothing is pending, and says what is left at the timeout."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from glance_notify_middleware.cli.node import drain
from glance_notify_middleware.events.notification import Priority
from tests.cli.conftest import Run
from tests.cli.node_states import Seen, out_of_reach, paste_file, state, target


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock, which only the command's sleeps move on."""
    now = [1000.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)
    monkeypatch.setattr(drain, "time", clock)
    return now


def test_drain_ends_when_nothing_has_been_pending_for_a_while(
    run: Run, seen: Seen, tmp_path: Path, clock: list[float]
) -> None:
    busy = state(target(pending=2), target("qpid", pending=1))
    seen(busy, busy, state(target(), target("qpid", pending=1)), state())
    ended = run("drain", paste_file(tmp_path))
    assert ended.status == 0
    assert ended.out == "drained: nothing is left\n"
    assert ended.err.splitlines() == [
        "rabbit: 2 pending, qpid: 1 pending",
        "qpid: 1 pending",
        "nothing is pending",
    ]
    assert clock[0] - 1000 == pytest.approx(3 * 0.25 + 2.5)


def test_drain_waits_for_what_is_sent_again(run: Run, seen: Seen, tmp_path: Path) -> None:
    """It is not pending: it was delivered, or a dead letter, before."""
    seen(state(target(set_aside={Priority.INFO: 7})), state())
    ended = run("drain", paste_file(tmp_path))
    assert ended.status == 0
    assert ended.err.splitlines() == ["rabbit: 7 pending (7 set aside)", "nothing is pending"]


def test_drain_waits_for_what_comes_late(run: Run, seen: Seen, tmp_path: Path) -> None:
    """The unknown outcomes of a process that has just died."""
    seen(state(), state(), state(target(pending=1)), state())
    ended = run("drain", paste_file(tmp_path))
    assert ended.status == 0
    assert ended.err.splitlines() == [
        "nothing is pending",
        "rabbit: 1 pending",
        "nothing is pending",
    ]


def test_drain_says_at_the_timeout_what_is_left_and_why(
    run: Run, seen: Seen, tmp_path: Path, clock: list[float]
) -> None:
    seen(state(out_of_reach(), target("qpid", pending=4, set_aside={Priority.WARN: 3})))
    ended = run("drain", paste_file(tmp_path), "--timeout", "5s")
    assert ended.status == 1
    assert ended.out.splitlines() == [
        "rabbit: 3 are left (out of reach: 127.0.0.1:5672: [Errno 111] Connection refused)",
        "qpid: 4 are left (3 set aside)",
    ]
    assert len(ended.err.splitlines()) == 1
    assert clock[0] - 1000 == pytest.approx(5.0)


def test_drain_waits_a_minute_by_default(
    run: Run, seen: Seen, tmp_path: Path, clock: list[float]
) -> None:
    seen(state(target(pending=1)))
    assert run("drain", paste_file(tmp_path)).status == 1
    assert clock[0] - 1000 == pytest.approx(60.0)


def test_drain_says_at_once_that_no_leader_runs_and_goes_on(
    run: Run, seen: Seen, tmp_path: Path
) -> None:
    seen(state(target(pending=1), is_led=False), state(target(pending=1)), state())
    ended = run("drain", paste_file(tmp_path))
    assert ended.status == 0
    assert ended.err.splitlines() == [
        "rabbit: 1 pending; no leader runs, so nothing is delivered: start Glance, or "
        "glance-notify relay",
        "rabbit: 1 pending",
        "nothing is pending",
    ]


def test_drain_without_time_looks_once(
    run: Run, seen: Seen, tmp_path: Path, clock: list[float]
) -> None:
    seen(state())
    assert run("drain", paste_file(tmp_path), "--timeout", "0").status == 0
    assert clock[0] == 1000.0


@pytest.mark.parametrize("text", ["-1", "soon", "5 weeks"])
def test_bad_timeout_is_wrong_use(text: str, run: Run) -> None:
    ended = run("drain", f"--timeout={text}")
    line = ended.one_line(2)
    assert f"argument --timeout: {text!r} is not valid; expected 0, or seconds" in line


def test_without_a_journal_there_is_nothing_to_wait_for(run: Run, tmp_path: Path) -> None:
    ended = run("drain", paste_file(tmp_path, strategy="logging", more=""))
    assert ended.status == 0
    assert "there is nothing to see" in ended.err
