"""A living process is taken for dead: its segments are read to their end, then removed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.open_intents import read_open_intents
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import Journal
from tests.journal.fake_leader import FakeLeader, journal_file_names, read_totals
from tests.journal.processes import living_writer, looks_dead, taken_for_dead
from tests.journal.sample_journals import (
    MakeJournal,
    ids,
    lost,
    message,
    open_files,
    read,
    record_each,
    segments,
)

SMALL = 1000
OPEN_FILES = 64  # sealed segments that a process keeps open at most


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[FakeLeader]:
    one = FakeLeader(tmp_path)
    yield one
    one.close()


def maintained(journal: Journal) -> Journal:
    """The journal, opened and maintained once."""
    journal.open()
    journal.maintain()
    return journal


@pytest.mark.parametrize("segment_size", [SMALL, 4_000_000])
@pytest.mark.parametrize("count", [1, 40, 200])
def test_entries_recorded_before_a_process_notices_are_recorded_again(
    segment_size: int,
    count: int,
    leader: FakeLeader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many segments they are in: all of these can be removed by then."""
    # They are recorded just after the leader has looked whether more follows.
    monkeypatch.setattr(Reader, "goes_on", lambda *_: False)
    with living_writer(tmp_path, 3, segment_size=segment_size) as writer:
        writer.maintain()
        before = writer.identity
        found = leader.deliver()
        writer.lose_lock()
        recorded = writer.record(2)
        leader.survey()
        found += leader.deliver()
        assert set(recorded) <= set(found)
        recorded += writer.record(count)
        leader.survey()
        found += leader.deliver()
        leader.survey()
        assert before not in {path.name[:16] for path in tmp_path.glob("*.live")}
        writer.maintain()
        recorded += writer.record(5)
        assert writer.identity != before
        for _ in range(3):
            leader.survey()
            found += leader.deliver()
        assert set(recorded) <= set(found)
        assert not looks_dead(tmp_path, writer.identity)


@pytest.mark.parametrize("counts", [(7, 7, 7), (7, 7, 4), (1, 4, 1)])
def test_process_that_loses_its_lock_again_and_again_loses_no_entry(
    counts: tuple[int, int, int], leader: FakeLeader, tmp_path: Path
) -> None:
    """A segment becomes full at one moment or another."""
    before, meanwhile, after = counts
    recorded, found = [], []
    with living_writer(tmp_path, segment_size=SMALL) as writer:
        for _ in range(12):
            writer.lose_lock()
            recorded += writer.record(before)
            leader.survey()
            found += leader.deliver()
            recorded += writer.record(meanwhile)
            leader.survey()
            recorded += writer.record(after)
            writer.maintain()
            found += leader.deliver()
        writer.maintain()
    leader.settle()
    found += leader.deliver()
    assert set(recorded) <= set(found)


