"""The journal of a dead process is read to its end and delivered; only then it is removed."""

import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType
from glance_notify_middleware.journal import checksummed, entries, locks
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import read_owned
from glance_notify_middleware.journal.layout import live_path, segment_path
from glance_notify_middleware.journal.reader import Reader
from tests.journal.fake_leader import (
    FakeLeader,
    journal_file_names,
    read_totals,
    write_dead_process,
)
from tests.journal.processes import living_writer, looks_dead
from tests.journal.sample_journals import (
    MakeJournal,
    encoded,
    head,
    message,
    of_newer_version,
    open_files,
    record_each,
    segments,
    write_segment,
)

A, B = "a" * 16, "b" * 16


@pytest.fixture
def leader(tmp_path: Path) -> Iterator[FakeLeader]:
    one = FakeLeader(tmp_path)
    yield one
    one.close()


def test_files_of_a_dead_process_go_when_all_is_delivered(
    leader: FakeLeader, tmp_path: Path
) -> None:
    left = write_dead_process(tmp_path, A)
    before = journal_file_names(tmp_path)
    for _ in range(3):
        leader.survey()
        assert leader.read() in (left, [])
    assert journal_file_names(tmp_path) == before, "it is on its way"
    leader.confirm()
    leader.survey()
    assert journal_file_names(tmp_path) == set()
    assert leader.cursors.positions == {}
    assert leader.reader.chains == {}


def test_unread_files_are_not_removed(leader: FakeLeader, tmp_path: Path) -> None:
    write_dead_process(tmp_path, A)
    before = journal_file_names(tmp_path)
    for _ in range(3):
        leader.survey()
    assert journal_file_names(tmp_path) == before


def test_last_entries_of_a_process_are_read_before_it_is_settled(
    leader: FakeLeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Reader, "goes_on", lambda *_: False)  # it does not rest on this look
    with living_writer(tmp_path, 3) as writer:
        assert len(leader.deliver()) == 3
        leader.survey()
        last = writer.record(4)
        writer.kill()
        for _ in range(3):
            leader.survey()
        assert journal_file_names(tmp_path)
        assert leader.deliver() == last
        leader.survey()
    assert journal_file_names(tmp_path) == set()


def test_last_segment_of_a_process_is_read_before_it_is_settled(
    leader: FakeLeader, tmp_path: Path
) -> None:
    write_dead_process(tmp_path, A)
    leader.deliver()
    last = message()
    write_segment(tmp_path, A, [(9, last)], segment=1, number=2)
    for _ in range(3):
        leader.survey()
    assert leader.deliver() == [last.message_id]
    leader.survey()
    assert journal_file_names(tmp_path) == set()


def test_delivered_segments_of_a_living_process_go_except_the_last_one(
    make_journal: MakeJournal, leader: FakeLeader, tmp_path: Path
) -> None:
    journal = make_journal(segment_size=400)
    record_each(journal, [message(bytes(400)) for _ in range(5)])
    own_identity = journal.identity
    leader.read()
    leader.survey(own_identity)
    assert len(segments(tmp_path)) == 5
    leader.confirm()
    leader.survey(own_identity)
    assert journal_file_names(tmp_path) == {f"{own_identity}.4.seg", f"{own_identity}.live"}
    more = record_each(journal, [message(), message()])
    assert leader.deliver() == more


def test_living_process_is_never_settled(leader: FakeLeader, tmp_path: Path) -> None:
    with living_writer(tmp_path, 3) as writer:
        before = journal_file_names(tmp_path)
        for _ in range(3):
            leader.deliver()
            leader.survey()
        assert journal_file_names(tmp_path) == before
        assert leader.read() == []
        more = writer.record(2)
        assert leader.deliver() == more


def test_lock_of_the_leaders_own_process_is_not_taken(
    make_journal: MakeJournal, leader: FakeLeader, tmp_path: Path
) -> None:
    """A second lock of it would be granted: POSIX locks belong to the process."""
    journal = make_journal()
    for _ in range(4):
        recorded = record_each(journal, [message()])
        leader.survey(journal.identity)
        assert leader.settling.held == []
        assert leader.deliver() == recorded
    assert len(journal_file_names(tmp_path)) == 2
    assert not looks_dead(tmp_path, str(journal.identity))


def test_counters_of_dead_processes_are_added_to_the_totals(
    leader: FakeLeader, tmp_path: Path
) -> None:
    write_dead_process(tmp_path, A, 2, dropped={"disk": 3})
    write_dead_process(tmp_path, B, 3, recorded={"image.update INFO": 3, "image.send ERROR": 1})
    leader.settle()
    assert read_totals(tmp_path) == ({"image.update INFO": 5, "image.send ERROR": 1}, {"disk": 3})
    write_dead_process(tmp_path, "c" * 16, 1, dropped={"full": 1})
    leader.settle()
    assert read_totals(tmp_path)[1] == {"disk": 3, "full": 1}


