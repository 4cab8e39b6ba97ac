"""With logging alone and a journal_dir, notifications are counted there; nothing is stored."""

import functools
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.count_folding import CountFolding
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.locks import open_locked
from glance_notify_middleware.recorder import Counted, NotRecordedError
from glance_notify_middleware.recorder.logging_strategy import FileRecorder
from tests.delivery.state_reading import read_node_state
from tests.journal.fake_leader import journal_file_names, read_totals, write_dead_process
from tests.journal.processes import call_in_process, eventually, pipe, running

UPDATE, SEND = EventType.UPDATE, EventType.SEND


def settings_of(directory: Path, **more: str) -> Settings:
    options = {"notifier_strategy": "logging", "journal_dir": str(directory), **more}
    return config.read(options, "this-host")


def notification(kind: EventType = UPDATE, priority: Priority = Priority.INFO) -> Notification:
    payload = {"bytes_sent": 700}
    return Notification("id", "host", kind, priority, 1.0, payload, None, None, None)


def count_and_wait(directory: Path, log: Path, result: Connection) -> None:
    """What a process runs: it writes three lines, counts them, and waits to be killed."""
    recorder = assembly.counting(settings_of(directory), FileRecorder(str(log)), Host())
    recorder.record([notification(), notification(SEND, Priority.ERROR)])
    recorder.record([notification(SEND)])
    recorder.count(Counted.LOOKUP_REFUSED)
    result.send(os.getpid())
    time.sleep(60)


def test_lines_of_killed_processes_are_counted_and_nothing_else_is_left_of_them(
    tmp_path: Path, journal_dir: Path
) -> None:
    settings = settings_of(journal_dir)
    from_it, result = pipe()
    with from_it, result:
        for dead in range(2):
            with running(count_and_wait, journal_dir, tmp_path / "log", result):
                from_it.recv()
                eventually(functools.partial(has_recorded, settings, 3 * (dead + 1)))
                assert read_node_state(settings).processes == 1
    CountFolding(journal_dir, lambda: None).check()
    state = read_node_state(settings)
    assert state.recorded == {
        (UPDATE, Priority.INFO): 2,
        (SEND, Priority.INFO): 2,
        (SEND, Priority.ERROR): 2,
    }
    assert state.sent_bytes == {"complete": 1400, "cut": 1400}
    assert state.lookups == {"refused": 2}
    assert (state.processes, state.targets) == (0, {})
    assert journal_file_names(journal_dir) == set()
    assert len((tmp_path / "log").read_text().splitlines()) == 6


def has_recorded(settings: Settings, count: int) -> bool:
    return sum(read_node_state(settings).recorded.values()) == count


def test_lines_that_cannot_be_written_are_counted_as_dropped(
    tmp_path: Path, journal_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = Host()
    recorder = assembly.counting(
        settings_of(journal_dir), FileRecorder(str(tmp_path / "log")), host
    )

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    recorder.record([])  # begins
    with monkeypatch.context() as patched:
        patched.setattr("glance_notify_middleware.recorder.logging_strategy.os.write", full)
        with pytest.raises(NotRecordedError):
            recorder.record([notification()])
    (journal,) = host.journals.all()
    assert journal.counters()["dropped"] == {"disk": 1}
    assert journal.counters()["recorded"] == {}


def test_notifications_that_wait_for_a_leader_are_left_to_it(journal_dir: Path) -> None:
    write_dead_process(journal_dir, "a" * 16)
    before = journal_file_names(journal_dir)
    folding = CountFolding(journal_dir, lambda: None)
    for _ in range(2):
        folding.check()
    assert journal_file_names(journal_dir) == before
    assert read_totals(journal_dir)[0] == {}


def test_living_process_and_this_one_are_left_alone(tmp_path: Path, journal_dir: Path) -> None:
    from_it, result = pipe()
    with from_it, result, running(count_and_wait, journal_dir, tmp_path / "log", result):
        from_it.recv()
        eventually(functools.partial(has_recorded, settings_of(journal_dir), 3))
        (name,) = [each for each in journal_file_names(journal_dir) if each.endswith(".live")]
        identity = name.partition(".")[0]
        CountFolding(journal_dir, lambda: None).check()
        assert name in journal_file_names(journal_dir)
    CountFolding(journal_dir, lambda: identity).check()
    assert name in journal_file_names(journal_dir)
    assert call_in_process(_locks, live_path(journal_dir, identity))


def _locks(path: Path) -> bool:
    return open_locked(path) is not None


def test_filter_that_delivers_cannot_share_the_journal_of_one_that_counts(
    tmp_path: Path, journal_dir: Path
) -> None:
    """It would have no relay: the threads of a journal are started once."""
    host = Host()
    assembly.counting(settings_of(journal_dir), FileRecorder(str(tmp_path / "log")), host)
    delivering = settings_of(journal_dir, notifier_strategy="rabbit")
    with pytest.raises(OptionError, match="notifier_strategy"):
        assembly.prepare(delivering, ["rabbit"], host)


def test_directory_that_others_may_write_is_an_error(tmp_path: Path, journal_dir: Path) -> None:
    journal_dir.chmod(0o777)
    with pytest.raises(OptionError, match="journal_dir"):
        assembly.counting(settings_of(journal_dir), FileRecorder(str(tmp_path / "log")), Host())
