"""The aside files: in order, within bounds, over restarts."""

import os
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY, AsideFiles
from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.events.notification import Message, Priority
from tests.journal.sample_journals import message

WARN, ERROR = Priority.WARN, Priority.ERROR


def make_files(directory: Path, max_size: int = 1024 * 1024) -> tuple[AsideFiles, Cursors]:
    cursors = CursorFile(directory, ["rabbit"]).of("rabbit")
    return AsideFiles(directory, "rabbit", cursors, max_size), cursors


def warnings(count: int, size: int = 10) -> list[Message]:
    return [message(bytes(size), priority=WARN) for _ in range(count)]


def deliver_all(files: AsideFiles, priority: Priority = WARN, limit: int = 500) -> list[Message]:
    """Deliver all messages, as to a broker that takes them again; returns them."""
    delivered: list[Message] = []
    while batch := files.read(priority, limit):
        delivered += [found.message for found in batch]
        files.advance(priority, batch[-1].end)
    return delivered


def read_warnings(files: AsideFiles, limit: int = 500) -> list[Message]:
    """The messages that are read, of which there are some."""
    return [found.message for found in files.read(WARN, limit) or []]


def test_messages_are_read_in_order_and_the_first_one_alone(tmp_path: Path) -> None:
    files, _ = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    made = warnings(30)
    assert all(files.add(each) for each in made)
    assert read_warnings(files) == made[:1]
    assert read_warnings(files) == made[:1], "it is not delivered yet"
    assert deliver_all(files) == made
    assert files.read(WARN, 500) is None


def test_more_messages_than_a_chunk_holds_are_all_read(tmp_path: Path) -> None:
    files, _ = make_files(tmp_path, max_size=10**8)
    files.postpone(WARN, 0.0)
    made = warnings(12, size=256 * 1024)
    for each in made:
        files.add(each)
    assert deliver_all(files) == made


def test_priorities_have_separate_files_and_due_times(tmp_path: Path) -> None:
    files, _ = make_files(tmp_path)
    files.postpone(WARN, 5.0)
    files.postpone(ERROR, 9.0)
    made = [*warnings(2), message(priority=ERROR)]
    for each in made:
        files.add(each)
    assert WARN in files
    assert Priority.INFO not in files
    assert files.due(4.0 + ASIDE_RETRY) is None
    assert files.due(5.0 + ASIDE_RETRY) is WARN
    assert deliver_all(files, WARN) == made[:2]
    assert files.finish(WARN)
    assert WARN not in files
    assert files.due(9.0 + ASIDE_RETRY) is ERROR
    assert deliver_all(files, ERROR) == made[2:]
    assert {path.name for path in tmp_path.glob("aside.*")} == {"aside.rabbit.error.seg"}


def test_full_file_takes_no_more_messages_and_keeps_its_own(tmp_path: Path) -> None:
    files, _ = make_files(tmp_path, max_size=1000)
    files.postpone(WARN, 0.0)
    made = warnings(20, size=100)
    kept = [each for each in made if files.add(each)]
    assert 2 < len(kept) < 8
    assert kept == made[: len(kept)]
    assert next(tmp_path.glob("aside.*")).stat().st_size <= 1000
    assert deliver_all(files) == kept


def test_messages_behind_the_saved_cursor_are_due_at_once_after_a_restart(tmp_path: Path) -> None:
    files, cursors = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    made = warnings(9)
    for each in made:
        files.add(each)
    for _ in range(2):
        batch = files.read(WARN, 2)
        assert batch
        files.advance(WARN, batch[-1].end)
    cursors.save(at_once=True)
    again, _ = make_files(tmp_path)
    assert WARN in again
    assert again.due(0.0) is WARN
    assert deliver_all(again) == made[3:]


def test_all_messages_are_read_again_without_cursors(tmp_path: Path) -> None:
    files, cursors = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    made = warnings(4)
    for each in made:
        files.add(each)
    deliver_all(files)
    cursors.save(at_once=True)
    (tmp_path / "cursors.json").write_bytes(os.urandom(100))
    assert deliver_all(make_files(tmp_path)[0]) == made


def test_cursor_in_a_removed_file_does_not_hold_for_the_next_file(tmp_path: Path) -> None:
    files, cursors = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    for each in warnings(9):
        files.add(each)
    deliver_all(files)
    cursors.save(at_once=True)
    next(tmp_path.glob("aside.*")).unlink()
    again, _ = make_files(tmp_path)
    again.postpone(WARN, 0.0)
    made = warnings(2)
    for each in made:
        again.add(each)
    assert deliver_all(again) == made


def test_file_stays_while_its_cursor_cannot_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a crash the old cursor would skip the first messages of a later file."""
    files, _ = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    for each in warnings(2):
        files.add(each)
    deliver_all(files)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not files.finish(WARN)
    assert WARN in files
    assert list(tmp_path.glob("aside.*"))


def test_message_that_a_second_leader_adds_is_not_removed_with_the_file(tmp_path: Path) -> None:
    """No promise depends on there being one leader."""
    files, _ = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    files.add(warnings(1)[0])
    deliver_all(files)
    other, _ = make_files(tmp_path)
    late = warnings(1)
    other.postpone(WARN, 0.0)
    other.add(late[0])
    files.finish(WARN)
    left = make_files(tmp_path)[0]
    assert late[0] in deliver_all(left)


def test_torn_message_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not count as set aside, and stays in the journal."""
    files, _ = make_files(tmp_path)
    files.postpone(WARN, 0.0)
    made = warnings(3)
    files.add(made[0])
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
        with pytest.raises(OSError, match="full"):
            files.add(made[1])
    files.add(made[2])
    assert deliver_all(files) == [made[0], made[2]]


@pytest.mark.parametrize("noise", [100, 2 * 1024 * 1024])
def test_message_behind_noise_is_read(noise: int, tmp_path: Path) -> None:
    files, _ = make_files(tmp_path, max_size=10**8)
    files.postpone(WARN, 0.0)
    made = warnings(2)
    files.add(made[0])
    path = next(tmp_path.glob("aside.*"))
    path.write_bytes(path.read_bytes() + bytes(noise))
    files.add(made[1])
    assert deliver_all(files) == made
