"""With relay = external, a relay that does not run is reported."""

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.leader_watch import LeaderWatch, relay_command
from glance_notify_middleware.journal.locks import is_led
from tests.delivery.file_broker import run_relay
from tests.journal.processes import eventually, running
from tests.runtime.logged import logged_lines

START = "glance-notify relay /etc/glance/glance-api-paste.ini"


class WatchedDirectory:
    """A directory that a LeaderWatch checks when the test says so."""

    def __init__(self, directory: Path) -> None:
        self.now = 1000.0
        self._watch = LeaderWatch(directory, START, clock=lambda: self.now)

    def check_for(self, seconds: int) -> None:
        """Check once a second, for so many seconds."""
        for _ in range(seconds):
            self.now += 1.0
            self._watch.check()


def test_missing_relay_is_reported_once_an_hour_with_the_command_and_its_return_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watched = WatchedDirectory(tmp_path)
    watched.check_for(10)
    assert logged_lines(caplog) == []
    watched.check_for(3500)
    waits = f"no relay runs (relay = external): notifications wait in {tmp_path}; start it: {START}"
    assert logged_lines(caplog, logging.ERROR) == [waits]
    watched.check_for(3700)
    assert logged_lines(caplog, logging.ERROR) == [waits] * 2
    caplog.clear()
    with running(run_relay, tmp_path, tmp_path / "broker"):
        eventually(lambda: is_led(tmp_path))
        watched.check_for(3700)
        again = f"a relay runs again, and sends what waits in {tmp_path}"
        assert logged_lines(caplog) == [again]
        caplog.clear()
    watched.check_for(9)  # a relay may be restarted at once
    assert logged_lines(caplog) == []
    watched.check_for(3)
    assert logged_lines(caplog, logging.ERROR) == [waits]


def test_directory_that_cannot_be_read_is_not_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "file"
    file.touch()
    WatchedDirectory(file).check_for(20)
    assert logged_lines(caplog) == []


def test_relay_command_is_the_one_installed_beside_this_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = f"{sys.prefix}/bin/glance-notify"
    assert relay_command("/etc/a b.ini") == f"{installed} relay '/etc/a b.ini'"
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert relay_command("") == "glance-notify relay PASTE_FILE"


PROGRAM = """
import json, logging, sys, threading, time

class Reports(logging.StreamHandler):
    has_come = threading.Event()

    def emit(self, record):
        super().emit(record)
        if "no relay runs" in record.getMessage():
            self.has_come.set()

logging.basicConfig(handlers=[Reports(sys.stderr)], format="%(levelname)s %(message)s")
from glance_notify_middleware import filter_factory
from glance_notify_middleware.delivery import leader_watch
leader_watch._REPORT_AFTER = 2.0
options = json.loads(sys.argv[1])
filter_factory({"__file__": "/etc/glance/paste.ini"}, **options)
if options["relay"] == "external":
    Reports.has_come.wait(30)
    time.sleep(2.5)  # it comes once
else:
    time.sleep(6)
"""


@pytest.mark.parametrize("relay", ["external", "thread"])
def test_process_that_records_reports_a_missing_relay_without_a_request(
    relay: str, tmp_path: Path
) -> None:
    """Only with relay = external."""
    given = {
        "notifier_strategy": "rabbit",
        "rabbit_host": "127.0.0.1",
        "rabbit_port": "1",
        "journal_dir": str(tmp_path),
        "relay": relay,
    }
    command = [sys.executable, "-c", PROGRAM, json.dumps(given)]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60, check=True)
    reports = [line for line in done.stderr.splitlines() if "no relay runs" in line]
    expected = [
        f"ERROR no relay runs (relay = external): notifications wait in {tmp_path}; start it: "
        f"{sys.prefix}/bin/glance-notify relay /etc/glance/paste.ini"
    ]
    assert reports == (expected if relay == "external" else [])
