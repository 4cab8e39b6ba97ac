"""The logging strategy: each line is whole and stands in the right file."""

import contextlib
import json
import logging
import multiprocessing
import os
import resource
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.recorder import NotRecordedError
from glance_notify_middleware.recorder.logging_strategy import FileRecorder, LoggerRecorder
from tests.journal.sample_journals import open_files


def notification(payload: str = "an-id", priority: Priority = Priority.INFO) -> Notification:
    return Notification(
        message_id="00000000-0000-4000-8000-000000000000",
        publisher_id="host",
        event_type=EventType.DELETE,
        priority=priority,
        timestamp=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC).timestamp(),
        payload=payload,
        request_id=None,
        project_id=None,
        user_id=None,
    )


def payloads(path: Path) -> list[Any]:
    return [json.loads(line)["payload"] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    ("priority", "level"),
    [
        (Priority.INFO, logging.INFO),
        (Priority.WARN, logging.WARNING),
        (Priority.ERROR, logging.ERROR),
    ],
)
def test_level_of_a_line_is_the_priority(
    priority: Priority, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    LoggerRecorder().record([notification("100 %s", priority)])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("glance_notify_middleware.notifications", level)
    assert json.loads(record.getMessage())["payload"] == "100 %s"


CONTROL = [
    *range(0x7F, 0xA0),
    0x61C,
    0x200E,
    0x200F,
    *range(0x2028, 0x202F),
    *range(0x2066, 0x206A),
]
NAME = "".join(map(chr, [*range(32), *CONTROL])) + "Größe\U0001f600\xa0"


@pytest.mark.parametrize("to_file", [False, True], ids=["logger", "file"])
def test_control_character_of_an_image_name_is_escaped(
    to_file: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "notifications.log"
    recorder = FileRecorder(str(path)) if to_file else LoggerRecorder()
    recorder.record([notification(NAME)])
    text = path.read_text() if to_file else f"{caplog.messages[0]}\n"
    assert text.splitlines() == [text[:-1]]
    assert not {*map(chr, CONTROL)} & {*text}
    assert "Größe\U0001f600\xa0" in text
    assert json.loads(text)["payload"] == NAME


def test_exception_that_is_being_handled_is_hidden_from_the_formatter() -> None:
    """oslo.log's ContextFormatter appends sys.exc_info() to a line above INFO, but for KeyError."""
    seen: list[Any] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(sys.exc_info()[0])  # type: ignore[method-assign]
    logger = logging.getLogger("glance_notify_middleware.notifications")
    logger.addHandler(handler)
    try:
        raise OSError("swift://user:secret@store")
    except OSError:
        LoggerRecorder().record([notification(priority=Priority.ERROR)])
    finally:
        logger.removeHandler(handler)
    assert seen == [KeyError]


def append(path: Path, name: str, count: int, size: int) -> None:
    recorder = FileRecorder(str(path))
    for number in range(count):
        recorder.record([notification(f"{name} {number} {'x' * size}"), notification(name)])


def test_line_is_whole_however_many_processes_and_threads_append(tmp_path: Path) -> None:
    path = tmp_path / "notifications.log"
    spawn = multiprocessing.get_context("spawn")
    workers: list[Any] = [
        make(target=append, args=(path, f"worker-{number}", 200, 20_000))
        for number in range(3)
        for make in (spawn.Process, threading.Thread)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    lines = payloads(path)
    assert len(lines) == len(workers) * 400
    assert sum(line.startswith("worker-0 199 x") for line in lines) == 2


def test_moved_file_is_left_and_a_new_file_is_begun(tmp_path: Path) -> None:
    path = tmp_path / "notifications.log"
    recorder = FileRecorder(str(path))
    recorder.record([notification("first")])
    path.rename(tmp_path / "notifications.log.1")
    recorder.record([notification("second")])
    assert payloads(tmp_path / "notifications.log.1") == ["first"]
    assert payloads(path) == ["second"]
    path.rename(tmp_path / "notifications.log.2")
    path.touch()  # logrotate's `create`
    recorder.record([notification("third")])
    assert payloads(path) == ["third"]


def test_thread_that_finds_the_file_moved_loses_no_line_and_leaks_no_descriptor(
    tmp_path: Path,
) -> None:
    path = tmp_path / "notifications.log"
    recorder = FileRecorder(str(path))
    before = len(open_files(tmp_path))
    stop = threading.Event()

    def rotate() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            if path.exists():
                path.rename(tmp_path / f"old.{number}")

    rotator = threading.Thread(target=rotate)

    def write() -> None:
        for _ in range(500):
            recorder.record([notification("kept")])

    writers = [threading.Thread(target=write) for _ in range(4)]
    for thread in (rotator, *writers):
        thread.start()
    for writer in writers:
        writer.join()
    stop.set()
    rotator.join()
    found = [payload for file in tmp_path.iterdir() for payload in payloads(file)]
    assert found == ["kept"] * 2000
    assert len(open_files(tmp_path)) <= before


@contextlib.contextmanager
def disk_full_at(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes: a write is cut off there, and the next one fails."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_error_of_a_full_disk_names_the_lost_notifications_and_no_others(tmp_path: Path) -> None:
    path = tmp_path / "notifications.log"
    recorder = FileRecorder(str(path))
    first, second, third = (notification(name) for name in ("first", "second", "third"))
    with disk_full_at(len(first.to_json()) + 20):
        with pytest.raises(NotRecordedError, match="bytes could be written") as raised:
            recorder.record([first, second, third])
        assert raised.value.lost == [second, third]
        with pytest.raises(NotRecordedError, match="File too large") as raised:
            recorder.record([third])
        assert raised.value.lost == [third]
    recorder.record([third])
    lines = path.read_text().splitlines()
    assert [json.loads(lines[0])["payload"], json.loads(lines[-1])["payload"]] == ["first", "third"]
    assert len(lines) == 3


@pytest.mark.parametrize(
    ("age", "ended"), [(5, True), (0, False)], ids=["5 seconds ago", "just now"]
)
def test_torn_line_of_another_process_is_ended_when_no_process_writes_it(
    age: int, ended: bool, tmp_path: Path
) -> None:
    path = tmp_path / "notifications.log"
    path.write_text("torn")
    then = time.time() - age
    os.utime(path, (then, then))
    FileRecorder(str(path)).record([notification()])
    assert path.read_text().startswith("torn\n{" if ended else "torn{")


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_path_that_is_no_regular_file_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "thing"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    with pytest.raises(OSError, match=r"directory|not a regular file"):
        FileRecorder(str(path))


def test_moved_file_goes_on_where_the_path_cannot_be_opened(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, moved = tmp_path / "notifications.log", tmp_path / "notifications.log.1"
    recorder = FileRecorder(str(path))
    path.rename(moved)
    path.mkdir()
    for name in ("first", "second"):
        recorder.record([notification(name)])
    assert payloads(moved) == ["first", "second"]
    (line,) = caplog.records  # once, not for each notification
    assert line.getMessage() == (f"{path}: Is a directory; going on in the file that it was before")
    path.rmdir()
    recorder.record([notification("third")])
    assert payloads(path) == ["third"]


def test_notification_for_a_file_without_a_name_is_lost(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    recorder = FileRecorder(str(folder / "notifications.log"))
    (folder / "notifications.log").unlink()
    folder.rmdir()
    with pytest.raises(NotRecordedError, match="No such file or directory"):
        recorder.record([notification()])


def test_line_that_lacks_only_its_line_feed_is_not_lost(tmp_path: Path) -> None:
    path = tmp_path / "notifications.log"
    recorder = FileRecorder(str(path))
    with disk_full_at(len(notification("whole").to_json())):
        recorder.record([notification("whole")])
    recorder.record([notification("next")])
    assert payloads(path) == ["whole", "next"]


def test_moved_file_goes_on_where_the_path_is_a_symlink_to_itself(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, moved = tmp_path / "notifications.log", tmp_path / "notifications.log.1"
    recorder = FileRecorder(str(path))
    path.rename(moved)
    path.symlink_to(path)
    recorder.record([notification("kept")])
    assert payloads(moved) == ["kept"]
    assert "Too many levels of symbolic links; going on" in caplog.text
