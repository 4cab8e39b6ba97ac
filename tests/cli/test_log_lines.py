"""Reading notifications from files: damaged lines and files are named, and stop nothing."""

import gzip
import io
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.audit.log_lines import LogFiles
from glance_notify_middleware.cli.audit.times import Period
from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS
from glance_notify_middleware.events.escaping import escaped_json
from glance_notify_middleware.events.notification import EventType
from tests.cli.notification_lines import IMAGE, line, new_id, notification, sent

ALWAYS = Period()


class Read:
    """What was read of files."""

    def __init__(self, *paths: Path | str, period: Period = ALWAYS) -> None:
        self.notes: list[str] = []
        self.files = LogFiles([str(path) for path in paths], self.notes.append)
        self.found = list(self.files.read(period))

    @property
    def ids(self) -> list[str]:
        return [each.fields["message_id"] for each in self.found]


def written(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(each + b"\n" for each in lines))
    return path


def test_notifications_of_plain_and_gzip_files_are_read_in_the_order_of_the_files(
    tmp_path: Path,
) -> None:
    ids = [new_id() for _ in range(3)]
    packed = tmp_path / "log.2.gz"
    packed.write_bytes(gzip.compress(line(message_id=ids[0]) + b"\n"))
    plain = written(tmp_path / "log", *(line(message_id=each) for each in ids[1:]))
    read = Read(packed, plain)
    assert read.ids == ids
    assert read.found[0].body == line(message_id=ids[0])
    assert (read.files.status, read.notes, read.files.lines) == (RIGHT, [], 3)


def test_standard_input_is_read_with_its_compression(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = gzip.compress(line() + b"\n" + line())
    raw: Any = io.BytesIO(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(raw)))
    assert len(Read("-").found) == 2


DAMAGED = [
    (b'{"message_id":"8adb', "no JSON, or torn"),
    (line()[30:], "no JSON, or torn"),
    (b"\0" * 500, "no JSON, or torn"),
    (b"\xff\xfe", "no JSON, or torn"),
    (b"[]", "JSON, but no notification"),
    (b'{"message_id":1}', "JSON, but no notification"),
    (line().replace(b'"payload"', b'"payloa"'), "JSON, but no notification"),
    (line().replace(b'"INFO"', b'"MUCH"'), "its priority is none"),
    (line(message_id="short"), "its message_id is no UUID"),
    (line().replace(b"2026-11-01", b"2026-13-01"), "its timestamp is no time"),
    (line().replace(b"2026-11-01 ", b"2026-11-01T"), "its timestamp is no time"),
    (b'{"message_id":' + b"x" * 2**21, "no JSON, or torn"),
]


@pytest.mark.parametrize(("damaged", "why"), DAMAGED)
def test_damaged_line_is_named_by_file_and_number_and_stops_nothing(
    damaged: bytes, why: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "log", line(), damaged, line())
    read = Read(path)
    assert len(read.found) == 2
    assert read.notes == [f"{path}:2: a damaged line, left out: {why}"]
    assert (read.files.damaged, read.files.status) == (1, WARNINGS)


def test_line_with_a_number_of_any_length_is_no_damaged_one(tmp_path: Path) -> None:
    huge = line(EventType.UPDATE, {"id": IMAGE, "size": 10**400})
    read = Read(written(tmp_path / "log", huge, line()))
    assert len(read.found) == 2
    assert read.found[0].body == huge
    assert (read.files.status, read.notes) == (RIGHT, [])


def test_first_damaged_lines_are_named_and_all_are_counted(tmp_path: Path) -> None:
    path = written(tmp_path / "log", *[b"{"] * 2000)
    read = Read(path)
    assert read.notes[:5] == [
        f"{path}:{number}: a damaged line, left out: no JSON, or torn" for number in range(1, 6)
    ]
    assert read.notes[5:] == ["2,000 damaged lines in all"]


def test_line_behind_a_torn_one_without_a_line_end_between_is_read(tmp_path: Path) -> None:
    """Two processes append, and one of them met a full disk."""
    whole = line()
    read = Read(written(tmp_path / "log", line()[:200] + whole))
    assert [each.body for each in read.found] == [whole]
    assert read.files.damaged == 1


