"""What was recorded is what was delivered, is a dead letter, is lost, or is pending: for each
target, at any moment, whichever processes are killed."""

import json
import random
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery.aside import operator_requests
from glance_notify_middleware.delivery.aside.sending_again import SendingAgain
from glance_notify_middleware.delivery.node.state import NodeState
from glance_notify_middleware.events.notification import Priority
from tests.delivery.moody_broker import MOODS, TARGETS, record_for_ever, relay_for_ever
from tests.delivery.state_reading import read_node_state
from tests.journal.processes import eventually, running
from tests.journal.sample_journals import GIB, message

ROUNDS = 10


def settings_of(directory: Path, targets: tuple[str, ...] = TARGETS) -> Settings:
    """The settings of a filter with this journal_dir."""
    options = {
        "notifier_strategy": ", ".join(targets),
        "rabbit_hosts": "broker.example",
        "rabbit_password": "secret",
        "qpid_hosts": "broker.example",
        "qpid_username": "glance",
        "qpid_password": "secret",
        "journal_dir": str(directory),
    }
    return config.read(options, "this-host")


def checked(settings: Settings) -> NodeState:
    """The state of the node, in which the counts of each target make up what was recorded."""
    state = read_node_state(settings)
    recorded = sum(state.recorded.values())
    for target in state.targets.values():
        lost = sum(target.lost.values())
        parts = (target.delivered, target.dead_letters, lost, target.pending)
        assert sum(parts) == recorded, (target.name, parts, recorded)
    return state


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "broker"
    path.mkdir()
    return path


@pytest.mark.parametrize("seed", [0, 1])
def test_counts_of_each_target_make_up_what_was_recorded_whatever_is_killed(
    seed: int, journal_dir: Path, folder: Path
) -> None:
    chance = random.Random(seed)
    settings = settings_of(journal_dir)
    log = folder / "log"
    for each in range(ROUNDS):
        set_mood(folder, chance)
        with ExitStack() as stack:
            stack.enter_context(running(relay_for_ever, journal_dir, folder))
            with ExitStack() as writers:
                for number in range(chance.choice((0, 1, 2))):
                    arguments = (journal_dir, log, chance.getrandbits(64) + number)
                    writers.enter_context(running(record_for_ever, *arguments))
                time.sleep(chance.uniform(0.05, 0.35))
            if chance.random() < 0.5:
                checked(settings)
                time.sleep(chance.uniform(0.0, 0.4))
        checked(settings)
        if each == ROUNDS // 2:
            ask_as_an_operator(journal_dir, drops=seed % 2 == 1)
            checked(settings)
    for mood in MOODS:
        (folder / mood).unlink(missing_ok=True)
    with running(relay_for_ever, journal_dir, folder):
        eventually(lambda: is_drained(settings))
    state = checked(settings)
    check_arrivals(state, journal_dir, folder, log)


def set_mood(folder: Path, chance: random.Random) -> None:
    for mood in MOODS:
        (folder / mood).unlink(missing_ok=True)
        if chance.random() < 0.5:
            (folder / mood).touch()


def ask_as_an_operator(directory: Path, *, drops: bool) -> None:
    """Send some messages again, and maybe drop what is set aside, while nothing runs."""
    for name in TARGETS:
        if drops:
            operator_requests.drop(directory, name, Priority.WARN)
        again = SendingAgain(directory, name, GIB)
        assert again.add([message(priority=Priority.WARN) for _ in range(3)]) == 3


def is_drained(settings: Settings) -> bool:
    state = checked(settings)
    waiting = [target.pending or target.set_aside for target in state.targets.values()]
    return not any(waiting) and not list(state.directory.glob("*.live"))


def check_arrivals(state: NodeState, directory: Path, folder: Path, log: Path) -> None:
    """The counts are those of the ids: what arrived, what is a dead letter, what was dropped."""
    lines = log.read_text().splitlines()
    begun = {line[1:] for line in lines if line.startswith("?")}
    recorded = {line[1:] for line in lines if line.startswith("!")}
    assert len(recorded) <= sum(state.recorded.values()) <= len(begun)
    dead = list(dead_letters(directory))
    for name, target in state.targets.items():
        arrived = {line.split()[0] for line in (folder / name).read_text().split("\n") if line}
        its_dead = {message_id for target_name, message_id in dead if target_name == name}
        dropped = target.lost.get("operator", 0)
        # What arrived, and was not known to have arrived, may have been set aside and dropped.
        assert target.delivered <= len(arrived & begun) <= target.delivered + dropped
        assert target.dead_letters == len(its_dead & begun)
        # Confirms: a leader that is killed before the aside file is removed has them sent twice.
        assert target.sent_again >= len(arrived - begun) == 3
        assert len(recorded - arrived - its_dead) <= dropped
        assert sum(target.lost.values()) == dropped


def dead_letters(directory: Path) -> Iterator[tuple[str, str]]:
    for path in directory.glob("dead-*.jsonl"):
        for line in path.read_text().splitlines():
            found = json.loads(line)
            yield found["strategy"], found["notification"]["message_id"]
