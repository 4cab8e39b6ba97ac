"""A relay delivers the journals of many processes to one strategy: all, once, in order."""

import itertools
import os
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.file_broker import AppendingStrategy, FileBroker, make_relay, running_relay
from tests.journal.fake_leader import journal_file_names, write_dead_process
from tests.journal.processes import eventually, living_writer, looks_dead, pipe, running
from tests.journal.sample_journals import GIB, message, record_each

EVENTS = 20_000
MIB = 1024 * 1024


@pytest.fixture
def own_journal(journal_dir: Path) -> Iterator[Journal]:
    """The journal of this process."""
    journal = Journal(journal_dir, max_size=GIB)
    yield journal
    journal.close()


def test_messages_of_many_processes_arrive_once(journal_dir: Path, broker: FileBroker) -> None:
    with ExitStack() as stack:
        writers = [stack.enter_context(living_writer(journal_dir)) for _ in range(4)]
        stack.enter_context(running_relay(journal_dir, lambda: AppendingStrategy(broker.path)))
        recorded = [each for turn in range(40) for each in writers[turn % 4].record(25)]
        eventually(broker.has(recorded))
    assert broker.ids == recorded


def nth_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def hand_on(directory: Path, token_in: Connection, token_out: Connection) -> None:
    """Record, and then pass the token to the next process: what it records is an effect."""
    journal = Journal(directory, max_size=GIB, segment_size=MIB)
    while True:
        number = int.from_bytes(os.read(token_in.fileno(), 4), "big")
        if number < EVENTS:
            journal.record([Message(nth_id(number), "image.update", Priority.INFO, 1.0, b"{}")])
        os.write(token_out.fileno(), (number + 1).to_bytes(4, "big"))
        if number >= EVENTS:
            time.sleep(60)


def test_cause_is_sent_before_its_effect_in_another_process(
    journal_dir: Path, broker: FileBroker
) -> None:
    pipes = [pipe() for _ in range(4)]
    with ExitStack() as stack:
        for at in range(4):
            token_in, token_out = pipes[at][0], pipes[(at + 1) % 4][1]
            stack.enter_context(running(hand_on, journal_dir, token_in, token_out))
        stack.enter_context(running_relay(journal_dir, lambda: AppendingStrategy(broker.path)))
        os.write(pipes[0][1].fileno(), (0).to_bytes(4, "big"))
        eventually(lambda: broker.path.exists() and len(broker.ids) >= EVENTS, 40)
    ids = broker.ids
    inversions = sum(one > next_one for one, next_one in itertools.pairwise(ids))
    assert inversions == 0
    assert ids == [nth_id(number) for number in range(EVENTS)]


def test_backlog_is_delivered_without_a_new_entry(journal_dir: Path, broker: FileBroker) -> None:
    recorded = write_dead_process(journal_dir, "a" * 16, 700)
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually(broker.has(recorded))
        eventually(lambda: journal_file_names(journal_dir) == set())
    assert broker.ids == recorded


def test_relay_does_not_take_the_lock_of_its_own_process(
    journal_dir: Path, broker: FileBroker, own_journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SURVEY_INTERVAL", 0.02)
    with running_relay(
        journal_dir, lambda: AppendingStrategy(broker.path), lambda: own_journal.identity
    ):
        recorded = record_each(own_journal, [message() for _ in range(20)])
        eventually(broker.has(recorded))
        time.sleep(0.2)
        assert not looks_dead(journal_dir, str(own_journal.identity))


def test_relay_does_not_take_its_own_process_for_dead_while_the_journal_is_opened(
    journal_dir: Path, broker: FileBroker, own_journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relay and journal begin at the same time, in two threads."""
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SURVEY_INTERVAL", 0.02)
    link = os.link

    def slow_link(temporary: Path, path: Path) -> None:
        link(temporary, path)
        time.sleep(0.3)

    monkeypatch.setattr(os, "link", slow_link)
    with running_relay(
        journal_dir, lambda: AppendingStrategy(broker.path), lambda: own_journal.identity
    ):
        eventually(lambda: (journal_dir / "relay.lock").exists())
        own_journal.open()
        time.sleep(0.3)
        assert live_path(journal_dir, str(own_journal.identity)).exists()
        assert not looks_dead(journal_dir, str(own_journal.identity))


class Hanging(AppendingStrategy):
    """Waits in `send` until the test lets it go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.entered, self.may_go_on = threading.Event(), threading.Event()

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.entered.set()
        self.may_go_on.wait(30)
        return super().send(batch)


def test_stop_waits_less_than_five_seconds_for_a_strategy_that_hangs(
    journal_dir: Path, broker: FileBroker
) -> None:
    recorded = write_dead_process(journal_dir, "a" * 16)
    hanging = Hanging(broker.path)
    with running_relay(journal_dir, lambda: hanging) as relay:
        assert hanging.entered.wait(30)
        before = time.monotonic()
        relay.stop()
        assert 3.5 < time.monotonic() - before < 8.0  # the strategy waits for 30 seconds
        hanging.may_go_on.set()
        eventually(broker.has(recorded))


def test_stop_waits_for_messages_on_their_way_and_sends_no_more(
    journal_dir: Path, broker: FileBroker
) -> None:
    with living_writer(journal_dir) as writer:
        recorded = writer.record(3)
        hanging = Hanging(broker.path)
        with running_relay(journal_dir, lambda: hanging) as relay:
            assert hanging.entered.wait(30)
            later = writer.record(3)
            threading.Timer(0.3, hanging.may_go_on.set).start()
            relay.stop()
            assert broker.ids == recorded
        with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
            eventually(broker.has(later))
    assert broker.ids == recorded + later


class Failing(AppendingStrategy):
    """Does not reach its broker."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        raise SendError("nobody listens")


def run_failing_relay(directory: Path, path: Path) -> None:
    make_relay(directory, lambda: Failing(path)).run()


def own_memory(pid: int | None) -> int:
    """The memory of a process that is not mapped from a file, in bytes."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def test_waiting_messages_take_no_memory(journal_dir: Path, broker: FileBroker) -> None:
    with (
        living_writer(journal_dir, 1) as writer,
        living_writer(journal_dir, 1) as another,
        running(run_failing_relay, journal_dir, broker.path) as process,
    ):
        time.sleep(0.7)
        before = own_memory(process.pid)
        for _ in range(10):
            writer.record(500)
            another.record(500)
        time.sleep(1.5)
        assert own_memory(process.pid) - before < 5 * MIB
