"""etc/logrotate-glance-notify: logrotate moves the log_file under its writers; no line is lost."""

import grp
import gzip
import itertools
import json
import os
import pwd
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from glance_notify_middleware.recorder.logging_strategy import FileRecorder
from tests.journal.processes import eventually
from tests.recorder.test_logging_strategy import notification
from tests.tools import tool

PATH = Path(__file__).parents[2] / "etc" / "logrotate-glance-notify"
WRITERS = 3
ROTATIONS = 3


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    return tmp_path / "notifications.log"


@pytest.fixture
def config(log_file: Path) -> Path:
    """The file, for a log_file of the user who runs the tests."""
    user, group = pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name
    text = PATH.read_text()
    for old, new in {
        "/var/log/glance/notifications.log": str(log_file),
        "su glance glance": f"su {user} {group}",
    }.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = log_file.with_name("logrotate.conf")
    path.write_text(text)
    path.chmod(0o644)
    return path


def rotate(config: Path) -> None:
    """Rotate now, and not once a day. logrotate must have nothing to say."""
    state = str(config.with_suffix(".state"))
    command = [tool("logrotate", "logrotate"), "--force", "--state", state, str(config)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")


def payloads(path: Path) -> list[str]:
    content = path.read_bytes()
    whole = gzip.decompress(content) if path.suffix == ".gz" else content
    return [json.loads(line)["payload"] for line in whole.splitlines()]


def test_no_line_is_lost_while_the_file_is_rotated(log_file: Path, config: Path) -> None:
    is_over = threading.Event()
    written: list[list[str]] = [[] for _ in range(WRITERS)]

    def write(name: int) -> None:
        recorder = FileRecorder(str(log_file))
        for number in itertools.count():
            recorder.record([notification(f"{name} {number}")])
            written[name].append(f"{name} {number}")
            if is_over.wait(0.0005):
                return

    writers = [threading.Thread(target=write, args=(name,)) for name in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in range(ROTATIONS):
        eventually(lambda: log_file.exists() and log_file.stat().st_size > 0)
        rotate(config)
    eventually(log_file.exists)  # nobody makes it but a writer
    is_over.set()
    for writer in writers:
        writer.join()

    names = ["notifications.log.3.gz", "notifications.log.2.gz", "notifications.log.1"]
    files = [log_file.with_name(name) for name in names] + [log_file]
    assert sorted(log_file.parent.glob("*.log*")) == sorted(files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o640}
    found = [payload for path in files for payload in payloads(path)]
    for name in range(WRITERS):
        assert [each for each in found if each.startswith(f"{name} ")] == written[name]


def test_empty_file_is_not_rotated(log_file: Path, config: Path) -> None:
    FileRecorder(str(log_file))
    rotate(config)
    assert [path.name for path in log_file.parent.glob("*.log*")] == [log_file.name]