@pytest.mark.parametrize("also_lost", [(), (f"{A}.0.seg",)], ids=["all files left", "segment gone"])
def test_counters_are_added_once_though_the_leader_crashes_before_the_files_are_gone(
    also_lost: tuple[str, ...], leader: FakeLeader, tmp_path: Path
) -> None:
    write_dead_process(tmp_path, A)
    copies = tmp_path / "copies"
    copies.mkdir()
    for name in journal_file_names(tmp_path) - set(also_lost):
        shutil.copy(tmp_path / name, copies)
    leader.settle()
    assert journal_file_names(tmp_path) == set()
    shutil.copytree(copies, tmp_path, dirs_exist_ok=True)
    after = FakeLeader(tmp_path)
    after.settle()
    after.close()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 2}, {})


def test_damaged_counters_hold_up_nothing(leader: FakeLeader, tmp_path: Path) -> None:
    write_dead_process(tmp_path, A)
    live_path(tmp_path, A).write_bytes(os.urandom(300))
    (tmp_path / "totals.json").write_bytes(os.urandom(300))
    leader.settle()
    assert journal_file_names(tmp_path) == set()


def test_locks_of_at_most_64_dead_processes_are_held(leader: FakeLeader, tmp_path: Path) -> None:
    for number in range(200):
        write_dead_process(tmp_path, f"{number:016x}", 1)
    most = 0
    for turn in range(12):
        leader.survey()
        held = [name for name in open_files() if name.endswith(".live")]
        most = max(most, len(held))
        if turn > 1:
            leader.deliver()
    assert most == 64
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path) == ({"image.update INFO": 200}, {})


def test_journals_of_a_newer_version_do_not_hold_up_other_journals(
    leader: FakeLeader, tmp_path: Path
) -> None:
    """They wait for a relay of that version, and there are more of them than locks."""
    for number in range(70):
        path = leave_behind_newer(tmp_path, f"{number:016x}")
        assert path.exists()
    leader.survey()  # the processes that are found first would hold all locks
    left = write_dead_process(tmp_path, "f" * 16)
    found = []
    for _ in range(8):
        leader.survey()
        found += leader.deliver()
    assert found == left
    assert not live_path(tmp_path, "f" * 16).exists()
    assert len(segments(tmp_path)) == 70


def leave_behind_newer(directory: Path, identity: str) -> Path:
    write_dead_process(directory, identity, 0)
    path = segment_path(directory, identity, 0)
    with path.open("ab") as file:
        file.write(of_newer_version(encoded([message()])))
    return path


