"""A journal that cannot be written counts as full until maintenance can write; no request tries."""

import contextlib
import errno
import math
import os
import resource
import signal
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware.journal.writer import Journal, NotWrittenError
from tests.journal.processes import pipe, run_in_process
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
from tests.this_thread import here

TROUBLES = ("EROFS", "EDQUOT", "EIO", "EFBIG", "ENOSPC")
KEY = bytes(range(16))
"""The key of an intent."""


class Disk:
    """Counts the calls that make or write a file; refuses all after the first `takes`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trouble = errno.EIO
        self.asked = 0
        self.takes = math.inf
        self._write, self._open = os.write, os.open
        monkeypatch.setattr(os, "write", here(self.write, os.write))
        monkeypatch.setattr(os, "open", here(self.open, os.open))

    def breaks(self, *, after: int = 0, trouble: int = errno.EIO) -> None:
        self.trouble, self.asked, self.takes = trouble, 0, after

    def heals(self) -> None:
        self.takes = math.inf

    def write(self, fd: int, data: bytes) -> int:
        self._ask()
        return self._write(fd, data)

    def open(self, path: str, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            self._ask()
        return self._open(path, flags, mode)

    def _ask(self) -> None:
        self.asked += 1
        if self.asked > self.takes:
            raise OSError(self.trouble, os.strerror(self.trouble))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    one = Disk(monkeypatch)
    yield one
    one.heals()


def assert_no_request_tries(journal: Journal, disk: Disk) -> None:
    """Each of 50 requests is refused, and none of them makes or writes a file."""
    disk.asked = 0
    for _ in range(50):
        journal.begin(KEY, b"facts")
        with pytest.raises(NotWrittenError, match=os.strerror(disk.trouble)):
            journal.record([message()])
        journal.end(KEY)
    assert disk.asked == 0


@pytest.mark.parametrize("name", TROUBLES)
def test_journal_is_full_after_a_failed_write_until_maintenance_can_write(
    name: str, make_journal: MakeJournal, tmp_path: Path, disk: Disk
) -> None:
    journal = make_journal()
    journal.open()
    journal.maintain()
    recorded = record_each(journal, [message()])
    disk.breaks(trouble=getattr(errno, name))
    with pytest.raises(NotWrittenError, match=os.strerror(disk.trouble)):
        journal.record([message()])
    assert journal.is_full
    assert_no_request_tries(journal, disk)
    for _ in range(3):
        with pytest.raises(OSError, match=os.strerror(disk.trouble)):
            journal.maintain()
        assert journal.is_full
    disk.heals()
    journal.maintain()
    assert not journal.is_full
    recorded += record_each(journal, [message()])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)
    assert journal.counters()["dropped"] == {"disk": 51}
    assert len(list(tmp_path.iterdir())) == 2


def test_journal_is_full_after_an_intent_that_could_not_be_written(
    make_journal: MakeJournal, disk: Disk
) -> None:
    journal = make_journal()
    journal.open()
    disk.breaks()
    journal.begin(KEY, b"facts")
    assert journal.is_full


def test_end_of_an_intent_waits_until_the_trouble_is_over(
    make_journal: MakeJournal, tmp_path: Path, disk: Disk
) -> None:
    journal = make_journal()
    journal.open()
    keys = [bytes([number]) * 16 for number in b"abc"]
    for key in keys:
        journal.begin(key, b"facts")
    disk.breaks()
    journal.end(keys[0])
    disk.asked = 0
    journal.end(keys[1])
    assert disk.asked == 0
    disk.heals()
    journal.maintain()
    written = segments(tmp_path)[0].read_bytes()
    assert [written.count(key) for key in keys] == [2, 2, 1]


def test_segment_that_cannot_be_written_is_followed_by_another(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a block of the disk is bad."""
    journal = make_journal()
    journal.open()
    journal.begin(KEY, b"facts")
    recorded = record_each(journal, [message()])
    bad = segments(tmp_path)[0].stat().st_ino
    write = os.write

    def fail(fd: int, data: bytes) -> int:
        if os.fstat(fd).st_ino == bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return write(fd, data)

    monkeypatch.setattr(os, "write", fail)
    with pytest.raises(NotWrittenError):
        journal.record([message()])
    journal.maintain()
    recorded += record_each(journal, [message()])
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)
    assert KEY in segments(tmp_path)[1].read_bytes()


