"""`journal_max_size`: what counts against the bound, and how long a segment becomes under it."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from glance_notify_middleware.journal import capacity
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.writer import Journal
from tests.journal.fake_leader import FakeLeader
from tests.journal.sample_journals import (
    MakeJournal,
    ids,
    lost,
    message,
    read,
    record_each,
    segments,
)
from tests.this_thread import here

KIB = 1024
MIB = 1024 * KIB


def make_live_files(directory: Path, count: int) -> None:
    """Make the live files of `count` processes; their other files do not matter here."""
    for number in range(count):
        live_path(directory, f"{number:016x}").touch()


def test_bytes_delivered_to_every_strategy_do_not_count(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Also while its segments are not removed yet."""
    leader = FakeLeader(tmp_path, "qpid")
    journal = make_journal(max_size=20_000)
    record_each(journal, [message(bytes(1000)) for _ in range(3)])
    leader.others[0].deliver()
    record_each(journal, [message(bytes(1000)) for _ in range(22)])
    leader.deliver()
    leader.cursors.save(at_once=True)
    journal.maintain()
    assert journal.is_full, "only three of them are delivered to both strategies"
    leader.others[0].deliver()
    leader.cursors.save(at_once=True)
    journal.maintain()
    assert not journal.is_full
    assert sum(path.stat().st_size for path in segments(tmp_path)) > 25_000
    leader.close()


def test_segment_delivered_in_part_counts_from_the_cursor_on(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    leader = FakeLeader(tmp_path)
    journal = make_journal(max_size=20_000)
    record_each(journal, [message(bytes(1000)) for _ in range(15)])
    leader.deliver()
    leader.survey(journal.identity)
    record_each(journal, [message(bytes(1000)) for _ in range(15)])
    journal.maintain()
    assert not journal.is_full
    record_each(journal, [message(bytes(1000)) for _ in range(5)])
    journal.maintain()
    assert journal.is_full
    leader.close()


def test_bytes_delivered_within_a_second_are_no_backlog(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much was recorded since the directory was measured last."""
    leader = FakeLeader(tmp_path)
    journal = make_journal(max_size=20_000)
    record_each(journal, [message(bytes(1000)) for _ in range(100)])
    waited = 0.0

    def deliver(seconds: float) -> None:
        nonlocal waited
        waited += seconds
        if waited > 0.25 and not leader.cursors.positions:
            leader.deliver()
            leader.survey(journal.identity)

    sleep = here(deliver, time.sleep)
    monkeypatch.setattr(capacity, "time", SimpleNamespace(sleep=sleep))
    journal.maintain()
    assert not journal.is_full
    assert 0.25 < waited < 1
    leader.close()


def test_damaged_cursors_count_as_nothing_delivered(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    leader = FakeLeader(tmp_path)
    journal = make_journal(max_size=20_000)
    record_each(journal, [message(bytes(1000)) for _ in range(25)])
    leader.deliver()
    leader.close()
    (tmp_path / "cursors.json").write_bytes(b"noise")
    journal.maintain()
    assert journal.is_full


@pytest.mark.parametrize(
    ("bound", "processes", "longest"),
    [
        (1 * MIB, 1, 256 * KIB),
        (1 * MIB, 8, 32 * KIB),
        (1 * MIB, 100, 16 * KIB),
        (16 * MIB, 6, 16 * MIB // 24),
        (2048 * MIB, 8, 4 * MIB),
    ],
)
def test_newest_segments_of_all_processes_take_a_fourth_of_the_bound(
    make_journal: MakeJournal, tmp_path: Path, bound: int, processes: int, longest: int
) -> None:
    """Each has 16 KiB at least, as each costs a file."""
    journal = make_journal(max_size=bound)
    journal.open()
    make_live_files(tmp_path, processes - 1)
    journal.maintain()
    size = 4 * KIB
    while len(segments(tmp_path)) < 3:
        journal.record([message(bytes(size))])
    for path in segments(tmp_path)[:2]:
        assert longest <= path.stat().st_size <= longest + 2 * size


def test_copies_of_open_intents_are_not_most_of_what_is_written(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(max_size=1 * MIB, segment_size=2000)
    for number in range(100):
        journal.begin(number.to_bytes(16), bytes(300))
    recorded = record_each(journal, [message(bytes(500)) for _ in range(200)])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)
    assert sum(path.stat().st_size for path in segments(tmp_path)) < 3 * 200 * 600


def test_full_disk_gets_back_what_is_delivered(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest segment is never removed. On a full disk it ends, so that it can be."""
    leader = FakeLeader(tmp_path)
    journal = make_journal()
    record_each(journal, [message(bytes(1000)) for _ in range(25)])
    leader.deliver()
    monkeypatch.setattr("glance_notify_middleware.journal.capacity.MIN_FREE", 2**60)
    for _ in range(2):
        journal.maintain()
        leader.deliver()
        leader.survey(journal.identity)
    assert journal.is_full
    assert sum(path.stat().st_size for path in segments(tmp_path)) < 1000
    leader.close()


def test_journal_takes_forty_times_its_bound_while_it_is_delivered(tmp_path: Path) -> None:
    """The disk never holds much more than twice the bound."""
    leader = FakeLeader(tmp_path)
    journal = Journal(tmp_path, max_size=100_000)
    most, found, recorded = 0, list[str](), list[str]()
    for _ in range(40):
        recorded += record_each(journal, [message(bytes(1000)) for _ in range(90)])
        most = max(most, sum(path.stat().st_size for path in tmp_path.iterdir()))
        found += leader.deliver()
        leader.survey(journal.identity)
        journal.maintain()
        assert not journal.is_full
    assert found == recorded
    assert most < 2 * 100_000 * 1.25
    leader.close()
    journal.close()
