"""What is done for a journal once a second: its lock, its live file, its segments, its threads."""

import errno
import os
import threading
from pathlib import Path

import pytest

from glance_notify_middleware.journal import checksummed, segment_writer
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import MAINTENANCE, Journal
from tests.journal.processes import looks_dead, refuse_thread, taken_for_dead
from tests.journal.sample_journals import (
    GIB,
    MakeJournal,
    ids,
    lost,
    message,
    read,
    record_each,
    segments,
)


def opened(journal: Journal) -> tuple[Journal, Path]:
    """The journal, which is opened, and the path of its live file."""
    journal.open()
    assert journal.identity is not None
    return journal, live_path(journal.directory, journal.identity)


def test_live_file_is_locked_and_holds_the_counters(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal, live = opened(make_journal())
    assert not looks_dead(tmp_path, str(journal.identity))
    record_each(journal, [message(), message()])
    journal.maintain()
    assert checksummed.load(live) == journal.counters()
    assert checksummed.load(live) == {
        "number": 2,
        "place": [0, segments(tmp_path)[0].stat().st_size],
        "recorded": {"image.update INFO": 2},
        "dropped": {},
    }


def test_shorter_counters_can_follow_longer_ones(make_journal: MakeJournal, tmp_path: Path) -> None:
    journal, live = opened(make_journal())
    live.write_bytes(checksummed.dumps({"longer": "x" * 500}))
    journal.maintain()
    assert checksummed.load(live) == journal.counters()


def test_live_file_that_was_removed_is_made_again_and_locked(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal, live = opened(make_journal())
    journal.record([message()])
    journal.maintain()
    live.unlink()
    journal.maintain()
    assert not looks_dead(tmp_path, str(journal.identity))
    assert checksummed.load(live) == journal.counters()


def test_live_file_that_cannot_be_made_again_costs_no_other_file(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """The number of a descriptor that was closed is soon that of another file, as of an image."""
    journal, live = opened(make_journal())
    in_the_way = live.with_suffix(".new")
    in_the_way.touch()
    live.unlink()
    with pytest.raises(FileExistsError):
        journal.maintain()
    others = [os.open(tmp_path / f"image-{number}", os.O_RDWR | os.O_CREAT) for number in range(9)]
    try:
        in_the_way.unlink(missing_ok=True)
        journal.record([message()])
        journal.maintain()
        assert [os.fstat(fd).st_size for fd in others] == [0] * 9
        assert not looks_dead(tmp_path, str(journal.identity))
    finally:
        for fd in others:
            os.close(fd)


def test_segment_that_was_removed_is_read_whole_from_a_new_one(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    recorded = record_each(journal, [message() for _ in range(20)])
    segments(tmp_path)[0].unlink()
    recorded += record_each(journal, [message() for _ in range(5)])
    journal.maintain()
    recorded += record_each(journal, [message() for _ in range(5)])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_segment_that_was_removed_from_a_full_journal_is_written_again(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Somebody removes it to make room. A full journal begins another segment by itself."""
    journal = make_journal(max_size=100_000)
    recorded = record_each(journal, [message() for _ in range(20)])
    segments(tmp_path)[0].unlink()
    in_the_way = tmp_path / f"{'0' * 16}.0.seg"
    in_the_way.write_bytes(bytes(200_000))
    journal.maintain()
    assert journal.is_full
    in_the_way.unlink()
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_reader_of_a_removed_segment_misses_nothing_and_counts_no_loss(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    recorded = record_each(journal, [message() for _ in range(20)])
    reader = Reader(tmp_path, {})
    steps = reader.read(12)
    segments(tmp_path)[0].unlink()
    recorded += record_each(journal, [message() for _ in range(5)])
    steps += reader.read(500)
    journal.maintain()
    recorded += record_each(journal, [message() for _ in range(5)])
    steps += reader.read(500)
    reader.close()
    assert lost(steps) == 0
    assert list(dict.fromkeys(ids(steps))) == recorded


def test_directory_that_was_moved_away_is_made_again_with_the_open_segments(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    directory = tmp_path / "journal"
    directory.mkdir()
    journal, _ = opened(make_journal(directory))
    recorded = record_each(journal, [message() for _ in range(5)])
    journal.maintain()
    directory.rename(tmp_path / "elsewhere")
    recorded += record_each(journal, [message() for _ in range(5)])
    journal.maintain()
    recorded += record_each(journal, [message() for _ in range(5)])
    assert not looks_dead(directory, str(journal.identity))
    steps = read(directory)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_segment_that_was_removed_twice_is_read(make_journal: MakeJournal, tmp_path: Path) -> None:
    journal = make_journal(segment_size=1500)
    recorded = record_each(journal, [message(bytes(100)) for _ in range(3)])
    for _ in range(2):
        for path in segments(tmp_path):
            path.unlink()
        journal.maintain()
    recorded += record_each(journal, [message(bytes(100)) for _ in range(20)])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_process_that_was_taken_for_dead_goes_on_under_a_new_identity(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Something in it closed its live file, which dropped the lock; another process took it."""
    journal, _ = opened(make_journal())
    recorded = record_each(journal, [message(), message()])
    before = str(journal.identity)
    with taken_for_dead(tmp_path, before):
        recorded += record_each(journal, [message()])
        journal.maintain()
        assert journal.identity != before
        assert not looks_dead(tmp_path, str(journal.identity))
        recorded += record_each(journal, [message()])
    assert list(dict.fromkeys(ids(read(tmp_path)))) == recorded


def test_entry_recorded_after_a_process_was_read_as_dead_is_not_lost(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal, _ = opened(make_journal())
    recorded = record_each(journal, [message(), message()])
    with taken_for_dead(tmp_path, str(journal.identity)):
        steps = read(tmp_path)
        recorded += record_each(journal, [message()])
        segments(tmp_path)[0].unlink()
        journal.maintain()
        recorded += record_each(journal, [message()])
        steps += read(tmp_path)
    assert list(dict.fromkeys(ids(steps))) == recorded
    assert lost(steps) == 0


def test_entries_that_cannot_be_recorded_again_at_once_are_recorded_later(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    journal, _ = opened(make_journal())
    recorded = record_each(journal, [message(), message()])
    with taken_for_dead(tmp_path, str(journal.identity)):
        segments(tmp_path)[0].unlink()
        with monkeypatch.context() as patch:
            patch.setattr(segment_writer, "Segment", no_room)
            with pytest.raises(OSError, match="No space"):
                journal.maintain()
        journal.maintain()
        recorded += record_each(journal, [message()])
    assert ids(read(tmp_path)) == recorded


def test_lock_that_was_dropped_is_taken_again(make_journal: MakeJournal, tmp_path: Path) -> None:
    journal, live = opened(make_journal())
    before = str(journal.identity)
    live.read_bytes()
    assert looks_dead(tmp_path, before)
    journal.maintain()
    assert journal.identity == before
    assert not looks_dead(tmp_path, before)


def test_live_file_gets_its_name_when_it_is_locked(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise another process could take it for that of a dead process at that moment."""
    named: list[Path] = []
    dead: list[bool] = []
    link = os.link

    def watched(temporary: Path, path: Path) -> None:
        named.extend(tmp_path.glob("*.live"))
        link(temporary, path)
        dead.append(looks_dead(tmp_path, path.name[:16]))

    monkeypatch.setattr(os, "link", watched)
    opened(make_journal())
    assert (named, dead) == ([], [False])


def test_thread_of_one_name_is_started_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    assert journal.threads.start("relays", lambda: None)
    assert not journal.is_maintained
    assert journal.threads.start(MAINTENANCE, lambda: None)
    assert journal.is_maintained
    assert not journal.threads.start(MAINTENANCE, lambda: None)


def test_thread_that_cannot_be_started_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_thread)
        with pytest.raises(RuntimeError):
            journal.threads.start(MAINTENANCE, lambda: None)
    assert not journal.is_maintained
    assert journal.threads.start(MAINTENANCE, lambda: None)


def test_segment_that_is_nearly_full_is_followed_before_a_request_has_to(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal, _ = opened(make_journal(segment_size=100_000))
    sent = record_each(journal, [message(b"x" * 10_000) for _ in range(7)])
    journal.maintain()
    assert len(segments(tmp_path)) == 1
    sent += record_each(journal, [message(b"x" * 10_000)])
    journal.maintain()
    assert len(segments(tmp_path)) == 2
    sent += record_each(journal, [message(b"x" * 10_000) for _ in range(2)])
    assert len(segments(tmp_path)) == 2
    assert ids(read(tmp_path)) == sent


def test_segment_that_cannot_be_followed_in_time_is_followed_when_it_is_full(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal, _ = opened(make_journal(segment_size=100_000))
    in_the_way = tmp_path / f"{journal.identity}.1.seg"
    in_the_way.mkdir()
    sent = record_each(journal, [message(b"x" * 10_000) for _ in range(9)])
    journal.maintain()
    sent += record_each(journal, [message(b"x" * 10_000) for _ in range(2)])
    in_the_way.rmdir()
    assert [path.name for path in segments(tmp_path)] == [
        f"{journal.identity}.{number}.seg" for number in (0, 2)
    ]
    assert set(ids(read(tmp_path))) == set(sent)
    assert lost(read(tmp_path)) == 0
