"""A disk that is full, or slow: what cannot be written is reported and counted."""

import errno
import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from tests.journal.fake_leader import FakeLeader
from tests.journal.processes import pipe, run_in_process
from tests.journal.sample_journals import (
    GIB,
    MakeJournal,
    ids,
    lost,
    message,
    numbers,
    open_files,
    read,
    record_each,
    segments,
)


def failing(
    monkeypatch: pytest.MonkeyPatch, kept: int | None, times: int = 1
) -> pytest.MonkeyPatch:
    """The next `times` writes write `kept` bytes each; None: they raise."""
    left = [times]
    write = os.write

    def fail(fd: int, data: bytes) -> int:
        if not left[0]:
            return write(fd, data)
        left[0] -= 1
        if kept is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:kept])

    monkeypatch.setattr(os, "write", fail)
    return monkeypatch


@pytest.mark.parametrize("kept", [None, 0, 1, 20, 40, 100])
def test_entry_that_cannot_be_written_is_reported_and_counted_and_hides_no_other(
    kept: int | None, make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal()
    recorded = record_each(journal, [message(), message()])
    failing(monkeypatch, kept, times=3)
    for _ in range(3):
        with pytest.raises(NotWrittenError, match="the journal cannot be written: "):
            journal.record([message(), message()])
    recorded += record_each(journal, [message(), message()])
    steps = read(tmp_path)
    assert ids(steps) == recorded
    assert numbers(tmp_path) == [0, 1, 2, 3]
    assert lost(steps) == 0, "a dropped message uses up no number"
    assert journal.counters()["dropped"] == {"disk": 6}
    assert journal.counters()["recorded"] == {"image.update INFO": 4}


@pytest.mark.parametrize("kept", [None, 0, 10, 50])
def test_first_entry_of_a_segment_can_fail_like_any_other(
    kept: int | None, make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(segment_size=500)
    dropped, recorded = 0, []
    failing(monkeypatch, kept)
    for number in range(12):
        if number % 3 == 2:
            failing(monkeypatch, kept)
        made = message(bytes(150))
        try:
            journal.record([made])
            recorded.append(made.message_id)
        except NotWrittenError:
            dropped += 1
    assert dropped == 5
    assert journal.counters()["dropped"] == {"disk": 5}
    assert ids(read(tmp_path)) == recorded
    assert lost(read(tmp_path)) == 0


def test_reader_stays_in_a_segment_while_the_next_one_cannot_be_begun(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(segment_size=500)
    reader = Reader(tmp_path, {})
    recorded = record_each(journal, [message(bytes(600))])
    steps = []

    def fail(fd: int, data: bytes) -> int:
        monkeypatch.undo()
        steps.extend(reader.read(500))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", fail)
    recorded += record_each(journal, [message(bytes(100))])
    recorded += record_each(journal, [message(bytes(600)) for _ in range(3)])
    steps += reader.read(500)
    reader.close()
    assert len(segments(tmp_path)) > 1
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_segment_that_could_not_be_begun_leaves_nothing(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(segment_size=500)
    journal.record([message(bytes(600))])
    open_before = sorted(each for each in open_files() if each.startswith(str(tmp_path)))
    failing(monkeypatch, 10)
    journal.record([message()])
    assert len(segments(tmp_path)) == 1
    assert not list(tmp_path.glob("*.new"))
    assert sorted(each for each in open_files() if each.startswith(str(tmp_path))) == open_before


def test_missing_directory_is_named_in_the_error_of_each_record(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(tmp_path / "gone")
    for _ in range(2):
        with pytest.raises(NotWrittenError, match="No such file or directory"):
            journal.record([message()])
    (tmp_path / "gone").mkdir()
    journal.record([message()])
    assert journal.counters()["dropped"] == {"disk": 2}
    assert len(ids(read(tmp_path / "gone"))) == 1


def test_full_journal_drops_and_counts_until_there_is_room_again(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(max_size=10_000)
    ballast = tmp_path / "ballast"

    def fill(size: int) -> bool:
        rest = sum(path.stat().st_size for path in tmp_path.iterdir() if path != ballast)
        ballast.write_bytes(bytes(size - rest))
        journal.maintain()
        return journal.is_full

    journal.record([message()])
    journal.maintain()
    assert not fill(9_999)
    assert fill(10_000)
    for _ in range(2):
        with pytest.raises(NotWrittenError, match="the journal is full"):
            journal.record([message(), message()])
    assert journal.counters()["dropped"] == {"full": 4}
    assert fill(9_001), "the live file has grown; still not below 90 %"
    assert not fill(8_999)
    assert not fill(9_999)
    journal.record([message()])
    assert numbers(tmp_path) == [0, 1]


def test_full_journal_has_room_again_when_all_is_delivered(tmp_path: Path) -> None:
    """Also when it has one segment alone, which is not removed while its process lives."""
    leader = FakeLeader(tmp_path)
    journal = Journal(tmp_path, max_size=10_000)
    recorded = record_each(journal, [message(bytes(1000)) for _ in range(10)])
    journal.maintain()
    assert journal.is_full
    for _ in range(3):
        assert leader.deliver() == recorded
        leader.survey(journal.identity)
        journal.maintain()
        recorded = []
    assert not journal.is_full
    recorded = record_each(journal, [message()])
    assert leader.deliver() == recorded
    leader.close()
    journal.close()


def test_disk_with_less_than_a_mebibyte_free_counts_as_full(
    make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    journal = make_journal()
    of_the_disk = os.statvfs(tmp_path)
    fields = list(of_the_disk)
    fields[4] = 1024 * 1024 // of_the_disk.f_frsize - 1
    monkeypatch.setattr(os, "statvfs", lambda _: os.statvfs_result(fields))
    journal.maintain()
    assert journal.is_full
    fields[4] += 1
    journal.maintain()
    assert not journal.is_full


def record_up_to_the_size_limit(directory: Path, result: Connection) -> None:
    """Record until the file is at its size limit, and go on after that."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_011, 20_011))
    journal = Journal(directory, max_size=GIB)
    recorded = []
    for _ in range(100):
        each = message(bytes(400))
        try:
            journal.record([each])
            recorded.append(each.message_id)
        except NotWrittenError:
            continue
    result.send((recorded, journal.counters()))


def test_file_at_its_size_limit_keeps_its_entries(tmp_path: Path) -> None:
    """The kernel makes a short write there, and returns an error after that."""
    receiver, sender = pipe()
    run_in_process(record_up_to_the_size_limit, tmp_path, sender)
    recorded, counters = receiver.recv()
    assert 30 < len(recorded) < 50
    assert counters["dropped"] == {"disk": 100 - len(recorded)}
    assert segments(tmp_path)[0].stat().st_size == 20_011, "one entry is torn"
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)


def test_record_returns_with_sync_when_the_entry_is_on_the_disk(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal(sync=True, segment_size=600)
    synced: list[tuple[int, int]] = []
    sync = os.fdatasync

    def watched(fd: int) -> None:
        sync(fd)
        synced.append((os.fstat(fd).st_ino, os.fstat(fd).st_size))

    monkeypatch.setattr(os, "fdatasync", watched)
    for _ in range(5):
        journal.record([message(bytes(200))])
        newest = segments(tmp_path)[-1].stat()
        assert synced[-1] == (newest.st_ino, newest.st_size)
    assert len(segments(tmp_path)) > 1


@pytest.mark.parametrize("name", ["fsync", "fdatasync", "dup"])
def test_entry_that_cannot_be_synced_is_in_the_journal(
    name: str,
    make_journal: MakeJournal,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    journal = make_journal(sync=True, segment_size=500)
    reader = Reader(tmp_path, {})
    steps = []
    recorded = []

    def fail(fd: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    for number in range(12):
        with monkeypatch.context() as patched:
            if number % 3 == 2:
                patched.setattr(os, name, fail)
            recorded += record_each(journal, [message(bytes(300))])
        steps += reader.read(500)
    reader.close()
    assert (ids(steps), lost(steps)) == (recorded, 0)
    assert journal.counters()["dropped"] == {}
    assert "events are in the journal, but a power cut may take them" in caplog.text


def test_threads_that_wait_for_the_disk_share_one_sync(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the sync of the first thread runs, nine others record: one more sync serves them."""
    journal = make_journal(sync=True)
    journal.open()
    turns: list[int] = []
    working = threading.Event()
    sync = os.fdatasync

    def slow(fd: int) -> None:
        turns.append(fd)
        if len(turns) == 1:
            working.set()
            while len(numbers(tmp_path)) < 10:
                pass
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", slow)
    with ThreadPoolExecutor(10) as threads:
        first = threads.submit(journal.record, [message()])
        assert working.wait(30)
        others = [threads.submit(journal.record, [message()]) for _ in range(9)]
        for each in [first, *others]:
            each.result(30)
    assert len(turns) == 2


def test_record_without_sync_does_not_wait_for_the_disk(
    make_journal: MakeJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fdatasync", lambda fd: pytest.fail("the disk was waited for"))
    monkeypatch.setattr(os, "fsync", lambda fd: pytest.fail("the disk was waited for"))
    record_each(make_journal(segment_size=500), [message(bytes(100)) for _ in range(20)])
