"""Dead letters are read and removed while the leader appends to their files."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.dead_files import DeadFiles
from glance_notify_middleware.delivery.dead_letters import append
from tests.delivery.dispatcher_harness import message_with_id
from tests.journal.power_cut import PowerCut

EARLIER = "dead-2026-09.jsonl"


def add_letters(directory: Path, count: int, target: str = "rabbit") -> list[str]:
    """Have the leader append dead letters; returns the message ids."""
    made = [message_with_id() for _ in range(count)]
    for each in made:
        append(directory, target, each)
    return [each.message_id for each in made]


def ids(directory: Path) -> list[str]:
    return [letter.message_id for letter in DeadFiles(directory).letters()]


def test_letters_are_read_with_their_targets(tmp_path: Path) -> None:
    added = add_letters(tmp_path, 1) + add_letters(tmp_path, 1, "qpid")
    found = list(DeadFiles(tmp_path).letters())
    assert [letter.message_id for letter in found] == added
    assert [letter.target for letter in found] == ["rabbit", "qpid"]
    datetime.strptime(found[0].time, "%Y-%m-%d %H:%M:%S.%f")


def test_removed_letter_is_overwritten_in_its_place(tmp_path: Path) -> None:
    added = add_letters(tmp_path, 3)
    files = DeadFiles(tmp_path)
    letters = list(files.letters())
    (path,) = tmp_path.glob("dead-*.jsonl")
    size = path.stat().st_size
    assert files.remove(letters[1:2]) == 1
    assert ids(tmp_path) == [added[0], added[2]]
    assert path.stat().st_size == size
    assert [len(line) for line in path.read_bytes().splitlines()] == [
        len(letter.line) for letter in letters
    ]
    added += add_letters(tmp_path, 1)
    assert ids(tmp_path) == [added[0], added[2], added[3]]
    assert files.remove(letters) == 2, "one was removed before"
    assert files.remove(letters) == 0
    assert ids(tmp_path) == added[3:]


@pytest.mark.parametrize(
    ("now", "stays"),
    [
        ("2026-09-01 00:01", True),
        ("2026-09-02 00:01", True),
        ("2026-09-30 23:59", True),
        ("2026-10-01 12:00", True),
        ("2026-10-02 00:01", False),
        ("2027-01-01 12:00", False),
    ],
)
def test_file_of_an_earlier_month_goes_with_its_last_letter(
    now: str, stays: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The leader may be about to append to a file of this month, and of the month that ended less
    than a day ago."""
    add_letters(tmp_path, 2)
    (path,) = tmp_path.glob("dead-*.jsonl")
    path.rename(tmp_path / EARLIER)
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    monkeypatch.setattr(time, "time", at.timestamp)
    files = DeadFiles(tmp_path)
    first, second = files.letters()
    files.remove([first])
    assert (tmp_path / EARLIER).exists()
    files.remove([second])
    assert (tmp_path / EARLIER).exists() == stays


def test_damaged_lines_are_counted_and_stay(tmp_path: Path) -> None:
    added = add_letters(tmp_path, 1)
    (path,) = tmp_path.glob("dead-*.jsonl")
    with path.open("ab") as file:
        file.write(b'torn {"\n{"time": 3}\n[]\n   \n\xff\n')
    added += add_letters(tmp_path, 1)
    files = DeadFiles(tmp_path)
    letters = list(files.letters())
    assert [letter.message_id for letter in letters] == added
    assert files.damaged == {path: 4}
    before = path.read_bytes()
    files.remove(letters)
    assert path.read_bytes().split() == b" ".join(before.splitlines()[1:-1]).split()
    assert sum(1 for _ in files.letters()) == 0
    assert files.damaged == {path: 4}, "each pass counts anew"


def test_letter_without_a_line_end_is_a_letter(tmp_path: Path) -> None:
    """The disk was full when its last byte was written."""
    added = add_letters(tmp_path, 1)
    (path,) = tmp_path.glob("dead-*.jsonl")
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    files = DeadFiles(tmp_path)
    (letter,) = files.letters()
    assert letter.message_id == added[0]
    files.remove([letter])
    assert ids(tmp_path) == []
    assert ids(tmp_path) + add_letters(tmp_path, 1) == ids(tmp_path)


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    line = json.dumps({"time": "t", "strategy": "rabbit", "notification": {}}) + "\n"
    for name in ("dead-2026-09.jsonl.1a.kept", "dead-x.jsonl", "lead-2026-09.jsonl"):
        (tmp_path / name).write_text(line)
    (tmp_path / "target").write_text(line)
    (tmp_path / EARLIER).symlink_to(tmp_path / "target")
    assert list(DeadFiles(tmp_path).letters()) == []


def test_removed_letter_does_not_come_back_after_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_letters(tmp_path, 2)
    files = DeadFiles(tmp_path)
    first, _ = files.letters()
    power = PowerCut(tmp_path, monkeypatch)
    files.remove([first])
    assert first.path.read_bytes() in power._contents.values()


def test_letter_of_a_file_that_is_gone_is_not_removed(tmp_path: Path) -> None:
    add_letters(tmp_path, 1)
    files = DeadFiles(tmp_path)
    (letter,) = files.letters()
    letter.path.unlink()
    assert files.remove([letter]) == 0


def test_letter_that_was_overwritten_in_part_is_removed(tmp_path: Path) -> None:
    """A command can be killed in the middle of the write of a long line."""
    add_letters(tmp_path, 2)
    (path,) = tmp_path.glob("dead-*.jsonl")
    data = path.read_bytes()
    path.write_bytes(b" " * 50 + data[50:])
    files = DeadFiles(tmp_path)
    assert len(list(files.letters())) == 1
    assert not files.damaged
    path.rename(tmp_path / EARLIER)
    files.remove(list(files.letters()))
    assert not list(tmp_path.glob("dead-*"))