def test_unreadable_journal_is_logged_once_and_does_not_hold_up_other_journals(
    leader: FakeLeader,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pread, read = os.pread, read_owned

    def broken(path: Path, offset: int = 0) -> bytes:
        if path.name.startswith(A):
            raise OSError(5, "Input/output error")
        return read(path, offset)

    def broken_pread(fd: int, size: int, offset: int) -> bytes:
        if A in os.readlink(f"/proc/self/fd/{fd}"):
            raise OSError(5, "Input/output error")
        return pread(fd, size, offset)

    monkeypatch.setattr("glance_notify_middleware.journal.open_intents.read_owned", broken)
    monkeypatch.setattr(os, "pread", broken_pread)
    write_dead_process(tmp_path, A)
    left = write_dead_process(tmp_path, B)
    found = []
    for _ in range(4):
        leader.survey()
        found += leader.deliver()
    assert found == left
    assert journal_file_names(tmp_path) == {f"{A}.0.seg", f"{A}.live"}
    lines = [line for line in caplog.messages if "cannot be read, synced or removed" in line]
    assert len(lines) == 1


def test_intent_that_ended_in_a_segment_begun_last_has_no_unknown_outcome(
    leader: FakeLeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The segment is begun after the leader has listed the files, before it has the lock."""
    ended, stands = (
        Intent(bytes([n]) * 16, 1.0, "host", EventType.UPLOAD, "upload", "i1", *["x"] * 4)
        for n in (1, 2)
    )
    write_dead_process(tmp_path, A, 0)
    first = segment_path(tmp_path, A, 0)
    with first.open("ab") as file:
        file.write(mark() + begin(ended))
    open_locked = locks.open_locked

    def late(path: Path) -> int | None:
        second = segment_path(tmp_path, A, 1)
        if not second.exists():
            second.write_bytes(head() + begin(ended) + mark() + end(ended) + begin(stands))
        return open_locked(path)

    monkeypatch.setattr(locks, "open_locked", late)
    leader.settle()
    assert leader.unknown == [intent.unknown_outcome(stands, Progress())]


def mark() -> bytes:
    return bare_entry(Kind.MARK)


def begin(begun: Intent) -> bytes:
    return bare_entry(Kind.BEGIN, begun.key + intent.encode(begun))


def end(begun: Intent) -> bytes:
    return bare_entry(Kind.END, begun.key)


def bare_entry(kind: Kind, body: bytes = b"") -> bytes:
    """An entry without notifications."""
    return entries.encode(kind, body, entries.checksum(body), count=0, number=0, clock=1)


def test_loss_at_the_end_of_a_journal_is_logged(
    leader: FakeLeader, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    left = write_dead_process(tmp_path, A, 9)
    (path,) = segments(tmp_path)
    data = path.read_bytes()
    place = data.index(left[6].encode())
    path.write_bytes(data[:place] + os.urandom(len(data) - place))
    assert leader.deliver() == left[:6]
    leader.settle()
    assert [(each.levelno, each.getMessage()) for each in caplog.records] == [
        (logging.ERROR, f"3 notifications are lost: the journal of {A} is damaged at its end")
    ]


def test_process_that_another_leader_has_settled_is_forgotten(
    leader: FakeLeader, tmp_path: Path
) -> None:
    write_dead_process(tmp_path, A)
    leader.deliver()
    for path in [*segments(tmp_path), live_path(tmp_path, A)]:
        path.unlink()
    leader.survey()
    assert leader.cursors.positions == {}
    assert leader.reader.chains == {}


def test_loss_at_the_end_of_a_journal_counts_once_for_each_target(
    leader: FakeLeader, tmp_path: Path
) -> None:
    left = write_dead_process(tmp_path, A, 9)
    (path,) = segments(tmp_path)
    data = path.read_bytes()
    place = data.index(left[6].encode())
    path.write_bytes(data[:place] + os.urandom(len(data) - place))
    leader.settle()
    assert leader.cursors.counts.lost == {"damaged": 3}
    assert leader.cursors.counts.delivered == 6


def test_unknown_outcomes_are_counted_once_in_the_totals(
    leader: FakeLeader, tmp_path: Path
) -> None:
    begun = [
        Intent(bytes([n]) * 16, 1.0, "host", EventType.UPLOAD, "upload", "i1", *["x"] * 4)
        for n in (1, 2, 3)
    ]
    write_dead_process(tmp_path, A, 0)
    with segment_path(tmp_path, A, 0).open("ab") as file:
        file.write(mark() + b"".join(map(begin, begun)))
    leader.survey()
    again = FakeLeader(tmp_path)
    again.settle()
    again.close()
    leader.settle()
    assert len(leader.unknown) == 3
    assert (checksummed.load(tmp_path / "totals.json") or {})["unknown"] == 3


def test_counters_are_kept_while_the_disk_is_full_and_the_segments_go(
    leader: FakeLeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That makes room for the totals. Entries that the live file did not count are not lost."""
    write_dead_process(tmp_path, A, 4, number=1, recorded={"image.update INFO": 1})
    leader.deliver()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(checksummed, "replace", full)
        for _ in range(4):
            leader.survey()
            leader.deliver()
        assert journal_file_names(tmp_path) == {f"{A}.live"}
    leader.survey()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path)[0] == {"image.update INFO": 4}


def test_counters_are_in_the_totals_before_the_segments_go(
    leader: FakeLeader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader is killed when it has removed the segments."""
    write_dead_process(tmp_path, A, 4, number=1, recorded={"image.update INFO": 1})
    for _ in range(2):
        leader.survey()
        leader.deliver()

    class KilledError(BaseException):
        pass

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", killed)
        with pytest.raises(KilledError):
            leader.survey()
    leader.settling.close()
    for path in segments(tmp_path):
        path.unlink()
    again = FakeLeader(tmp_path)
    again.settle()
    again.close()
    assert journal_file_names(tmp_path) == set()
    assert read_totals(tmp_path)[0] == {"image.update INFO": 4}


def test_dead_process_that_has_written_to_a_removed_segment_is_settled(
    leader: FakeLeader, tmp_path: Path
) -> None:
    """The leader still has it open. What was written there is lost, and holds up nothing."""
    write_dead_process(tmp_path, A, number=3)
    leader.deliver()
    (path,) = segments(tmp_path)
    with path.open("ab") as segment:
        path.unlink()
        segment.write(encoded([message()], number=2, clock=9))
    leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert leader.cursors.counts.lost == {"damaged": 1}
