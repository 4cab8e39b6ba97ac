"""The cursors are saved now and then, and are never ahead of what is done."""

import os
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.delivery.cursors import CursorFile, Cursors, add_strategies
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Reader
from tests.journal.sample_journals import ids, message, write_segment

A, B = "a" * 16, "b" * 16
PLACE = Position(3, 4711, 42)


class Clock:
    """Stands for the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def cursors_of(directory: Path, strategy: str = "rabbit") -> Cursors:
    return CursorFile(directory, [strategy]).of(strategy)


def on_disk(directory: Path) -> dict[str, Position]:
    return cursors_of(directory).positions


def test_next_leader_begins_at_the_saved_cursors(tmp_path: Path) -> None:
    cursors = cursors_of(tmp_path)
    cursors.move(A, PLACE)
    cursors.move(B, Position(0, 9, None))
    cursors.move_aside("WARN", 12)
    assert cursors.save()
    again = cursors_of(tmp_path)
    assert again.positions == {A: PLACE, B: Position(0, 9, None)}
    assert again.at_last_save == again.positions
    assert again.aside == {"WARN": 12}


def test_cursors_are_saved_ten_times_a_second_at_most_or_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("glance_notify_middleware.delivery.cursors.time", clock)
    cursors = cursors_of(tmp_path)
    assert cursors.save()
    clock.now += 0.11
    cursors.move(A, PLACE)
    assert cursors.save()
    cursors.move(B, PLACE)
    assert not cursors.save()
    assert B not in on_disk(tmp_path)
    assert B not in cursors.at_last_save
    clock.now += 0.11
    assert cursors.save()
    assert B in on_disk(tmp_path)
    cursors.forget(B)
    assert not cursors.save()
    assert cursors.save(at_once=True)
    assert on_disk(tmp_path) == cursors.at_last_save == {A: PLACE}


def test_cursors_that_have_not_moved_are_not_saved(tmp_path: Path) -> None:
    cursors = cursors_of(tmp_path)
    cursors.move(A, PLACE)
    cursors.save(at_once=True)
    (tmp_path / "cursors.json").unlink()
    cursors.forget(B)
    assert cursors.save(at_once=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", os.urandom(500), checksummed.dumps({"rabbit": 7})],
)
def test_damaged_cursors_count_as_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cursors.json").write_bytes(content)
    cursors = cursors_of(tmp_path)
    assert (cursors.positions, cursors.aside) == ({}, {})


def test_damaged_cursors_count_as_none_after_a_crash_before_the_first_save(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(1, message())])
    (tmp_path / "cursors.json").write_bytes(os.urandom(500))
    for _ in range(2):
        cursors = cursors_of(tmp_path)
        assert cursors.positions == {}
        assert cursors.save()


def test_strategies_have_separate_cursors(tmp_path: Path) -> None:
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    file.of("rabbit").move(A, PLACE)
    file.of("qpid").move(B, Position(0, 9, 1))
    assert file.of("qpid").save(at_once=True)
    again = CursorFile(tmp_path, ["qpid", "rabbit"])
    assert again.of("rabbit").positions == {A: PLACE}
    assert again.of("qpid").positions == {B: Position(0, 9, 1)}
    assert again.retired == {}


def test_added_strategy_begins_at_the_end_of_all_journals(
    tmp_path: Path,
) -> None:
    cursors_of(tmp_path).save()
    left = [write_segment(tmp_path, each, [(1, message())]).stat().st_size for each in (A, B)]
    add_strategies(tmp_path, ["qpid", "rabbit"])
    later = message()
    write_segment(tmp_path, A, [(2, later)], segment=1, number=1)
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    assert file.of("rabbit").positions == {}
    assert file.of("qpid").positions == {
        A: Position(0, left[0], None),
        B: Position(0, left[1], None),
    }
    reader = Reader(tmp_path, file.of("qpid").positions)
    assert ids(reader.read(9)) == [later.message_id]
    reader.close()


def test_added_strategy_is_sent_what_is_recorded_while_the_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have added the strategy just before, and may have recorded since."""
    cursors_of(tmp_path).save()
    later = message()
    load = checksummed.load

    def load_while_another_records(path: Path) -> dict[str, Any] | None:
        content = load(path)
        if not (tmp_path / f"{A}.0.seg").exists():
            write_segment(tmp_path, A, [(1, later)])
        return content

    monkeypatch.setattr(checksummed, "load", load_while_another_records)
    add_strategies(tmp_path, ["qpid", "rabbit"])
    reader = Reader(tmp_path, cursors_of(tmp_path, "qpid").positions)
    assert ids(reader.read(9)) == [later.message_id]
    reader.close()


def test_added_strategy_begins_with_the_oldest_entry_where_no_cursors_are(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(1, message())])
    add_strategies(tmp_path, ["qpid", "rabbit"])
    assert not (tmp_path / "cursors.json").exists()
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    assert file.of("qpid").positions == file.of("rabbit").positions == {}


def test_saved_positions_move_on_though_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursors = cursors_of(tmp_path)
    cursors.move(A, PLACE)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not cursors.save(at_once=True)
    assert cursors.at_last_save == {A: PLACE}
    assert on_disk(tmp_path) == {}
    assert cursors.save(at_once=True)
    assert on_disk(tmp_path) == {A: PLACE}
