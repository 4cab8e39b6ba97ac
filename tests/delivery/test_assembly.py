"""Journals and relays as they are put together from the settings, in one process."""

import errno
import itertools
import logging
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.delivery import assembly, hosting, maintenance_thread
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.delivery.leader_watch import LeaderWatch
from glance_notify_middleware.events.intent import Intent, encode
from glance_notify_middleware.events.notification import EventType, Message, Notification, Priority
from glance_notify_middleware.journal.layout import listing
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome
from tests.delivery.file_broker import AppendingStrategy, FileBroker
from tests.journal.fake_leader import write_dead_process
from tests.journal.other_user import as_another_user, open_to_all
from tests.journal.processes import eventually, refuse_thread
from tests.journal.sample_journals import GIB, message
from tests.runtime.logged import logged_lines
from tests.this_thread import here

NOTIFICATION = Notification(
    "id", "host", EventType.UPDATE, Priority.INFO, 0.0, {}, None, None, None
)

REFUSE = {"journal_when_full": "refuse"}


def settings(directory: Path, **options: str) -> config.Settings:
    given = {"notifier_strategy": "rabbit", "journal_dir": str(directory), **options}
    return config.read(given, "this-host")


@pytest.fixture(autouse=True)
def no_leader_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The maintenance threads go on after a test, and must not log in later tests that no relay
    runs."""
    monkeypatch.setattr(LeaderWatch, "check", lambda watch: None)


def test_dead_process_is_settled_though_its_files_fill_the_journal(
    host: Host, tmp_path: Path
) -> None:
    """They can be all that fills it: delivered, but not removed before the intents are reported."""
    directory, broker = tmp_path / "journal", FileBroker(tmp_path / "broker")
    directory.mkdir()
    dead = Journal(directory, max_size=GIB)
    key = bytes(range(16))
    dead.begin(key, encode(Intent(key, 1.0, "host", EventType.CREATE, *["x"] * 6)))
    recorded = [message(bytes(3000)) for _ in range(400)]
    dead.record(recorded[:200])
    dead.record(recorded[200:])
    dead.close()
    chosen = settings(directory, journal_max_size="1MiB", relay="external", **REFUSE)
    makers = {"rabbit": lambda: AppendingStrategy(broker.path)}
    assembly.prepare(chosen, makers, host)
    recorder = assembly.recorder(chosen, makers, host)
    eventually(recorder.refuses)
    relay = assembly.relay(chosen, makers, host)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: len(broker.ids) == len(recorded) + 1)
        eventually(lambda: dead.identity not in listing(directory).segments)
        eventually(lambda: not recorder.refuses())
    finally:
        relay.stop()
        thread.join()


def test_open_intents_of_a_dead_process_are_reported_though_one_entry_cannot_hold_them(
    host: Host, tmp_path: Path
) -> None:
    """Each has 45,000 bytes, and an entry 4 MiB at most."""
    directory, broker = tmp_path / "journal", FileBroker(tmp_path / "broker")
    directory.mkdir()
    dead = Journal(directory, max_size=GIB)
    keys = [bytes([n]) * 16 for n in range(1, 101)]
    for key in keys:
        begun = Intent(key, 1.0, "host", EventType.SEND, "", "i" * 45_000, *["x"] * 4)
        dead.begin(key, encode(begun))
    dead.close()
    chosen = settings(directory, relay="external")
    relay = assembly.relay(chosen, {"rabbit": lambda: AppendingStrategy(broker.path)}, host)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: len(broker.ids) == len(keys))
        eventually(lambda: dead.identity not in listing(directory).segments)
    finally:
        relay.stop()
        thread.join()
    assert broker.ids == [str(uuid.UUID(bytes=key)) for key in keys]


@pytest.mark.parametrize("strategies", [("rabbit",), ("rabbit", "qpid")])
def test_aside_files_take_a_quarter_of_the_bound_at_most(
    strategies: tuple[str, ...], host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All files of all strategies and priorities together."""
    directory, broker = tmp_path / "journal", FileBroker(tmp_path / "broker")
    directory.mkdir()
    bound = 1024 * 1024
    journal = Journal(directory, max_size=GIB)
    for at in range(900):
        priority = list(Priority)[at % 3]
        journal.record([message(bytes(500), priority=priority)])
    lines = {"notifier_strategy": ", ".join(strategies), "journal_max_size": "1MiB"}
    chosen = settings(directory, relay="external", **lines)
    makers = dict.fromkeys(strategies, lambda: NoQueue(broker.path))
    relay = assembly.relay(chosen, makers, host)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: caplog.text.count("can set no more messages aside") == len(strategies))
    finally:
        relay.stop()
        thread.join()
        journal.close()
    taken = sum(path.stat().st_size for path in directory.glob("aside.*"))
    assert bound // 5 < taken <= bound // 4


