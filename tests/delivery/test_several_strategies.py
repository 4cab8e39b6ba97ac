"""Several strategies: each is sent all messages once, whatever becomes of another strategy."""

import logging
import os
import random
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.cursors import add_strategies
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.file_broker import AppendingStrategy, FileBroker, make_relay, running_relay
from tests.journal.fake_leader import journal_file_names, write_dead_process
from tests.journal.processes import eventually, living_writer, running
from tests.journal.sample_journals import GIB, message, record_each, segments
from tests.runtime.logged import logged_lines

A = "a" * 16


@pytest.fixture
def other(tmp_path: Path) -> FileBroker:
    """The broker of the strategy that is called qpid."""
    return FileBroker(tmp_path / "other")


class Unreachable(AppendingStrategy):
    """A strategy whose broker cannot be reached."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        raise SendError("nobody listens")


class Silent(AppendingStrategy):
    """A strategy whose broker does not answer: it waits until the test lets it go on."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.may_go_on = threading.Event()
        self.waits = threading.Event()

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.waits.set()
        self.may_go_on.wait()
        return super().send(batch)


def test_strategies_are_each_sent_all_once_and_then_it_is_removed(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    left = write_dead_process(journal_dir, A, 700)
    with (
        living_writer(journal_dir) as writer,
        running_relay(
            journal_dir,
            lambda: AppendingStrategy(broker.path),
            qpid=lambda: AppendingStrategy(other.path),
        ),
    ):
        recorded = left + [each for _ in range(20) for each in writer.record(25)]
        eventually(broker.has(recorded))
        eventually(other.has(recorded))
        eventually(lambda: not any(name.startswith(A) for name in journal_file_names(journal_dir)))
    assert broker.ids == other.ids == recorded


def test_silent_broker_holds_up_no_other_strategy(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    silent = Silent(broker.path)
    left = write_dead_process(journal_dir, A, 3)
    with (
        living_writer(journal_dir) as writer,
        running_relay(journal_dir, lambda: silent, qpid=lambda: AppendingStrategy(other.path)),
    ):
        try:
            assert silent.waits.wait(30)
            eventually(other.has(left))
            recorded = left
            for _ in range(20):
                more = writer.record(60)
                recorded += more
                eventually(other.has(more))
            assert not silent.may_go_on.is_set()
            assert broker.ids == []
            assert any(name.startswith(A) for name in journal_file_names(journal_dir))
        finally:
            silent.may_go_on.set()
        eventually(broker.has(recorded))
        eventually(lambda: not any(name.startswith(A) for name in journal_file_names(journal_dir)))
    assert broker.ids == other.ids == recorded


def test_messages_wait_for_an_unreachable_broker_over_restarts_and_are_not_repeated_to_the_other(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    with living_writer(journal_dir) as writer:
        recorded = []
        for _ in range(3):
            with running_relay(
                journal_dir,
                lambda: Unreachable(broker.path),
                qpid=lambda: AppendingStrategy(other.path),
            ):
                recorded += writer.record(300)
                eventually(other.has(recorded))
        assert broker.ids == []
        with running_relay(
            journal_dir,
            lambda: AppendingStrategy(broker.path),
            qpid=lambda: AppendingStrategy(other.path),
        ):
            eventually(broker.has(recorded))
    assert broker.ids == other.ids == recorded


def test_strategy_that_breaks_begins_again_and_the_other_goes_on(
    journal_dir: Path, broker: FileBroker, other: FileBroker, caplog: pytest.LogCaptureFixture
) -> None:
    made: list[AppendingStrategy] = []

    def break_twice() -> AppendingStrategy:
        made.append(AppendingStrategy(broker.path))
        if len(made) < 3:
            raise ZeroDivisionError("broken")
        return made[-1]

    others: list[AppendingStrategy] = []

    def make_other() -> AppendingStrategy:
        others.append(AppendingStrategy(other.path))
        return others[-1]

    recorded = write_dead_process(journal_dir, A)
    with running_relay(journal_dir, break_twice, qpid=make_other):
        eventually(other.has(recorded))
        assert broker.ids == []
        eventually(broker.has(recorded))
    assert broker.ids == other.ids == recorded
    assert len(others) == 1
    (line,) = logged_lines(caplog, logging.ERROR)
    assert f"the relay to rabbit begins again; notifications wait in {journal_dir}" in line


def test_damage_is_logged_once_for_all_strategies(
    journal_dir: Path, broker: FileBroker, other: FileBroker, caplog: pytest.LogCaptureFixture
) -> None:
    left = write_dead_process(journal_dir, A, 9)
    (path,) = journal_dir.glob("*.seg")
    data = path.read_bytes()
    place = data.index(left[4].encode())
    path.write_bytes(data[:place] + b"#" + data[place + 1 :])
    whole = left[:4] + left[5:]
    with running_relay(
        journal_dir,
        lambda: AppendingStrategy(broker.path),
        qpid=lambda: AppendingStrategy(other.path),
    ):
        eventually(broker.has(whole))
        eventually(other.has(whole))
    assert logged_lines(caplog, logging.ERROR) == [
        f"1 notifications are lost: the journal of {A} is damaged"
    ]


def test_segment_that_is_gone_is_not_logged_as_damaged(
    journal_dir: Path, broker: FileBroker, caplog: pytest.LogCaptureFixture
) -> None:
    """A leader that was killed on a full disk leaves the same, although it has sent all of it."""
    journal = Journal(journal_dir, max_size=GIB, segment_size=400)
    recorded = record_each(journal, [message(bytes(400)) for _ in range(5)])
    segments(journal_dir)[2].unlink()
    journal.close()
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually(broker.has(recorded[:2] + recorded[3:]))
    assert logged_lines(caplog, logging.ERROR) == [
        "1 notifications are lost: unless sent before: a segment of the journal of "
        f"{journal.identity} is gone"
    ]


def run_both(directory: Path, path: Path, other: Path) -> None:
    """Relay to two strategies, without end: what a process runs."""
    make_relay(
        directory, lambda: AppendingStrategy(path), qpid=lambda: AppendingStrategy(other)
    ).run()


def test_killed_relays_lose_nothing_for_either_strategy(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    chance = random.Random(32)
    recorded = []
    with living_writer(journal_dir) as writer:
        for _ in range(20):
            with running(run_both, journal_dir, broker.path, other.path):
                recorded += writer.record(60)
                time.sleep(chance.uniform(0.0, 0.12))
        with running(run_both, journal_dir, broker.path, other.path):
            eventually(broker.has(recorded))
            eventually(other.has(recorded))
    for each in (broker, other):
        assert list(dict.fromkeys(each.ids)) == recorded


def has_exactly(broker: FileBroker, expected: Sequence[str]) -> bool:
    return broker.ids == expected


def test_noise_in_the_cursors_has_all_sent_again_to_both_strategies(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    with living_writer(journal_dir) as writer:
        recorded = writer.record(20)
        for times in (1, 2):
            with running_relay(
                journal_dir,
                lambda: AppendingStrategy(broker.path),
                qpid=lambda: AppendingStrategy(other.path),
            ):
                for each in (broker, other):
                    eventually(partial(has_exactly, each, recorded * times))
            (journal_dir / "cursors.json").write_bytes(os.urandom(300))


def test_added_strategy_is_sent_what_is_recorded_from_then_on(
    journal_dir: Path, broker: FileBroker, other: FileBroker
) -> None:
    with living_writer(journal_dir) as writer:
        first = writer.record(2)
        with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
            eventually(broker.has(first))
        waiting = writer.record(600)
        add_strategies(journal_dir, ["rabbit", "qpid"])
        later = writer.record(3)
        with running_relay(
            journal_dir,
            lambda: AppendingStrategy(broker.path),
            qpid=lambda: AppendingStrategy(other.path),
        ):
            eventually(other.has(later))
            eventually(broker.has(later))
    assert other.ids == later
    assert broker.ids == first + waiting + later


def test_removed_strategy_holds_no_segment_back(
    journal_dir: Path, broker: FileBroker, other: FileBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "glance_notify_middleware")
    recorded = write_dead_process(journal_dir, A, 7)
    with running_relay(
        journal_dir, lambda: AppendingStrategy(broker.path), qpid=lambda: Unreachable(other.path)
    ):
        eventually(broker.has(recorded))
        time.sleep(1.5)
        assert journal_file_names(journal_dir)
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually(lambda: journal_file_names(journal_dir) == set())
    line = "qpid is not in notifier_strategy any more: 7 notifications are not sent to it"
    assert logged_lines(caplog).count(line) == 1
    assert broker.ids == recorded
