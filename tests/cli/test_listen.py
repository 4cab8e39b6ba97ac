"""Wrong use of listen, and what it shows of a log_file."""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.cli.target.followed_file import FollowedFile
from glance_notify_middleware.strategies.listening import ListenError
from tests.cli.conftest import Run
from tests.journal.processes import eventually

RABBIT_ROOM = "glance_notify_middleware.strategies.rabbit"
LINE = (
    '{"message_id":"m","event_type":"%s","priority":"INFO","timestamp":"2026-11-29 20:15:01.0",'
    '"payload":"an-image"}\n'
)


def paste_file(folder: Path, *lines: str) -> str:
    path = folder / "glance-api-paste.ini"
    factory = "paste.filter_factory = glance_notify_middleware:filter_factory"
    path.write_text("\n".join(["[filter:notify]", factory, *lines, ""]))
    return str(path)


@pytest.mark.parametrize(
    ("lines", "words", "said"),
    [
        (["notifier_strategy = rabbit"], ["--type", "image.sned"], "--type image.sned: no such"),
        (["notifier_strategy = rabbit"], ["--type", "image.send,image.update"], "no such type"),
        (["notifier_strategy = rabbit"], ["--priority", "debug"], "--priority debug: expected"),
        (["notifier_strategy = rabbit"], ["--count", "0"], "'0' is not a number from 1 on"),
        (["notifier_strategy = rabbit"], ["--count", "x"], "'x' is not a number from 1 on"),
        (["notifier_strategy = rabbit"], ["--target", "qpid"], "--target qpid: no such target"),
        (["notifier_strategy = qpid"], [], "listen needs the target rabbit, or logging"),
        (["notifier_strategy = rabbit, qpid"], ["--target", "qpid"], "listen needs the target"),
        (["notifier_strategy = logging"], [], "with tail -F, or set log_file"),
        (["notifier_strategy = a", "a.strategy = logging"], [], "or set a.log_file"),
    ],
)
def test_wrong_use_is_one_line(
    lines: list[str], words: list[str], said: str, run: Run, tmp_path: Path
) -> None:
    ended = run("listen", paste_file(tmp_path, *lines), *words)
    assert said in ended.one_line(2)


def test_host_that_is_dead_is_one_line(run: Run, tmp_path: Path) -> None:
    section = ["notifier_strategy = rabbit", "rabbit_hosts = 127.0.0.1:1"]
    ended = run("listen", paste_file(tmp_path, *section, "rabbit_password = pa55word"))
    assert (ended.status, ended.out) == (3, "")
    assert ended.err == "glance-notify: 127.0.0.1:1: Connection refused\n"


def test_option_in_an_error_is_the_line_of_the_target(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from glance_notify_middleware.strategies.rabbit.listening import RabbitListener

    def fail(_: object) -> str:
        raise ListenError("no exchange 'glance'; set create_queues = auto")

    monkeypatch.setattr(RabbitListener, "connect", fail)
    ended = run("listen", paste_file(tmp_path, "notifier_strategy = a", "a.strategy = rabbit"))
    assert ended.err == "glance-notify: no exchange 'glance'; set a.create_queues = auto\n"


def test_library_that_is_missing_is_one_line(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, f"{RABBIT_ROOM}.listening", None)
    ended = run("listen", paste_file(tmp_path, "notifier_strategy = rabbit"))
    assert (ended.status, ended.out) == (3, "")
    assert "which is not installed; expected what pip install" in ended.err


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log_file that is written when the command has begun to follow it."""
    path = tmp_path / "notifications.log"
    path.touch()
    connect = FollowedFile.connect

    def connect_and_write(self: FollowedFile) -> str:
        where = connect(self)
        types = ["image.create", "image.send", "glance_notify.test", "image.delete"]
        path.write_text("no JSON\n" + "".join(LINE % each for each in types))
        return where

    monkeypatch.setattr(FollowedFile, "connect", connect_and_write)
    return path


def test_log_file_is_followed_where_logging_is_alone(
    run: Run, tmp_path: Path, followed: Path
) -> None:
    section = ["notifier_strategy = logging", f"log_file = {followed}"]
    words = ["--type", "image.send", "--type", "image.delete", "--count", "2"]
    ended = run("listen", paste_file(tmp_path, *section), *words)
    assert ended.status == 0
    assert [line.split()[3] for line in ended.out.splitlines()] == ["image.send", "image.delete"]
    assert f"listening at file {followed}; Ctrl-C ends it" in ended.err
    assert "left out: 7 bytes that are no JSON" in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_in_good_order(
    number: signal.Signals, run: Run, tmp_path: Path, followed: Path
) -> None:
    section = ["notifier_strategy = logging", f"log_file = {followed}"]
    before = signal.getsignal(number)

    def send_signal() -> None:
        """Not before the command handles it: it would end all tests of this process."""
        eventually(lambda: signal.getsignal(number) is not before)
        try:
            eventually(lambda: output.getvalue().count("\n") == 4)
        finally:
            os.kill(os.getpid(), number)

    output: Any = sys.stdout  # that of capsys
    sender = threading.Thread(target=send_signal)
    sender.start()
    ended = run("listen", paste_file(tmp_path, *section), "--json")
    sender.join()
    assert ended.status == 0
    assert len(ended.out.splitlines()) == 4
    assert signal.getsignal(number) is before