class NoQueue(AppendingStrategy):
    """A strategy whose broker has no queue."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        return [Outcome.UNROUTABLE] * len(batch)


def test_thread_that_cannot_be_started_is_tried_again(
    host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    directory, broker = tmp_path / "journal", FileBroker(tmp_path / "broker")
    monkeypatch.setattr(assembly, "in_each_process", lambda start: None)
    monkeypatch.setattr(hosting, "_THREAD_RETRY", 0.5)
    chosen = settings(directory)
    makers = {"rabbit": lambda: AppendingStrategy(broker.path)}
    assembly.prepare(chosen, makers, host)
    recorder = assembly.recorder(chosen, makers, host)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse_thread)
        for _ in range(9):
            recorder.record([NOTIFICATION])
    assert len([each for each in caplog.records if "can't start new" in each.getMessage()]) == 1
    time.sleep(0.5)
    recorder.record([NOTIFICATION])
    try:
        eventually(lambda: len(broker.ids) == 10)
    finally:
        host.end()


PROGRAM = """
import os, sys, time
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.hosting import host
from pathlib import Path
from tests.delivery.file_broker import AppendingStrategy
from tests.delivery.test_assembly import settings
from tests.journal.processes import eventually

sending = []

class Hanging(AppendingStrategy):
    def send(self, batch):
        os.write(1, b"sends ")  # in one piece, though several threads write
        sending.append(batch)
        time.sleep(60)

for directory in map(Path, sys.argv[1:]):
    makers = {"rabbit": lambda: Hanging(directory / "broker")}
    assembly.recorder(settings(directory), makers, host())
eventually(lambda: len(sending) == len(sys.argv[1:]))
print(time.monotonic())
"""


def test_process_with_three_journals_ends_in_five_seconds(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in "abc"]
    for each in directories:
        each.mkdir()
        write_dead_process(each, "a" * 16)
    command = [sys.executable, "-c", PROGRAM, *map(str, directories)]
    output = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout.split()
    took = time.monotonic() - float(output[-1])
    assert output[:-1] == [b"sends"] * len(directories)
    assert took < 9.0  # one after the other they would take 10.5 seconds


def test_worker_of_another_user_than_the_loader_logs_both_users(
    host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """As under gunicorn --preload --user, started as root: the directory was made by root."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(assembly, "in_each_process", lambda start: None)
    directory = open_to_all(tmp_path) / "journal"
    chosen = settings(directory, relay="external", **REFUSE)
    makers = {"rabbit": lambda: AppendingStrategy(tmp_path / "broker")}
    assembly.prepare(chosen, makers, host)
    recorder = assembly.recorder(chosen, makers, host)
    with as_another_user() as user:
        eventually(recorder.refuses)
        time.sleep(2.5)

    def reports() -> list[str]:
        """Not those of journals of other tests, which are maintained, too."""
        return [line for line in logged_lines(caplog) if str(directory) in line]

    eventually(lambda: reports()[1:] == [f"the journal in {directory} is maintained again"])
    assert f"belongs to user 0, this process to user {user}" in reports()[0]
    assert not recorder.refuses()


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, 1), (None, 4)], ids=["one trouble", "several troubles"]
)
def test_lasting_trouble_is_logged_once_though_its_text_changes(
    number: int | None,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The text has random names of files. Another trouble is logged, too, and the end of it."""
    caplog.set_level(logging.INFO)
    journal = Journal(tmp_path, max_size=GIB)
    left = iter([errno.EIO, errno.EROFS, errno.EDQUOT, errno.ENOSPC] * 3)

    def fail() -> None:
        found = next(left, None)
        if found is not None:
            raise OSError(number or found, "trouble", f"{time.monotonic_ns()}.new")

    def rest(_: float) -> None:
        if next(turns) == 20:
            raise SystemExit

    turns = itertools.count()
    monkeypatch.setattr(journal, "open", fail)
    sleep = here(rest, time.sleep)
    monkeypatch.setattr(maintenance_thread, "time", SimpleNamespace(sleep=sleep))
    with pytest.raises(SystemExit):
        maintenance_thread.maintain(journal)
    assert len(logged_lines(caplog, logging.ERROR)) == expected
    assert logged_lines(caplog)[-1] == f"the journal in {tmp_path} is maintained again"


def test_end_of_the_process_maintains_each_journal_though_one_cannot_be_written(
    host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Its trouble, which was logged before, is not logged as an error of a request."""
    maintained: list[Path] = []

    class Unwritable(SimpleNamespace):
        is_maintained = True

        def maintain(self) -> None:
            maintained.append(self.directory)
            raise PermissionError(errno.EACCES, "Permission denied")

    directories = [tmp_path / name for name in "ab"]
    journals = [Unwritable(directory=each) for each in directories]
    monkeypatch.setattr(host.journals, "all", lambda: journals)
    host.end()
    assert maintained == directories
    assert logged_lines(caplog, logging.ERROR) == []
