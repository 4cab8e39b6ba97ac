"""All messages arrive with the same ids, though relays die, are two, or find damaged files."""

import contextlib
import os
import random
import time
from multiprocessing.connection import Connection
from pathlib import Path

from tests.delivery.file_broker import AppendingStrategy, FileBroker, run_relay, running_relay
from tests.journal.fake_leader import journal_file_names, write_dead_process
from tests.journal.processes import eventually, living_writer, pipe, running

TAKEOVER = 30.0  # seconds; it takes two, and a busy machine may take longer


def test_killed_relays_lose_nothing_and_repeat_the_same_ids(
    journal_dir: Path, broker: FileBroker
) -> None:
    chance = random.Random(32)
    recorded = []
    with living_writer(journal_dir) as writer:
        for number in range(40):
            with running(run_relay, journal_dir, broker.path) as relay:
                recorded += writer.record(60)
                if number % 5 == 0:  # on a busy machine most are killed before they send
                    eventually(lambda: relay.pid in broker.senders)
                time.sleep(chance.uniform(0.0, 0.12))
        with running(run_relay, journal_dir, broker.path):
            eventually(broker.has(recorded))
    assert set(broker.ids) == set(recorded)
    assert list(dict.fromkeys(broker.ids)) == recorded
    assert len(broker.senders) > 5


def test_second_relay_goes_on_when_the_leader_is_killed(
    journal_dir: Path, broker: FileBroker
) -> None:
    with (
        living_writer(journal_dir) as writer,
        running(run_relay, journal_dir, broker.path) as one,
        running(run_relay, journal_dir, broker.path) as two,
    ):
        recorded = []
        for _ in range(20):
            recorded += writer.record(50)
            time.sleep(0.05)
        eventually(broker.has(recorded))
        assert broker.ids == recorded, "nothing is sent twice"
        (leader,) = broker.senders
        killed = one if one.pid == leader else two
        killed.kill()
        killed.join()
        more = writer.record(10)
        eventually(broker.has(more), TAKEOVER)
        assert len(broker.senders) == 2


def lead_and_fork(directory: Path, path: Path, result: Connection) -> None:
    """Become the leader, then fork a child that does nothing; send its process id."""
    with running_relay(directory, lambda: AppendingStrategy(path)):
        eventually(path.exists)
        child = os.fork()
        if child != 0:
            result.send(child)
        time.sleep(60)


def test_killed_leader_is_followed_though_its_forked_child_lives(
    journal_dir: Path, broker: FileBroker
) -> None:
    from_it, result = pipe()
    with (
        from_it,
        result,
        living_writer(journal_dir, 5) as writer,
        running(lead_and_fork, journal_dir, broker.path, result) as leader,
    ):
        child = from_it.recv()
        try:
            with running(run_relay, journal_dir, broker.path):
                time.sleep(0.2)
                leader.kill()
                leader.join()
                os.kill(child, 0)
                eventually(broker.has(writer.record(5)), TAKEOVER)
        finally:
            os.kill(child, 9)


def test_removed_lock_file_costs_repeats_at_most_and_soon_one_relay_leads(
    journal_dir: Path, broker: FileBroker
) -> None:
    with (
        living_writer(journal_dir) as writer,
        running(run_relay, journal_dir, broker.path),
        running(run_relay, journal_dir, broker.path),
    ):
        recorded = writer.record(20)
        eventually(broker.has(recorded))
        (first,) = broker.senders
        (journal_dir / "relay.lock").unlink()

        def has_ended() -> bool:
            """The first leader, which closes the removed file then."""
            recorded.extend(writer.record(5))
            return not has_open(first, "relay.lock (deleted)")

        eventually(has_ended, 10.0)
        last = writer.record(1)
        recorded += last
        eventually(broker.has(last))  # the next leader has sent what was before it, too
        assert set(broker.ids) == set(recorded)
        before = len(broker.lines)
        more = [each for _ in range(20) for each in writer.record(5)]
        eventually(broker.has(more))
        since = broker.lines[before:]
        assert [message_id for message_id, _ in since] == more
        assert len({pid for _, pid in since}) == 1


def has_open(pid: int, name: str) -> bool:
    """Whether the process has a file of this name open, as /proc shows it."""
    links = []
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it is closed by now
            links.append(each.readlink().name)
    return name in links


def test_relay_leaves_a_moved_directory_for_the_one_that_the_writers_make(
    journal_dir: Path, broker: FileBroker
) -> None:
    with living_writer(journal_dir) as writer, running(run_relay, journal_dir, broker.path):
        recorded = writer.record(20)
        eventually(broker.has(recorded))
        journal_dir.rename(journal_dir.with_name("elsewhere"))
        recorded += writer.record(5)
        writer.maintain()
        recorded += writer.record(5)
        eventually(broker.has(recorded))
        assert list(dict.fromkeys(broker.ids)) == recorded


def test_noise_in_the_cursors_costs_repeats_at_most(journal_dir: Path, broker: FileBroker) -> None:
    """Both while a relay runs and while no relay runs."""
    cursors = journal_dir / "cursors.json"
    with living_writer(journal_dir) as writer:
        recorded = []
        with running(run_relay, journal_dir, broker.path):
            for _ in range(10):
                recorded += writer.record(10)
                cursors.write_bytes(os.urandom(300))
                time.sleep(0.05)
            eventually(broker.has(recorded))
            assert broker.ids == recorded
        for noise in (os.urandom(300), b"", bytes(300)):
            cursors.write_bytes(noise)
            recorded += writer.record(10)
            with running(run_relay, journal_dir, broker.path):
                eventually(broker.has(recorded))
        assert list(dict.fromkeys(broker.ids)) == recorded


def test_two_leaders_that_settle_the_same_processes_lose_nothing(
    journal_dir: Path, broker: FileBroker
) -> None:
    """The lock file of the first leader is removed, so that both lead for a while."""
    recorded = [
        each for at in range(40) for each in write_dead_process(journal_dir, f"{at:016x}", 20)
    ]
    with running(run_relay, journal_dir, broker.path):
        eventually(lambda: (journal_dir / "relay.lock").exists())
        (journal_dir / "relay.lock").unlink()
        with running(run_relay, journal_dir, broker.path):
            eventually(lambda: journal_file_names(journal_dir) == set())
    assert set(broker.ids) == set(recorded)


def test_stopped_relay_has_saved_what_is_confirmed(journal_dir: Path, broker: FileBroker) -> None:
    with living_writer(journal_dir) as writer:
        recorded = []
        for _ in range(5):
            recorded += writer.record(200)
            with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
                time.sleep(0.02)
        with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
            eventually(broker.has(recorded))
    assert broker.ids == recorded, "cursors are saved when a relay stops"