def test_line_of_python_logging_is_read_and_those_of_other_loggers_are_counted(
    tmp_path: Path,
) -> None:
    prefix = b"2026-11-01 00:00:00.000 7 INFO glance_notify_middleware.notifications [None req-1] "
    lines = (
        prefix + line(),
        b"2026-11-01 00:00:00.000 7 INFO eventlet.wsgi.server [-] 'GET /v2/images' {}",
        b"INFO:glance:notifications go to the logger glance_notify_middleware.notifications",
        b"",
        line() + b"\r",
    )
    read = Read(written(tmp_path / "log", *lines))
    assert len(read.found) == 2
    assert (read.files.damaged, read.files.others) == (0, 2)
    assert read.found[0].body.startswith(b'{"message_id"')


def test_log_of_a_server_with_notifications_among_its_lines_is_read(tmp_path: Path) -> None:
    lines = (
        b"*** Starting uWSGI 2.0.26 (64bit) ***",
        b"[pid: 7|app: 0|req: 1/1] 127.0.0.1 () {28 vars in 400 bytes} GET /v2/images",
        b'  File "x.py", line 1, in <module>',
        line(),
        line()[:20],
        b"{",
        b"\0\0",
    )
    read = Read(written(tmp_path / "log", *lines))
    assert len(read.found) == 1
    assert (read.files.damaged, read.files.others) == (3, 3)


def test_torn_line_of_python_logging_is_damaged(tmp_path: Path) -> None:
    prefix = b"2026-11-01 00:00:00.000 7 INFO glance_notify_middleware.notifications [-] "
    read = Read(written(tmp_path / "log", prefix + line()[:100]))
    assert (read.files.damaged, read.files.others) == (1, 0)


def test_escaped_control_characters_keep_their_meaning(tmp_path: Path) -> None:
    path = "destination_ip"
    made = notification(payload=sent(1, **{path: "\x1b[2J\x7f\u202e\x9b"}))
    read = Read(written(tmp_path / "log", escaped_json(made.to_json())))
    assert read.found[0].fields["payload"][path] == "\x1b[2J\x7f\u202e\x9b"


def test_period_begins_with_since_and_ends_before_until(tmp_path: Path) -> None:
    path = written(tmp_path / "log", *(line(after=second) for second in (-1, 0, 59, 60)))
    period = Period("2026-11-01 00:00:00.000000", "2026-11-01 00:01:00.000000")
    assert [each.fields["timestamp"][11:19] for each in Read(path, period=period).found] == [
        "00:00:00",
        "00:00:59",
    ]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (gzip.compress(line() + b"\n", mtime=0)[:-20], "its gzip data is damaged (EOFError)"),
        (gzip.compress(b"", mtime=0)[:-4] + b"1234", "its gzip data is damaged (BadGzipFile)"),
        (b"\xfd7zXZ\0\0", "expected text or gzip; say `xzcat FILE |` before, and -"),
    ],
)
def test_file_that_cannot_be_read_is_named_and_the_next_is_read(
    content: bytes, why: str, tmp_path: Path
) -> None:
    path = tmp_path / "log.1"
    path.write_bytes(content)
    read = Read(path, written(tmp_path / "log", line()))
    assert len(read.found) == 1
    assert read.notes == [f"{path}: cannot be read: {why}"]
    assert read.files.status == ERRORS


def test_lines_of_a_gzip_file_before_its_damage_are_read(tmp_path: Path) -> None:
    data = b"".join(line() + b"\n" for _ in range(5000))
    path = tmp_path / "log.1.gz"
    path.write_bytes(gzip.compress(data, compresslevel=1)[:-1000])
    read = Read(path)
    assert 4500 < len(read.found) < 5000
    assert read.notes[-1].startswith(f"{path}: cannot be read behind line ")


def test_directory_is_named_and_the_next_file_is_read(tmp_path: Path) -> None:
    read = Read(tmp_path, written(tmp_path / "log", line()))
    assert len(read.found) == 1
    assert read.notes == [f"{tmp_path}: cannot be read: {os.strerror(21)}"]


def test_no_note_has_the_text_of_a_line(tmp_path: Path) -> None:
    read = Read(written(tmp_path / "log", *(damaged + b"canary" for damaged, _ in DAMAGED)))
    assert read.notes
    assert "canary" not in "".join(read.notes)
