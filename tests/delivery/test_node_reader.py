"""The state of a node is read from its files: whoever runs, and without disturbing anybody."""

import functools
import shutil
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.aside.files import AsideFiles
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.hosting import Host, HostedJournal
from glance_notify_middleware.delivery.node import state_file
from glance_notify_middleware.delivery.node.reader import NodeReader
from glance_notify_middleware.delivery.node.state import Link, NodeState, TargetState
from glance_notify_middleware.delivery.node.state_file import SavedTarget
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.writer import Journal
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.file_broker import (
    AppendingStrategy,
    FileBroker,
    make_relay,
    run_relay,
    running_relay,
)
from tests.delivery.state_reading import read_node_state
from tests.delivery.test_journal_of_earlier_version import EXPECTED, FIXTURE
from tests.journal.fake_leader import FakeLeader, write_dead_process
from tests.journal.foreign_files import FOREIGN
from tests.journal.processes import eventually, living_writer, looks_dead, pipe, running
from tests.journal.sample_journals import (
    MakeJournal,
    encoded,
    message,
    of_newer_version,
    segments,
    write_segment,
)

A = "a" * 16
UPDATE = ("image.update", Priority.INFO)
WARN = Priority.WARN


def settings_of(directory: Path, **more: str) -> Settings:
    options = {"notifier_strategy": "rabbit", "rabbit_hosts": "broker.example", **more}
    return config.read(options | {"journal_dir": str(directory)}, "this-host")


def read(directory: Path) -> tuple[NodeState, TargetState]:
    """The state of a node, and that of its one target."""
    state = read_node_state(settings_of(directory))
    return state, state.targets["rabbit"]


def test_directory_where_nothing_was_recorded_has_nothing(journal_dir: Path) -> None:
    state, target = read(journal_dir)
    assert (state.recorded, state.dropped, state.processes, state.is_led) == ({}, {}, 0, False)
    assert (target.link, target.pending, target.delivered, target.lost) == (Link.UNKNOWN, 0, 0, {})


def test_directory_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")


def test_processes_that_live_are_counted_and_dead_ones_only_for_what_they_recorded(
    journal_dir: Path,
) -> None:
    write_dead_process(journal_dir, A, 3)
    with living_writer(journal_dir, 4), living_writer(journal_dir, 5):
        state, target = read(journal_dir)
        assert (state.processes, state.recorded) == (2, {UPDATE: 12})
        assert (target.pending, target.oldest) == (12, 1_790_000_000.25)
    state, _ = read(journal_dir)
    assert (state.processes, state.recorded) == (0, {UPDATE: 12})


def test_dead_process_that_a_leader_settles_does_not_live(
    journal_dir: Path, broker: FileBroker
) -> None:
    """The leader has the lock of its live file, as long as the broker is out of reach."""
    write_dead_process(journal_dir, A, 3)
    with running(run_relay_to_nothing, journal_dir), living_writer(journal_dir, 1):
        eventually(lambda: looks_dead(journal_dir, A) is False)
        eventually(lambda: read(journal_dir)[0].processes == 1)
        state, target = read(journal_dir)
        assert (state.recorded, target.pending) == ({UPDATE: 4}, 4)


class NoBroker:
    """A strategy that reaches nothing; its error has what nobody may see in more than one line."""

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        raise SendError("broker.example:5672 does\nnot answer")

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass


def link_written_by(pid: int | None, directory: Path) -> str | None:
    """The link that the leader with this process id has written; None where it has not."""
    content = checksummed.load(directory / "state.json") or {}
    return content["targets"]["rabbit"]["link"] if content.get("pid") == pid else None


def run_relay_to_nothing(directory: Path) -> None:
    make_relay(directory, NoBroker).run()


def test_leader_is_seen_with_what_it_knows(journal_dir: Path, broker: FileBroker) -> None:
    began = time.time()
    with living_writer(journal_dir, 2), running(run_relay_to_nothing, journal_dir):
        eventually(lambda: read(journal_dir)[1].link is Link.OUT_OF_REACH)
        state, target = read(journal_dir)
        assert state.is_led
        assert target.why == "broker.example:5672 does not answer"
        assert began <= (target.since or 0) <= time.time()
        eventually(lambda: read(journal_dir)[1].send_failures.get("connection", 0) > 2)
        assert read(journal_dir)[1].since == target.since, "it is the same state"
        assert (target.last_confirm, target.pending) == (None, 2)
    state, target = read(journal_dir)
    assert (state.is_led, target.link, target.since, target.why) == (False, Link.UNKNOWN, None, "")