def test_process_that_was_taken_for_dead_writes_no_counters_at_a_turnover(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """The process that settles it may be reading the live file."""
    journal = maintained(make_journal(segment_size=SMALL))
    live = live_path(tmp_path, str(journal.identity))
    before = live.read_bytes()
    with taken_for_dead(tmp_path, str(journal.identity)):
        record_each(journal, [message() for _ in range(20)])
        assert len(segments(tmp_path)) > 1
        assert live.read_bytes() == before


def test_segments_that_are_delivered_and_removed_are_not_recorded_again(
    leader: FakeLeader, tmp_path: Path
) -> None:
    recorded, found = [], []
    with living_writer(tmp_path, segment_size=SMALL) as writer:
        for _ in range(5):
            recorded += writer.record(50)
            found += leader.deliver()
            leader.survey()
            writer.maintain()
    found += leader.deliver()
    assert found == recorded


def test_delivered_entries_are_not_recorded_again_under_the_next_identity(
    make_journal: MakeJournal, leader: FakeLeader, tmp_path: Path
) -> None:
    journal = maintained(make_journal(segment_size=SMALL))
    record_each(journal, [message() for _ in range(20)])
    leader.deliver()
    leader.survey(journal.identity)
    rest = record_each(journal, [message() for _ in range(20)])
    with taken_for_dead(tmp_path, str(journal.identity)):
        before = str(journal.identity)
        journal.maintain()
        new = [path for path in segments(tmp_path) if not path.name.startswith(before)]
        for path in segments(tmp_path):
            if path not in new:
                path.unlink()
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (rest, 0)


@pytest.mark.parametrize("pattern", ["*.seg", "*"])
def test_segments_that_somebody_has_removed_are_recorded_again_in_their_order(
    pattern: str, make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Among them segments that were sealed since the process last saw that it counts as alive."""
    journal = maintained(make_journal(segment_size=SMALL))
    recorded = record_each(journal, [message() for _ in range(20)])
    assert len(segments(tmp_path)) > 2
    for path in tmp_path.glob(pattern):
        path.unlink()
    recorded += record_each(journal, [message() for _ in range(1)])
    journal.maintain()
    recorded += record_each(journal, [message() for _ in range(3)])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_sealed_segments_that_were_removed_alone_are_recorded_again(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = maintained(make_journal(segment_size=SMALL))
    recorded = record_each(journal, [message() for _ in range(20)])
    for path in segments(tmp_path)[:-1]:
        path.unlink()
    journal.maintain()
    assert sorted(ids(read(tmp_path))) == sorted(recorded)


def test_sealed_segments_that_are_open_are_bounded(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Also while maintenance does not run, and segments are turned over as before."""
    journal = maintained(make_journal(segment_size=SMALL))
    before = len(open_files(tmp_path))
    recorded = record_each(journal, [message() for _ in range(1500)])
    assert len(open_files(tmp_path)) <= before + OPEN_FILES
    assert len(segments(tmp_path)) > 2 * OPEN_FILES
    journal.maintain()
    assert len(open_files(tmp_path)) <= before
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_newest_segment_grows_while_the_process_may_be_taken_for_dead(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = maintained(make_journal(segment_size=SMALL))
    before = len(open_files(tmp_path))
    with taken_for_dead(tmp_path, str(journal.identity)):
        recorded = record_each(journal, [message() for _ in range(1000)])
        assert len(segments(tmp_path)) <= OPEN_FILES + 2
        for path in segments(tmp_path):
            path.unlink()
        journal.maintain()
    assert set(recorded) == set(ids(read(tmp_path)))
    journal.maintain()
    assert len(open_files(tmp_path)) <= before


def test_open_intents_go_on_under_the_next_identity_alone(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """A reader of the first identity's segments reports no unknown outcome from then on."""
    journal = maintained(make_journal())
    key = bytes(range(16))
    journal.begin(key, b"facts")
    before = str(journal.identity)
    with taken_for_dead(tmp_path, before):
        journal.maintain()
        for identity, is_open in ((before, False), (str(journal.identity), True)):
            left = read_open_intents(tmp_path, identity, [0])
            assert left is not None
            assert (key in left.by_key) is is_open


def test_counters_of_a_process_taken_for_dead_are_added_once(
    leader: FakeLeader, tmp_path: Path
) -> None:
    with living_writer(tmp_path, 4) as writer:
        writer.maintain()
        leader.deliver()
        writer.lose_lock()
        for _ in range(3):
            leader.survey()
            leader.deliver()
        assert read_totals(tmp_path) == ({"image.update INFO": 4}, {})
        writer.maintain()
        writer.record(1)
        writer.maintain()
        writer.kill()
        leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 5}, {})


def test_missing_live_file_is_made_again_under_the_same_identity(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = maintained(make_journal(segment_size=SMALL))
    recorded = record_each(journal, [message() for _ in range(20)])
    before = str(journal.identity)
    live_path(tmp_path, before).unlink()
    journal.maintain()
    assert journal.identity == before
    assert not looks_dead(tmp_path, before)
    assert ids(read(tmp_path)) == recorded
