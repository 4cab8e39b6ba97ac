"""kill -9, noise on the disk, a clock that jumps: each entry is read once, and in order."""

import contextlib
import fcntl
import os
import random
import re
import shutil
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.delivery.file_broker import AppendingStrategy, FileBroker, running_relay
from tests.journal.fake_leader import journal_file_names
from tests.journal.killed_writer import MIB, body_of, record_for_ever
from tests.journal.processes import eventually, living_writer, pipe, running
from tests.journal.sample_journals import (
    MakeJournal,
    ids,
    message,
    read,
    record_each,
    segments,
)

AT_A_TIME = 10
ROUNDS = 50


def read_report(receiver: Connection) -> tuple[list[str], list[str]]:
    """The ids of the messages that a killed writer has begun, and that it has recorded."""
    parts = []
    while part := os.read(receiver.fileno(), MIB):
        parts.append(part)
    lines = b"".join(parts).decode().splitlines()
    return (
        [line[1:] for line in lines if line[0] == "?"],
        [line[1:] for line in lines if line[0] == "!"],
    )


def test_kill_9_at_500_moments_loses_nothing_that_was_recorded(tmp_path: Path) -> None:
    chance = random.Random(41)
    torn = recorded_in_all = 0
    for turn in range(ROUNDS):
        directory = tmp_path / str(turn)
        directory.mkdir()
        pipes = [pipe() for _ in range(AT_A_TIME)]
        begin, go = pipe()
        writers = []
        with contextlib.ExitStack() as processes:
            for receiver, report in pipes:
                # So few lines make a writer wait, where this process gets no processor to kill it.
                fcntl.fcntl(receiver, fcntl.F_SETPIPE_SZ, 16 * 1024)
                seed = chance.getrandbits(64)
                started = running(record_for_ever, directory, begin, report, seed)
                writers.append(processes.enter_context(started))
                report.close()
            begin.close()
            go.close()
            for receiver, _ in chance.sample(pipes, 5):
                assert receiver.poll(30)
            time.sleep(chance.uniform(0.0, 0.02))
            for each in writers:
                each.kill()
        begun, recorded = [], []
        for receiver, _ in pipes:
            reported = read_report(receiver)
            begun += reported[0]
            recorded += reported[1]
            receiver.close()
        found = [each for step in read(directory) for each in step.messages]
        assert {each.message_id for each in found} >= set(recorded)
        assert {each.message_id for each in found} <= set(begun)
        assert len(found) == len({each.message_id for each in found})
        assert all(each.body == body_of(each.message_id) for each in found)
        recorded_in_all += len(recorded)
        torn += len(begun) - len(found)
        shutil.rmtree(directory)
    assert recorded_in_all > 500
    assert torn > 50, "the kills come in the middle of an entry, or just before it"


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay looks for dead processes ten times a second."""
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SURVEY_INTERVAL", 0.1)


def logged_losses(caplog: pytest.LogCaptureFixture) -> int:
    """How many notifications are lost, by the lines of the log."""
    found = (
        re.match(r"(\d+) notifications are lost", each.getMessage()) for each in caplog.records
    )
    return sum(int(each[1]) for each in found if each is not None)


def deliver_all(directory: Path) -> list[str]:
    """Run a relay until no file is left; returns the ids of the messages that it has delivered."""
    broker = FileBroker(directory / "broker")
    with running_relay(directory, lambda: AppendingStrategy(broker.path)):
        eventually(lambda: journal_file_names(directory) == set())
    return broker.ids


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("where", ["in the middle", "at its tail"])
def test_notifications_lost_in_a_damaged_segment_are_counted_exactly(
    where: str, seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)
    with living_writer(tmp_path) as writer:
        recorded = writer.record(300)
        writer.maintain()
    (path,) = segments(tmp_path)
    data = bytearray(path.read_bytes())
    start = chance.randrange(200, len(data) - 1000)
    end = len(data) if where == "at its tail" else start + chance.randrange(1, 900)
    data[start:end] = chance.randbytes(end - start)
    path.write_bytes(data)
    delivered = deliver_all(tmp_path)
    assert [each for each in recorded if each in delivered] == delivered
    assert logged_losses(caplog) == len(recorded) - len(delivered) > 0


@pytest.mark.usefixtures("impatient")
def test_sound_segment_counts_no_loss(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with living_writer(tmp_path) as writer:
        recorded = writer.record(300)
    assert deliver_all(tmp_path) == recorded
    assert logged_losses(caplog) == 0


def test_wall_clock_that_jumps_back_does_not_change_the_order(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time()
    journals = [make_journal(segment_size=500) for _ in range(3)]
    recorded = []
    with monkeypatch.context() as patched:
        for turn in range(60):
            patched.setattr(time, "time", lambda turn=turn: now - 3600.0 * turn)
            recorded += record_each(journals[turn % 3], [message()])
    assert ids(read(tmp_path)) == recorded
