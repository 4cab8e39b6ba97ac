"""What the thread of a request does: it appends an entry. The failures are in test_disk."""

import errno
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import NotWrittenError
from tests.journal.sample_journals import (
    MakeJournal,
    ids,
    lost,
    message,
    numbers,
    read,
    record_each,
    segments,
)
from tests.this_thread import here


def test_entry_is_one_write(make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = make_journal()
    journal.open()
    writes = []
    write = os.write

    def counting(fd: int, data: bytes) -> int:
        writes.append(data)
        return write(fd, data)

    monkeypatch.setattr(os, "write", here(counting, write))
    journal.record([message(), message()])
    assert len(writes) == 1
    assert [entry.count for entry in entries.scan(writes[0])] == [2]


def test_entries_are_read_in_the_order_of_recording(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    recorded = record_each(make_journal(), [message() for _ in range(50)])
    steps = read(tmp_path)
    assert ids(steps) == recorded
    assert lost(steps) == 0


def test_journal_makes_no_file_before_it_is_opened(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    journal.maintain()
    assert (journal.identity, list(tmp_path.iterdir())) == (None, [])
    journal.open()
    journal.open()
    names = {f"{journal.identity}.live", f"{journal.identity}.0.seg"}
    assert {path.name for path in tmp_path.iterdir()} == names
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_full_segment_is_followed_by_another_and_the_numbers_go_on(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(segment_size=2000)
    recorded = record_each(journal, [message(bytes(100)) for _ in range(60)])
    assert len(segments(tmp_path)) > 4
    assert numbers(tmp_path) == list(range(60))
    assert ids(read(tmp_path)) == recorded


@pytest.mark.parametrize("sync", [False, True])
def test_messages_too_long_for_one_entry_stand_in_several(
    sync: bool, make_journal: MakeJournal, tmp_path: Path
) -> None:
    """The last of them ends the intent: a process that dies before that leaves the intent open."""
    journal = make_journal(sync=sync)
    key = bytes(range(16))
    journal.begin(key, b"[]")
    made = [message(bytes(256 * 1024)) for _ in range(40)]
    journal.record(made, key)
    steps = read(tmp_path)
    assert [each for step in steps for each in step.messages] == made
    assert lost(steps) == 0
    assert numbers(tmp_path) == [0, 15, 30]
    ends = [
        each.body[: entries.KEY_SIZE] == key
        for path in segments(tmp_path)
        for each in entries.scan(path.read_bytes())
        if each.kind == entries.Kind.EVENTS
    ]
    assert ends == [False, False, True]


def test_message_too_long_for_an_entry_is_an_error_and_hides_no_other(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    with pytest.raises(NotWrittenError, match="an entry has 4194304 bytes at most"):
        journal.record([message(bytes(entries.MAX_BODY))])
    assert journal.counters()["dropped"] == {"too long": 1}
    recorded = record_each(journal, [message()])
    assert ids(read(tmp_path)) == recorded


def test_intent_too_long_for_an_entry_is_not_recorded(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Nothing is lost: the events of the operation, which are shorter, can still be recorded."""
    journal = make_journal()
    key = bytes(range(16))
    journal.begin(key, bytes(entries.MAX_BODY))
    journal.progress(key, b"{}")
    made = message()
    journal.record([made], key)
    journal.begin(key, b"{}")
    journal.progress(key, bytes(entries.MAX_BODY))
    assert ids(read(tmp_path)) == [made.message_id]


def test_segment_grows_while_no_other_can_be_made(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(segment_size=1000)
    journal.open()

    def refuse(*_: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        recorded = record_each(journal, [message(bytes(100)) for _ in range(20)])
    assert len(segments(tmp_path)) == 1
    recorded += record_each(journal, [message(bytes(100)) for _ in range(20)])
    assert len(segments(tmp_path)) > 1
    assert ids(read(tmp_path)) == recorded
    assert numbers(tmp_path) == list(range(40))


def test_threads_lose_no_entry(make_journal: MakeJournal, tmp_path: Path) -> None:
    journal = make_journal(segment_size=20_000)

    def record(_: int) -> list[str]:
        return record_each(journal, [message(bytes(200)) for _ in range(100)])

    with ThreadPoolExecutor(8) as threads:
        recorded = [each for part in threads.map(record, range(8)) for each in part]
    steps = read(tmp_path)
    assert sorted(ids(steps)) == sorted(recorded)
    assert numbers(tmp_path) == list(range(800))
    assert lost(steps) == 0


def test_threads_that_record_first_make_one_journal(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: journal.record([message()]), range(8)))
    assert len(list(tmp_path.iterdir())) == 2


def test_clocks_of_a_segment_never_go_back(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread has taken the clock, and is held up while another records."""
    journal = make_journal()
    journal.open()
    clock = iter([100, 200])
    has_its_time, other_is_done = threading.Event(), threading.Event()

    def slow(_: int) -> int:
        value = next(clock)
        if value == 100:
            has_its_time.set()
            other_is_done.wait(0.3)
        return value

    monkeypatch.setattr(time, "clock_gettime_ns", slow)
    first = threading.Thread(target=journal.record, args=([message()],))
    first.start()
    assert has_its_time.wait(30)
    journal.record([message()])
    other_is_done.set()
    first.join()
    clocks = [entry.clock for entry in entries.scan(segments(tmp_path)[0].read_bytes())]
    assert clocks[2:] == [100, 200]


def test_counters_have_events_by_type_and_priority(make_journal: MakeJournal) -> None:
    journal = make_journal()
    journal.record([message(), message(event_type="image.create")])
    journal.record([message(), message(priority=Priority.ERROR)])
    counters = journal.counters()
    assert counters.pop("place")
    assert counters == {
        "number": 4,
        "recorded": {"image.update INFO": 2, "image.create INFO": 1, "image.update ERROR": 1},
        "dropped": {},
    }


def test_positions_of_a_reader_stay_valid_while_the_journal_is_written(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(segment_size=700)
    reader = Reader(tmp_path, {})
    recorded: list[Message] = []
    found = []
    for _ in range(30):
        recorded.append(message(bytes(100)))
        journal.record([recorded[-1]])
        found += ids(reader.read(500))
    reader.close()
    assert found == [each.message_id for each in recorded]
