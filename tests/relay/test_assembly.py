"""Journals and relays as the settings have them put together, in one process."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import pytest

from glance_notify_middleware import assembly, config
from glance_notify_middleware.intent import Intent, encode
from glance_notify_middleware.journal.directory import listing
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.notification import EventType, Message, Notification, Priority
from glance_notify_middleware.strategies import Outcome
from tests.journal.leading import leave_behind
from tests.journal.processes import eventually, no_thread
from tests.journal.support import GIB, message
from tests.relay.relays import Appending, Broker

NOTIFICATION = Notification(
    "id", "host", EventType.UPDATE, Priority.INFO, 0.0, {}, None, None, None
)

REFUSE = {"journal_when_full": "refuse"}


def settings(directory: Path, **options: str) -> config.Settings:
    given = {"notifier_strategy": "rabbit", "journal_dir": str(directory), **options}
    return config.read(given, "this-host")


def test_what_the_dead_have_left_is_settled_though_it_fills_the_journal(tmp_path: Path) -> None:
    """It can be all that fills it: delivered, but not removed before the rest was told."""
    directory, broker = tmp_path / "journal", Broker(tmp_path / "broker")
    directory.mkdir()
    dead = Journal(directory, max_size=GIB)
    key = bytes(range(16))
    dead.begin(key, encode(Intent(key, 1.0, "host", EventType.CREATE, *["x"] * 6)))
    recorded = [message(bytes(3000)) for _ in range(400)]
    dead.record(recorded[:200])
    dead.record(recorded[200:])
    dead.drop()
    chosen = settings(directory, journal_max_size="1MiB", relay="external", **REFUSE)
    makers = {"rabbit": lambda: Appending(broker.path)}
    assembly.prepare(chosen, makers)
    recorder = assembly.recorder(chosen, makers)
    eventually(recorder.refuses)
    relay = assembly.relay(chosen, makers)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: len(broker.ids) == len(recorded) + 1)
        eventually(lambda: dead.identity not in listing(directory).segments)
        eventually(lambda: not recorder.refuses())
    finally:
        relay.stop()
        thread.join()


def test_what_the_dead_have_left_open_is_told_however_long_it_is(tmp_path: Path) -> None:
    """All of it is more than one record takes."""
    directory, broker = tmp_path / "journal", Broker(tmp_path / "broker")
    directory.mkdir()
    dead = Journal(directory, max_size=GIB)
    keys = [bytes([n]) * 16 for n in range(1, 101)]
    for key in keys:
        begun = Intent(key, 1.0, "host", EventType.SEND, "", "i" * 45_000, *["x"] * 4)
        dead.begin(key, encode(begun))
    dead.drop()
    chosen = settings(directory, relay="external")
    relay = assembly.relay(chosen, {"rabbit": lambda: Appending(broker.path)})
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
    strategies: tuple[str, ...], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Of all strategies and all priorities together."""
    directory, broker = tmp_path / "journal", Broker(tmp_path / "broker")
    directory.mkdir()
    bound = 1024 * 1024
    journal = Journal(directory, max_size=GIB)
    for at in range(900):
        priority = list(Priority)[at % 3]
        journal.record([message(bytes(500), priority=priority)])
    chosen = settings(directory, journal_max_size="1MiB", relay="external")
    makers = dict.fromkeys(strategies, lambda: Nowhere(broker.path))
    relay = assembly.relay(chosen, makers)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: caplog.text.count("can set no more messages aside") == len(strategies))
    finally:
        relay.stop()
        thread.join()
        journal.drop()
    taken = sum(path.stat().st_size for path in directory.glob("aside.*"))
    assert bound // 5 < taken <= bound // 4


class Nowhere(Appending):
    """A broker without a queue."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        return [Outcome.UNROUTABLE] * len(batch)


def test_where_no_thread_can_be_started_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    directory, broker = tmp_path / "journal", Broker(tmp_path / "broker")
    monkeypatch.setattr(assembly, "in_each_process", lambda start: None)
    monkeypatch.setattr(assembly, "_AGAIN", 0.5)
    chosen = settings(directory)
    makers = {"rabbit": lambda: Appending(broker.path)}
    assembly.prepare(chosen, makers)
    recorder = assembly.recorder(chosen, makers)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", no_thread)
        for _ in range(9):
            recorder.record([NOTIFICATION])
    assert len([each for each in caplog.records if "can't start new" in each.getMessage()]) == 1
    time.sleep(0.5)
    recorder.record([NOTIFICATION])
    try:
        eventually(lambda: len(broker.ids) == 10)
    finally:
        assembly._end()


PROGRAM = """
import os, sys, time
from glance_notify_middleware import assembly
from pathlib import Path
from tests.relay.relays import Appending
from tests.relay.test_assembly import settings

class Hanging(Appending):
    def send(self, batch):
        os.write(1, b"sends ")  # whole, of whatever thread
        time.sleep(60)

for directory in map(Path, sys.argv[1:]):
    assembly.recorder(settings(directory), {"rabbit": lambda: Hanging(directory / "broker")})
time.sleep(3)
print(time.monotonic())
"""


def test_a_process_ends_in_five_seconds_however_many_journals_it_has(tmp_path: Path) -> None:
    directories = [tmp_path / name for name in "abc"]
    for each in directories:
        each.mkdir()
        leave_behind(each, "a" * 16)
    command = [sys.executable, "-c", PROGRAM, *map(str, directories)]
    told = subprocess.run(command, stdout=subprocess.PIPE, timeout=60, check=True).stdout.split()
    took = time.monotonic() - float(told[-1])
    assert told[:-1] == [b"sends"] * len(directories)
    assert took < 9.0  # one after the other they would take 10.5