def test_last_confirm_and_counts_hold_when_all_is_stopped(
    journal_dir: Path, broker: FileBroker
) -> None:
    began = time.time()
    with living_writer(journal_dir, 7), running(run_relay, journal_dir, broker.path):
        eventually(lambda: read(journal_dir)[1].last_confirm is not None)
        assert read(journal_dir)[1].link is Link.CONNECTED
        eventually(lambda: read(journal_dir)[1].pending == 0)
    _, target = read(journal_dir)
    assert (target.delivered, target.pending, target.oldest) == (7, 0, None)
    assert began <= (target.last_confirm or 0) <= time.time()
    with running(run_relay, journal_dir, broker.path):
        eventually(lambda: read(journal_dir)[0].is_led)
        time.sleep(0.2)
        assert read(journal_dir)[1].last_confirm == target.last_confirm


def test_since_holds_over_leaders_that_follow_one_another(journal_dir: Path) -> None:
    with living_writer(journal_dir, 1):
        with running(run_relay_to_nothing, journal_dir):
            eventually(lambda: read(journal_dir)[1].link is Link.OUT_OF_REACH)
            since = read(journal_dir)[1].since
        with running(run_relay_to_nothing, journal_dir) as second:
            # It may write that the link is unknown first: it has not tried yet.
            eventually(lambda: link_written_by(second.pid, journal_dir) == "out of reach")
            assert read(journal_dir)[1].since == since


def test_state_that_is_old_or_of_another_version_is_not_believed(journal_dir: Path) -> None:
    state_file.save(journal_dir, {"rabbit": SavedTarget(Link.CONNECTED, 5.0)}, [A])
    now = time.time()
    assert state_file.load(journal_dir, now).targets["rabbit"].link is Link.CONNECTED
    for time_of_reading in (None, now + 6, now - 6):
        found = state_file.load(journal_dir, time_of_reading)
        assert found.targets["rabbit"].link is Link.UNKNOWN
        assert found.dead == ()
    content = checksummed.load(journal_dir / "state.json") or {}
    content["targets"]["rabbit"]["link"] = "tied"
    checksummed.replace(journal_dir / "state.json", content)
    assert state_file.load(journal_dir, now).targets["rabbit"].link is Link.UNKNOWN


@pytest.mark.parametrize("name", ["state.json", "cursors.json", "totals.json", "relay.lock"])
@pytest.mark.parametrize("make", FOREIGN.values(), ids=FOREIGN.keys())
def test_foreign_file_is_not_read(name: str, make: object, journal_dir: Path) -> None:
    write_dead_process(journal_dir, A, 3)
    assert callable(make)
    make(journal_dir / name)
    state, target = read(journal_dir)
    assert (state.recorded, target.pending) == ({UPDATE: 3}, 3)


def read_in_leader(directory: Path, path: Path, result: Connection) -> None:
    """Lead and record in this process, and read its state three times, as a relay does that serves
    its metrics."""
    host = Host()
    make = functools.partial(Journal, directory, max_size=2**30)
    journal = HostedJournal(host, directory, make)()
    journal.record([message(), message()])
    own = functools.partial(host.journals.identity, directory)
    with running_relay(directory, lambda: AppendingStrategy(path), own):
        reader = NodeReader(settings_of(directory))
        eventually(lambda: reader.read().targets["rabbit"].delivered == 2)
        result.send((journal.identity, reader.read()))
        time.sleep(60)


def test_relay_that_reads_its_own_node_keeps_its_locks(
    journal_dir: Path, broker: FileBroker
) -> None:
    from_it, result = pipe()
    with from_it, result, running(read_in_leader, journal_dir, broker.path, result):
        assert from_it.poll(30)
        identity, state = from_it.recv()
        assert (state.processes, state.is_led) == (1, True)
        assert not looks_dead(journal_dir, identity)
        assert read(journal_dir)[0].is_led


def test_reader_closes_files_that_are_gone(make_journal: MakeJournal, journal_dir: Path) -> None:
    write_dead_process(journal_dir, A, 1)
    with NodeReader(settings_of(journal_dir)) as reader:
        assert reader.read().recorded == {UPDATE: 1}
        for path in [*segments(journal_dir), live_path(journal_dir, A)]:
            path.unlink()
        assert reader.read().recorded == {}
        write_dead_process(journal_dir, A, 5)
        assert reader.read().recorded == {UPDATE: 5}
        assert len(reader._files._descriptors) == 1


