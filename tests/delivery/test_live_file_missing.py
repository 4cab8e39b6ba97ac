"""Live files that are missing or come back, and a disk on which nothing can be written."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.journal.layout import live_path
from tests.journal.fake_leader import (
    FakeLeader,
    journal_file_names,
    read_totals,
    write_dead_process,
)
from tests.journal.processes import living_writer, looks_dead, taken_for_dead
from tests.journal.sample_journals import MakeJournal, message, record_each, segments

A = "a" * 16


class Clock:
    """Stands for the module `time` in dead_processes.py."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[FakeLeader]:
    one = FakeLeader(tmp_path)
    yield one
    one.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("glance_notify_middleware.delivery.dead_processes.time", clock)
    return clock


def survey(
    leader: FakeLeader, clock: Clock, seconds: float, own_identity: str | None = None
) -> None:
    """Survey twice a second, for so many seconds, and deliver what is found."""
    for _ in range(int(seconds * 2)):
        leader.survey(own_identity)
        leader.deliver()
        clock.now += 0.5


def test_segment_without_a_live_file_counts_as_dead_after_three_seconds(
    leader: FakeLeader, clock: Clock, tmp_path: Path
) -> None:
    left = write_dead_process(tmp_path, A)
    live_path(tmp_path, A).unlink()
    assert leader.deliver() == left
    survey(leader, clock, 2.5)
    assert len(segments(tmp_path)) == 1
    survey(leader, clock, 1.5)
    assert segments(tmp_path) == []


def test_process_is_not_dead_whose_live_file_comes_back_in_time(
    leader: FakeLeader, clock: Clock, tmp_path: Path
) -> None:
    with living_writer(tmp_path, 2) as writer:
        live = live_path(tmp_path, writer.identity)
        for _ in range(3):
            live.unlink()
            survey(leader, clock, 2.5)
            writer.maintain()
            survey(leader, clock, 1.0)
        assert len(segments(tmp_path)) == 1
        more = writer.record(1)
        assert leader.deliver() == more


def test_living_process_that_was_taken_for_dead_is_read_on(
    leader: FakeLeader, clock: Clock, tmp_path: Path
) -> None:
    """It was stopped for a while, and its live file removed; its messages are on their way."""
    with living_writer(tmp_path, 2) as writer:
        leader.read()
        live_path(tmp_path, writer.identity).unlink()
        for _ in range(10):
            leader.survey()
            leader.read()
            clock.now += 0.5
        writer.maintain()
        leader.confirm()
        survey(leader, clock, 2.0)
        more = writer.record(3)
        assert leader.deliver() == more
        assert not looks_dead(tmp_path, writer.identity)


def test_living_process_that_was_settled_loses_nothing(
    leader: FakeLeader, clock: Clock, tmp_path: Path
) -> None:
    """Its files are removed; it has them open, and writes them again."""
    with living_writer(tmp_path, 2) as writer:
        leader.deliver()
        live_path(tmp_path, writer.identity).unlink()
        survey(leader, clock, 5.0)
        assert journal_file_names(tmp_path) == set()
        unseen = writer.record(3)
        writer.maintain()
        more = writer.record(1)
        found = leader.deliver()
        assert found[-4:] == unseen + more
        survey(leader, clock, 5.0)
        assert not looks_dead(tmp_path, writer.identity)
        writer.maintain()
        writer.kill()
        leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 6}, {})


def test_segment_of_the_leaders_own_process_without_a_live_file_is_not_dead(
    make_journal: MakeJournal, leader: FakeLeader, clock: Clock, tmp_path: Path
) -> None:
    journal = make_journal()
    record_each(journal, [message()])
    live_path(tmp_path, str(journal.identity)).unlink()
    survey(leader, clock, 6.0, journal.identity)
    assert len(segments(tmp_path)) == 1


def test_process_that_begins_a_new_identity_is_counted_once(
    make_journal: MakeJournal, leader: FakeLeader, tmp_path: Path
) -> None:
    """Another process took it for dead. Both of its identities are added to the totals."""
    journal = make_journal()
    record_each(journal, [message(), message()])
    journal.maintain()
    before = str(journal.identity)
    with taken_for_dead(tmp_path, before):
        journal.maintain()
    assert journal.identity != before
    record_each(journal, [message()])
    journal.maintain()
    leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 3}, {})


def test_segments_of_a_dead_process_are_removed_though_the_disk_is_full(
    leader: FakeLeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counters stay in the live file until they can be added to the totals."""
    write_dead_process(tmp_path, A)
    leader.deliver()

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        for _ in range(3):
            with contextlib.suppress(OSError):
                leader.survey()
            leader.deliver()
        assert segments(tmp_path) == []
    leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 2}, {})
