"""The files of what was set aside: in order, within bounds, over restarts."""

import os
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY, AsideFiles
from glance_notify_middleware.delivery.cursors import CursorFile, Cursors
from glance_notify_middleware.events.notification import Message, Priority
from tests.journal.sample_journals import message

WARN, ERROR = Priority.WARN, Priority.ERROR


def aside(directory: Path, max_size: int = 1024 * 1024) -> tuple[AsideFiles, Cursors]:
    cursors = CursorFile(directory, ["rabbit"]).of("rabbit")
    return AsideFiles(directory, "rabbit", cursors, max_size), cursors


def warnings(count: int, size: int = 10) -> list[Message]:
    return [message(bytes(size), priority=WARN) for _ in range(count)]


def taken_out(found: AsideFiles, priority: Priority = WARN, limit: int = 500) -> list[Message]:
    """All, as a broker takes them that has room again."""
    out: list[Message] = []
    while batch := found.read(priority, limit):
        out += [each for each, _ in batch]
        found.advance(priority, batch[-1][1])
    return out


def test_messages_come_out_in_their_order_and_a_single_one_first(tmp_path: Path) -> None:
    found, _ = aside(tmp_path)
    found.postpone(WARN, 0.0)
    made = warnings(30)
    assert all(found.add(each) for each in made)
    assert [each for each, _ in found.read(WARN, 500)] == made[:1]
    assert [each for each, _ in found.read(WARN, 500)] == made[:1], "it was not taken yet"
    assert taken_out(found) == made
    assert found.read(WARN, 500) == []


def test_more_than_is_read_at_a_time_comes_out_too(tmp_path: Path) -> None:
    found, _ = aside(tmp_path, max_size=10**8)
    found.postpone(WARN, 0.0)
    made = warnings(12, size=256 * 1024)
    for each in made:
        found.add(each)
    assert taken_out(found) == made


def test_each_priority_has_a_file_and_a_time_of_its_own(tmp_path: Path) -> None:
    found, _ = aside(tmp_path)
    found.postpone(WARN, 5.0)
    found.postpone(ERROR, 9.0)
    made = [*warnings(2), message(priority=ERROR)]
    for each in made:
        found.add(each)
    assert WARN in found
    assert Priority.INFO not in found
    assert found.due(4.0 + ASIDE_RETRY) is None
    assert found.due(5.0 + ASIDE_RETRY) is WARN
    assert taken_out(found, WARN) == made[:2]
    assert found.finish(WARN)
    assert WARN not in found
    assert found.due(9.0 + ASIDE_RETRY) is ERROR
    assert taken_out(found, ERROR) == made[2:]
    assert {path.name for path in tmp_path.glob("aside.*")} == {"aside.rabbit.error.seg"}


def test_a_full_file_takes_no_more_and_keeps_what_it_has(tmp_path: Path) -> None:
    found, _ = aside(tmp_path, max_size=1000)
    found.postpone(WARN, 0.0)
    made = warnings(20, size=100)
    kept = [each for each in made if found.add(each)]
    assert 2 < len(kept) < 8
    assert kept == made[: len(kept)]
    assert next(tmp_path.glob("aside.*")).stat().st_size <= 1000
    assert taken_out(found) == kept


def test_a_restart_goes_on_at_the_saved_place_and_tries_at_once(tmp_path: Path) -> None:
    found, cursors = aside(tmp_path)
    found.postpone(WARN, 0.0)
    made = warnings(9)
    for each in made:
        found.add(each)
    for _ in range(2):
        found.advance(WARN, found.read(WARN, 2)[-1][1])
    cursors.save(at_once=True)
    again, _ = aside(tmp_path)
    assert WARN in again
    assert again.due(0.0) is WARN
    assert taken_out(again) == made[3:]


def test_without_cursors_all_of_it_comes_again(tmp_path: Path) -> None:
    found, cursors = aside(tmp_path)
    found.postpone(WARN, 0.0)
    made = warnings(4)
    for each in made:
        found.add(each)
    taken_out(found)
    cursors.save(at_once=True)
    (tmp_path / "cursors.json").write_bytes(os.urandom(100))
    assert taken_out(aside(tmp_path)[0]) == made


def test_the_place_in_a_file_that_is_gone_is_not_that_in_a_new_one(tmp_path: Path) -> None:
    found, cursors = aside(tmp_path)
    found.postpone(WARN, 0.0)
    for each in warnings(9):
        found.add(each)
    taken_out(found)
    cursors.save(at_once=True)
    next(tmp_path.glob("aside.*")).unlink()
    again, _ = aside(tmp_path)
    again.postpone(WARN, 0.0)
    made = warnings(2)
    for each in made:
        again.add(each)
    assert taken_out(again) == made


def test_an_end_that_cannot_be_saved_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or, after a crash, the old place would skip what a later file begins with."""
    found, _ = aside(tmp_path)
    found.postpone(WARN, 0.0)
    for each in warnings(2):
        found.add(each)
    taken_out(found)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not found.finish(WARN)
    assert WARN in found
    assert list(tmp_path.glob("aside.*"))


def test_what_a_second_leader_adds_before_the_end_is_not_removed_with_it(tmp_path: Path) -> None:
    """Nothing hangs on there being one leader."""
    found, _ = aside(tmp_path)
    found.postpone(WARN, 0.0)
    found.add(warnings(1)[0])
    taken_out(found)
    other, _ = aside(tmp_path)
    late = warnings(1)
    other.postpone(WARN, 0.0)
    other.add(late[0])
    found.finish(WARN)
    left = aside(tmp_path)[0]
    assert late[0] in taken_out(left)


def test_a_torn_message_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was not set aside, and stays in the journal."""
    found, _ = aside(tmp_path)
    found.postpone(WARN, 0.0)
    made = warnings(3)
    found.add(made[0])
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: write(fd, data[:30]))
        with pytest.raises(OSError, match="full"):
            found.add(made[1])
    found.add(made[2])
    assert taken_out(found) == [made[0], made[2]]


@pytest.mark.parametrize("noise", [100, 2 * 1024 * 1024])
def test_noise_in_the_file_does_not_hide_what_follows(noise: int, tmp_path: Path) -> None:
    found, _ = aside(tmp_path, max_size=10**8)
    found.postpone(WARN, 0.0)
    made = warnings(2)
    found.add(made[0])
    path = next(tmp_path.glob("aside.*"))
    path.write_bytes(path.read_bytes() + bytes(noise))
    found.add(made[1])
    assert taken_out(found) == made
