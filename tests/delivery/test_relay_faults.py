"""A fault around a relay is logged once, and the relay goes on when the fault is over."""

import logging
import shutil
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.file_broker import AppendingStrategy, FileBroker, running_relay
from tests.journal.fake_leader import journal_file_names, write_dead_process
from tests.journal.processes import eventually, looks_dead
from tests.journal.sample_journals import encoded, head, message, of_newer_version
from tests.runtime.logged import logged_lines


class Unreachable(AppendingStrategy):
    """A strategy whose broker cannot be reached."""

    is_closed = False

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        raise SendError("nobody listens")

    def close(self) -> None:
        self.is_closed = True


def test_removed_directory_is_logged_once_and_the_relay_goes_on_when_it_is_back(
    journal_dir: Path, broker: FileBroker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually(lambda: (journal_dir / "relay.lock").exists())
        time.sleep(0.2)
        removed = journal_dir.rename(tmp_path / "removed")  # the relay makes no more files there
        shutil.rmtree(removed)
        time.sleep(3.5)
        errors = logged_lines(caplog, logging.ERROR)
        lines = [line for line in errors if "the relay begins again" in line]
        journal_dir.mkdir()
        recorded = write_dead_process(journal_dir, "a" * 16)
        eventually(broker.has(recorded))
    assert len(lines) == 1
    assert "No such file or directory" in lines[0]


def test_strategy_that_breaks_is_made_again_and_logged_once(
    journal_dir: Path, broker: FileBroker, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = write_dead_process(journal_dir, "a" * 16)
    made = []

    def make() -> AppendingStrategy:
        made.append(AppendingStrategy(broker.path))
        if len(made) < 3:
            raise ZeroDivisionError("broken")
        return made[-1]

    with running_relay(journal_dir, make):
        eventually(broker.has(recorded))
    lines = logged_lines(caplog, logging.ERROR)
    assert len(lines) == 1
    assert f"the relay to rabbit begins again; notifications wait in {journal_dir}" in lines[0]


def test_messages_of_a_strategy_that_broke_are_sent_by_the_next_one(
    journal_dir: Path, broker: FileBroker
) -> None:
    recorded = write_dead_process(journal_dir, "a" * 16)
    broken: list[ZeroDivisionError] = []

    class Breaking(AppendingStrategy):
        def send(self, batch: Sequence[Message]) -> list[Outcome]:
            if not broken:
                broken.append(ZeroDivisionError("broken"))
                raise broken[0]
            return super().send(batch)

    with running_relay(journal_dir, lambda: Breaking(broker.path)):
        eventually(broker.has(recorded))
    assert broker.ids == recorded


def test_stopped_relay_closes_connections_and_releases_the_locks_of_dead_processes(
    journal_dir: Path, broker: FileBroker
) -> None:
    write_dead_process(journal_dir, "a" * 16)
    made: list[Unreachable] = []

    def make() -> Unreachable:
        made.append(Unreachable(broker.path))
        return made[-1]

    with running_relay(journal_dir, make):
        eventually(lambda: not looks_dead(journal_dir, "a" * 16))  # the leader has its lock
    assert looks_dead(journal_dir, "a" * 16)
    assert [each.is_closed for each in made] == [True]


def test_idle_strategy_is_kept_alive_once_a_second(journal_dir: Path, broker: FileBroker) -> None:
    looks: list[float] = []

    class Kept(AppendingStrategy):
        def keep_alive(self) -> None:
            looks.append(time.monotonic())

    with running_relay(journal_dir, lambda: Kept(broker.path)):
        eventually(lambda: len(looks) >= 3)
    assert looks[2] - looks[0] > 1.0  # once a second, and not at each look at the journal


def test_strategy_that_breaks_again_later_is_logged_again(
    journal_dir: Path,
    broker: FileBroker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SAME_TROUBLE", 0.0)
    recorded = write_dead_process(journal_dir, "a" * 16)
    errors = [ZeroDivisionError("one"), ZeroDivisionError("two")]

    def make() -> AppendingStrategy:
        if errors:
            raise errors.pop(0)
        return AppendingStrategy(broker.path)

    with running_relay(journal_dir, make):
        eventually(broker.has(recorded))
    assert len(logged_lines(caplog, logging.ERROR)) == 2


def test_failed_survey_is_logged_once_and_all_messages_are_sent(
    journal_dir: Path,
    broker: FileBroker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SURVEY_INTERVAL", 0.05)

    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    recorded = write_dead_process(journal_dir, "a" * 16)
    with monkeypatch.context() as patched:
        patched.setattr("glance_notify_middleware.journal.locks.open_locked", denied)
        with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
            eventually(broker.has(recorded))
            time.sleep(0.3)
            assert journal_file_names(journal_dir)
            patched.undo()
            eventually(lambda: journal_file_names(journal_dir) == set())
    assert len(logged_lines(caplog, logging.ERROR)) == 1
    assert broker.ids == recorded


def test_journal_of_a_newer_version_is_logged_once(
    journal_dir: Path,
    broker: FileBroker,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glance_notify_middleware.delivery.relay._SURVEY_INTERVAL", 0.05)
    newer = journal_dir / f"{'b' * 16}.0.seg"
    newer.write_bytes(head() + of_newer_version(encoded([message()])))
    recorded = write_dead_process(journal_dir, "a" * 16)
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually(broker.has(recorded))
        eventually(lambda: journal_file_names(journal_dir) == {newer.name})
        time.sleep(0.3)
    assert len(logged_lines(caplog, logging.ERROR)) == 1
    assert newer.exists()
