"""Live files that are missing or come back, and a disk on which nothing can be written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.journal.layout import live_path
from tests.journal.leading import Leading, files, leave_behind, totals
from tests.journal.processes import has_died, living_writer, taken_for_dead
from tests.journal.support import MakeJournal, message, record_each, segments

A = "a" * 16


class Clock:
    """The clock of the settling, in place of its module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def leading(tmp_path: Path) -> Iterator[Leading]:
    one = Leading(tmp_path)
    yield one
    one.end()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("glance_notify_middleware.delivery.settling.time", clock)
    return clock


def survey(leading: Leading, clock: Clock, seconds: float, ours: str | None = None) -> None:
    """Twice a second, for so long; what is found is delivered."""
    for _ in range(int(seconds * 2)):
        leading.survey(ours)
        leading.deliver()
        clock.now += 0.5


def test_a_segment_without_a_live_file_counts_as_dead_after_three_seconds(
    leading: Leading, clock: Clock, tmp_path: Path
) -> None:
    left = leave_behind(tmp_path, A)
    live_path(tmp_path, A).unlink()
    assert leading.deliver() == left
    survey(leading, clock, 2.5)
    assert len(segments(tmp_path)) == 1
    survey(leading, clock, 1.5)
    assert segments(tmp_path) == []


def test_a_live_file_that_comes_back_in_time_is_no_death(
    leading: Leading, clock: Clock, tmp_path: Path
) -> None:
    with living_writer(tmp_path, 2) as writer:
        live = live_path(tmp_path, writer.identity)
        for _ in range(3):
            live.unlink()
            survey(leading, clock, 2.5)
            writer.maintain()
            survey(leading, clock, 1.0)
        assert len(segments(tmp_path)) == 1
        more = writer.record(1)
        assert leading.deliver() == more


def test_who_was_taken_for_dead_and_lives_is_read_on(
    leading: Leading, clock: Clock, tmp_path: Path
) -> None:
    """Stopped for a while, and its live file removed; what it had recorded is on its way."""
    with living_writer(tmp_path, 2) as writer:
        leading.read()
        live_path(tmp_path, writer.identity).unlink()
        for _ in range(10):
            leading.survey()
            leading.read()
            clock.now += 0.5
        writer.maintain()
        leading.confirm()
        survey(leading, clock, 2.0)
        more = writer.record(3)
        assert leading.deliver() == more
        assert not has_died(tmp_path, writer.identity)


def test_who_was_settled_and_lives_loses_nothing(
    leading: Leading, clock: Clock, tmp_path: Path
) -> None:
    """Its files are gone; it has them still, and puts them there again."""
    with living_writer(tmp_path, 2) as writer:
        leading.deliver()
        live_path(tmp_path, writer.identity).unlink()
        survey(leading, clock, 5.0)
        assert files(tmp_path) == set()
        unseen = writer.record(3)
        writer.maintain()
        more = writer.record(1)
        found = leading.deliver()
        assert found[-4:] == unseen + more
        survey(leading, clock, 5.0)
        assert not has_died(tmp_path, writer.identity)
        writer.maintain()
        writer.end()
        leading.settle()
    assert files(tmp_path) == set()
    assert totals(tmp_path) == ({"image.update INFO": 6}, {})


def test_our_own_segment_without_a_live_file_is_not_dead(
    make_journal: MakeJournal, leading: Leading, clock: Clock, tmp_path: Path
) -> None:
    journal = make_journal()
    record_each(journal, [message()])
    live_path(tmp_path, str(journal.identity)).unlink()
    survey(leading, clock, 6.0, journal.identity)
    assert len(segments(tmp_path)) == 1


def test_a_process_that_begins_anew_counts_nothing_twice(
    make_journal: MakeJournal, leading: Leading, tmp_path: Path
) -> None:
    """Another process took it for dead; both of its identities end in the totals."""
    journal = make_journal()
    record_each(journal, [message(), message()])
    journal.maintain()
    before = str(journal.identity)
    with taken_for_dead(tmp_path, before):
        journal.maintain()
    assert journal.identity != before
    record_each(journal, [message()])
    journal.maintain()
    leading.settle()
    assert files(tmp_path) == set()
    assert totals(tmp_path) == ({"image.update INFO": 3}, {})


def test_on_a_full_disk_the_segments_of_the_dead_still_make_room(
    leading: Leading, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their counters, which stand in the live file, can wait; and are counted in the end."""
    leave_behind(tmp_path, A)
    leading.deliver()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for _ in range(3):
            with contextlib.suppress(OSError):
                leading.survey()
            leading.deliver()
        assert segments(tmp_path) == []
    leading.settle()
    assert files(tmp_path) == set()
    assert totals(tmp_path) == ({"image.update INFO": 2}, {})
