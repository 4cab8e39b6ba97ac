"""How far a strategy has come: saved now and then, and never further than it is."""

import os
from pathlib import Path

import pytest

from glance_notify_middleware.journal import checked
from glance_notify_middleware.journal.cursors import Cursors
from glance_notify_middleware.journal.reader import Position

A, B = "a" * 16, "b" * 16
PLACE = Position(3, 4711, 42)


class Clock:
    """In place of the module `time`."""

    now = 100.0

    def monotonic(self) -> float:
        return self.now


def on_disk(directory: Path) -> dict[str, Position]:
    return Cursors(directory, "rabbit").positions


def test_the_next_leader_goes_on_where_this_one_was(tmp_path: Path) -> None:
    cursors = Cursors(tmp_path, "rabbit")
    cursors.move(A, PLACE)
    cursors.move(B, Position(0, 9, None))
    cursors.move_aside("WARN", 12)
    assert cursors.save()
    again = Cursors(tmp_path, "rabbit")
    assert again.positions == {A: PLACE, B: Position(0, 9, None)}
    assert again.saved == again.positions
    assert again.aside == {"WARN": 12}


def test_they_are_saved_ten_times_a_second_at_most_or_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr("glance_notify_middleware.journal.cursors.time", clock)
    cursors = Cursors(tmp_path, "rabbit")
    assert cursors.save()
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
    cursors = Cursors(tmp_path, "rabbit")
    cursors.move(A, PLACE)
    cursors.save(at_once=True)
    (tmp_path / "cursors.json").unlink()
    cursors.forget(B)
    assert cursors.save(at_once=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", os.urandom(500), checked.dumps({"rabbit": 7}), checked.dumps({"other": {}})],
)
def test_without_good_ones_all_is_sent_again(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cursors.json").write_bytes(content)
    cursors = Cursors(tmp_path, "rabbit")
    assert (cursors.positions, cursors.aside) == ({}, {})


def test_on_a_full_disk_what_is_delivered_can_still_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cursors = Cursors(tmp_path, "rabbit")
    cursors.move(A, PLACE)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "write_bytes", full)
        assert not cursors.save(at_once=True)
    assert cursors.saved == {A: PLACE}
    assert on_disk(tmp_path) == {}
    assert cursors.save(at_once=True)
    assert on_disk(tmp_path) == {A: PLACE}