def test_pending_messages_are_counted_from_the_cursor_on(journal_dir: Path) -> None:
    leader = FakeLeader(journal_dir)
    with living_writer(journal_dir, 5, segment_size=1000) as writer:
        leader.deliver()
        writer.record(30)
        leader.close()
        state, target = read(journal_dir)
    assert (state.recorded, target.delivered, target.pending) == ({UPDATE: 35}, 5, 30)


def test_cursor_without_a_number_counts_what_stands_behind_it(journal_dir: Path) -> None:
    """That of a target which was added, in the middle of a journal."""
    path = write_segment(journal_dir, A, [(at, message()) for at in range(4)])
    CursorFile(journal_dir, ["qpid"]).save(at_once=True)
    cursors = CursorFile(journal_dir, ["rabbit"])
    cursors.save(at_once=True)
    assert cursors.of("rabbit").positions == {A: Position(0, path.stat().st_size, None)}
    assert read(journal_dir)[1].pending == 0
    with path.open("ab") as file:
        file.write(encoded([message(), message()], number=4))
    assert read(journal_dir)[1].pending == 2


def test_target_that_is_added_later_has_nothing_pending(journal_dir: Path) -> None:
    write_dead_process(journal_dir, A, 3)
    CursorFile(journal_dir, ["qpid"]).save(at_once=True)
    assert read(journal_dir)[1].pending == 0


def test_oldest_is_the_first_message_behind_the_cursor_or_set_aside(journal_dir: Path) -> None:
    file = CursorFile(journal_dir, ["rabbit"])
    aside = AsideFiles(journal_dir, "rabbit", file.of("rabbit"), 2**20)
    aside.postpone(WARN, 0.0)
    older = message(priority=WARN)._replace(timestamp=1_700_000_000.0)
    for each in (older, message(priority=WARN)):
        file.of("rabbit").pass_aside(WARN, aside.add(each) or 0)
    write_dead_process(journal_dir, A, 3)
    file.save(at_once=True)
    _, target = read(journal_dir)
    assert (target.pending, target.set_aside) == (5, {WARN: 2})
    assert target.oldest == 1_700_000_000.0


def test_message_that_is_set_aside_and_in_the_journal_is_pending_once(journal_dir: Path) -> None:
    """The leader died before its cursor passed it."""
    write_dead_process(journal_dir, A, 3)
    file = CursorFile(journal_dir, ["rabbit"])
    file.save(at_once=True)
    aside = AsideFiles(journal_dir, "rabbit", file.of("rabbit"), 2**20)
    aside.postpone(WARN, 0.0)
    aside.add(message(priority=WARN))
    assert read(journal_dir)[1].pending == 3


def test_entry_of_a_newer_version_ends_the_count(journal_dir: Path) -> None:
    path = write_segment(journal_dir, A, [(1, message())])
    with path.open("ab") as file:
        file.write(of_newer_version(encoded([message()], number=1)))
    assert read(journal_dir)[1].pending == 1


def test_dead_letters_are_the_lines_of_the_target_that_are_left(journal_dir: Path) -> None:
    lines = [b'{"time": "x", "strategy": "rabbit", "notification": {}}', b"", b"    ", b'{"torn']
    other = b'{"time": "x", "strategy": "qpid", "notification": {}}'
    huge = lines[0].replace(b"{}", b'{"payload": {"size": %d}}' % 10**400)
    lines += [other, lines[0], huge]
    (journal_dir / "dead-2026-11.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    assert read(journal_dir)[1].dead == 3


def test_journal_of_an_earlier_version_is_counted_as_far_as_that_has_counted(
    journal_dir: Path,
) -> None:
    shutil.copytree(FIXTURE / "journal", journal_dir, dirs_exist_ok=True)
    for path in journal_dir.iterdir():
        path.chmod(0o600)
    state, target = read(journal_dir)
    waiting = len(EXPECTED["waiting"])
    set_aside = len(EXPECTED["set_aside"])
    assert (target.pending, target.set_aside) == (waiting + set_aside, {WARN: set_aside})
    assert (target.delivered, target.dead_letters, target.dead) == (0, 0, 1)
    recorded = {f"{kind} {priority}": n for (kind, priority), n in state.recorded.items()}
    assert recorded == EXPECTED["counted"]