@pytest.mark.parametrize("name", TROUBLES)
@pytest.mark.parametrize("after", [0, 1, 2], ids=["no live file", "no segment", "no head in it"])
def test_journal_that_cannot_be_opened_leaves_nothing_and_no_request_tries_it(
    name: str, after: int, make_journal: MakeJournal, tmp_path: Path, disk: Disk
) -> None:
    journal = make_journal()
    for _ in range(3):
        disk.breaks(after=after, trouble=getattr(errno, name))
        with pytest.raises(OSError, match=os.strerror(disk.trouble)):
            journal.open()
        assert list(tmp_path.iterdir()) == []
    assert journal.is_full
    assert_no_request_tries(journal, disk)
    assert list(tmp_path.iterdir()) == []
    disk.heals()
    journal.open()
    journal.maintain()
    assert not journal.is_full
    recorded = record_each(journal, [message()])
    assert ids(read(tmp_path)) == recorded


def test_request_before_a_journal_can_be_opened_leaves_nothing(
    make_journal: MakeJournal, tmp_path: Path, disk: Disk
) -> None:
    journal = make_journal()
    for _ in range(3):
        disk.breaks(after=2)
        with pytest.raises(NotWrittenError):
            journal.record([message()])
        assert list(tmp_path.iterdir()) == []


def test_journal_without_maintenance_tries_each_record(
    make_journal: MakeJournal, tmp_path: Path, disk: Disk
) -> None:
    """As under uWSGI without threads: nothing there would find that the trouble is over."""
    journal = make_journal()
    recorded = record_each(journal, [message()])
    disk.breaks()
    with pytest.raises(NotWrittenError):
        journal.record([message()])
    assert not journal.is_full
    disk.heals()
    recorded += record_each(journal, [message()])
    assert ids(read(tmp_path)) == recorded


def test_disk_on_which_a_few_bytes_fit_is_still_full(
    make_journal: MakeJournal, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The free bytes of a disk do not show a quota: one entry may fit, and the next may not."""
    journal = make_journal()
    journal.open()
    disk.breaks(trouble=errno.EDQUOT)
    with pytest.raises(NotWrittenError):
        journal.record([message()])
    disk.heals()
    write, room = os.write, [4096]

    def short(fd: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        written = write(fd, data[: room[0]])
        room[0] -= written
        return written

    monkeypatch.setattr(os, "write", short)
    with pytest.raises(OSError, match="quota"):
        journal.maintain()
    assert journal.is_full


def record_at_the_size_limit(directory: Path, result: Connection) -> None:
    """Record beyond a limit of 100,000 bytes, maintained as in a server; then lift the limit."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
    journal = Journal(directory, max_size=GIB)
    journal.open()
    recorded, refused = [], 0
    for number in range(600):
        each = message(bytes(400))
        try:
            journal.record([each])
            recorded.append(each.message_id)
        except NotWrittenError:
            refused += 1
            if number % 100 == 0:
                with contextlib.suppress(OSError):
                    journal.maintain()
        if number == 400:
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            journal.maintain()
    result.send((recorded, refused, journal.counters()["dropped"]))


def test_journal_is_full_at_the_file_size_limit_until_that_is_lifted(tmp_path: Path) -> None:
    receiver, sender = pipe()
    run_in_process(record_at_the_size_limit, tmp_path, sender)
    recorded, refused, dropped = receiver.recv()
    assert refused + len(recorded) == 600
    assert 100 + 199 < len(recorded) < 300 + 199
    assert dropped == {"disk": refused}
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded, 0)
