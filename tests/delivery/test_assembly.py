"""Journals and relays as the settings have them put together, in one process."""

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

NOTIFICATION = Notification(
    "id", "host", EventType.UPDATE, Priority.INFO, 0.0, {}, None, None, None
)

REFUSE = {"journal_when_full": "refuse"}


def settings(directory: Path, **options: str) -> config.Settings:
    given = {"notifier_strategy": "rabbit", "journal_dir": str(directory), **options}
    return config.read(given, "this-host")


def test_what_the_dead_have_left_is_settled_though_it_fills_the_journal(
    host: Host, tmp_path: Path
) -> None:
    """It can be all that fills it: delivered, but not removed before the rest was told."""
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


def test_what_the_dead_have_left_open_is_told_however_long_it_is(
    host: Host, tmp_path: Path
) -> None:
    """All of it is more than one record takes."""
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
def test_what_is_set_aside_takes_a_quarter_of_the_bound_at_most(
    strategies: tuple[str, ...], host: Host, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all strategies and all priorities together."""
    directory, broker = tmp_path / "journal", FileBroker(tmp_path / "broker")
    directory.mkdir()
    bound = 1024 * 1024
    journal = Journal(directory, max_size=GIB)
    for at in range(900):
        priority = list(Priority)[at % 3]
        journal.record([message(bytes(500), priority=priority)])
    chosen = settings(directory, journal_max_size="1MiB", relay="external")
    makers = dict.fromkeys(strategies, lambda: Nowhere(broker.path))
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


class Nowhere(AppendingStrategy):
    """A broker without a queue."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        return [Outcome.UNROUTABLE] * len(batch)


def test_where_no_thread_can_be_started_it_is_tried_again(
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
from tests.delivery.test_assembly import settings

class Hanging(AppendingStrategy):
    def send(self, batch):
        os.write(1, b"sends ")  # whole, of whatever thread
        time.sleep(60)

for directory in map(Path, sys.argv[1:]):
    makers = {"rabbit": lambda: Hanging(directory / "broker")}
    assembly.recorder(settings(directory), makers, host())
time.sleep(3)
print(time.monotonic())
"""


def test_a_process_ends_in_five_seconds_however_many_journals_it_has(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in "abc"]
    for each in directories:
        each.mkdir()
        write_dead_process(each, "a" * 16)
    command = [sys.executable, "-c", PROGRAM, *map(str, directories)]
    told = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout.split()
    took = time.monotonic() - float(told[-1])
    assert told[:-1] == [b"sends"] * len(directories)
    assert took < 9.0  # one after the other they would take 10.5


def test_a_worker_of_another_user_than_has_loaded_the_filter_names_both(
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

    def told() -> list[str]:
        """Journals of other tests are tended, too."""
        return [each for each in logged_lines(caplog) if str(directory) in each]

    eventually(lambda: told()[1:] == [f"the journal in {directory} is maintained again"])
    assert f"belongs to user 0, this process to user {user}" in told()[0]
    assert not recorder.refuses()


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, 1), (None, 4)], ids=["one trouble", "others"]
)
def test_a_trouble_that_lasts_is_logged_once_whatever_its_text(
    number: int | None,
    expected: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The names of files are random in it. Another one is logged, too, and its end."""
    caplog.set_level(logging.INFO)
    ours = Journal(tmp_path, max_size=GIB)
    left = iter([errno.EIO, errno.EROFS, errno.EDQUOT, errno.ENOSPC] * 3)

    def fail() -> None:
        found = next(left, None)
        if found is not None:
            raise OSError(number or found, "trouble", f"{time.monotonic_ns()}.new")

    def rest(_: float) -> None:
        if next(turns) == 20:
            raise SystemExit

    turns = itertools.count()
    monkeypatch.setattr(ours, "open", fail)
    monkeypatch.setattr(maintenance_thread, "time", SimpleNamespace(sleep=rest))
    with pytest.raises(SystemExit):
        maintenance_thread.maintain(ours)
    assert len(logged_lines(caplog, logging.ERROR)) == expected
    assert logged_lines(caplog)[-1] == f"the journal in {tmp_path} is maintained again"


def test_at_the_end_a_journal_that_cannot_be_written_keeps_no_other(
    host: Host,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And its trouble, which was logged before, is not logged as that of a request."""
    tended: list[Path] = []

    class Ours(SimpleNamespace):
        is_maintained = True

        def maintain(self) -> None:
            tended.append(self.directory)
            raise PermissionError(errno.EACCES, "Permission denied")

    directories = [tmp_path / name for name in "ab"]
    all_here = [Ours(directory=each) for each in directories]
    monkeypatch.setattr(host.journals, "all", lambda: all_here)
    host.end()
    assert tended == directories
    assert logged_lines(caplog, logging.ERROR) == []
