"""How far a strategy has come: saved now and then, and never further than it is."""

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
    """In place of the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def cursors_of(directory: Path, strategy: str = "rabbit") -> Cursors:
    return CursorFile(directory, [strategy]).of(strategy)


def on_disk(directory: Path) -> dict[str, Position]:
    return cursors_of(directory).positions


def test_the_next_leader_goes_on_where_this_one_was(tmp_path: Path) -> None:
    cursors = cursors_of(tmp_path)
    cursors.move(A, PLACE)
    cursors.move(B, Position(0, 9, None))
    cursors.move_aside("WARN", 12)
    assert cursors.save()
    again = cursors_of(tmp_path)
    assert again.positions == {A: PLACE, B: Position(0, 9, None)}
    assert again.saved == again.positions
    assert again.aside == {"WARN": 12}


def test_they_are_saved_ten_times_a_second_at_most_or_at_once(
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
    assert B not in cursors.saved
    clock.now += 0.11
    assert cursors.save()
    assert B in on_disk(tmp_path)
    cursors.forget(B)
    assert not cursors.save()
    assert cursors.save(at_once=True)
    assert on_disk(tmp_path) == cursors.saved == {A: PLACE}


def test_what_has_not_moved_is_not_saved_again(tmp_path: Path) -> None:
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
def test_without_good_ones_all_is_sent_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cursors.json").write_bytes(content)
    cursors = cursors_of(tmp_path)
    assert (cursors.positions, cursors.aside) == ({}, {})


def test_that_all_is_sent_again_holds_over_a_crash_before_anything_was(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(1, message())])
    (tmp_path / "cursors.json").write_bytes(os.urandom(500))
    for _ in range(2):
        cursors = cursors_of(tmp_path)
        assert cursors.positions == {}
        assert cursors.save()


def test_of_several_strategies_each_goes_on_where_it_was(tmp_path: Path) -> None:
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    file.of("rabbit").move(A, PLACE)
    file.of("qpid").move(B, Position(0, 9, 1))
    assert file.of("qpid").save(at_once=True)
    again = CursorFile(tmp_path, ["qpid", "rabbit"])
    assert again.of("rabbit").positions == {A: PLACE}
    assert again.of("qpid").positions == {B: Position(0, 9, 1)}
    assert again.retired == {}


def test_a_strategy_that_is_not_in_a_good_file_begins_with_what_is_recorded_from_then_on(
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


def test_what_is_recorded_while_the_file_is_read_is_sent_to_a_new_strategy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have put the strategy there just now, and have recorded since."""
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


def test_where_all_is_sent_again_a_new_strategy_begins_with_the_oldest_too(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(1, message())])
    add_strategies(tmp_path, ["qpid", "rabbit"])
    assert not (tmp_path / "cursors.json").exists()
    file = CursorFile(tmp_path, ["rabbit", "qpid"])
    assert file.of("qpid").positions == file.of("rabbit").positions == {}


def test_on_a_full_disk_what_is_delivered_can_still_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursors = cursors_of(tmp_path)
    cursors.move(A, PLACE)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert not cursors.save(at_once=True)
    assert cursors.saved == {A: PLACE}
    assert on_disk(tmp_path) == {}
    assert cursors.save(at_once=True)
    assert on_disk(tmp_path) == {A: PLACE}
