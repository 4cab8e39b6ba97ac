"""A dead letter is a line of JSON in the file of its month."""

import errno
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.dead_letters import append
from tests.journal.sample_journals import message


def test_dead_letter_is_a_line_in_the_file_of_its_month(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    paths = {
        append(tmp_path, "rabbit", message(b'{"name": "\xc3\xa9\\n", "n": %d}' % n)) for n in (1, 2)
    }
    after = datetime.now(UTC)
    assert paths <= {tmp_path / f"dead-{time:%Y-%m}.jsonl" for time in (before, after)}
    letters = [json.loads(line) for path in sorted(paths) for line in path.read_text().splitlines()]
    assert [each["notification"] for each in letters] == [
        {"name": "é\n", "n": 1},
        {"name": "é\n", "n": 2},
    ]
    assert {each["strategy"] for each in letters} == {"rabbit"}
    for each in letters:
        time = datetime.strptime(f"{each['time']} +0000", "%Y-%m-%d %H:%M:%S.%f %z")
        assert before <= time <= after


def test_dead_letter_has_no_character_that_controls_a_terminal(tmp_path: Path) -> None:
    name = "\x7f\x9b31m\u2028\u202e"
    path = append(
        tmp_path, "rabbit", message(json.dumps({"name": name}, ensure_ascii=False).encode())
    )
    text = path.read_text()
    assert text[:-1].isprintable()
    assert json.loads(text)["notification"] == {"name": name}


def test_dead_letter_behind_a_torn_line_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, data: write(fd, data[:20]))
        with pytest.raises(OSError, match="the disk is full"):
            append(tmp_path, "rabbit", message(b'{"n": 1}'))
    path = append(tmp_path, "rabbit", message(b'{"n": 1}'))
    whole = []
    for line in path.read_text().splitlines():
        try:
            whole.append(json.loads(line)["notification"])
        except ValueError:
            continue
    assert whole == [{"n": 1}]


def test_dead_letter_that_cannot_be_written_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        append(tmp_path, "rabbit", message())
