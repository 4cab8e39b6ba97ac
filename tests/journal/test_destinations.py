"""The agreement of all processes that use a directory on its destinations."""

import os
import time
from pathlib import Path

import pytest

from glance_notify_middleware.journal import checksummed, locks
from glance_notify_middleware.journal.destinations import Destinations, DestinationsError
from tests.journal.processes import eventually, living_writer, running
from tests.journal.sample_journals import MakeJournal

HERE = {"notifier_strategy": "rabbit", "rabbit_notification_topic": "notifications"}
THERE = HERE | {"rabbit_notification_topic": "elsewhere"}


@pytest.fixture
def destinations() -> Destinations:
    """The agreements of this process."""
    return Destinations()


def test_first_process_writes_the_destinations_of_all(
    destinations: Destinations, tmp_path: Path
) -> None:
    destinations.agree(tmp_path, HERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == HERE
    with living_writer(tmp_path):
        destinations.agree(tmp_path, HERE, lambda: None)


def test_other_destination_is_refused_while_a_process_lives(
    destinations: Destinations, tmp_path: Path
) -> None:
    destinations.agree(tmp_path, HERE, lambda: None)
    with living_writer(tmp_path) as writer:
        with pytest.raises(DestinationsError) as raised:
            destinations.agree(tmp_path, THERE, lambda: None)
        assert (raised.value.name, raised.value.living) == (
            "rabbit_notification_topic",
            "notifications",
        )
        writer.kill()
        destinations.agree(tmp_path, THERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == THERE


def test_destination_that_only_a_newer_version_knows_is_a_difference(
    destinations: Destinations, tmp_path: Path
) -> None:
    destinations.agree(tmp_path, HERE | {"further": 1}, lambda: None)
    with living_writer(tmp_path), pytest.raises(DestinationsError) as raised:
        destinations.agree(tmp_path, HERE, lambda: None)
    assert (raised.value.name, raised.value.living) == ("further", 1)


def test_second_filter_of_this_process_must_agree_and_drops_no_lock(
    destinations: Destinations, make_journal: MakeJournal, tmp_path: Path
) -> None:
    destinations.agree(tmp_path, HERE, lambda: None)
    journal = make_journal()
    journal.open()
    with pytest.raises(DestinationsError):
        destinations.agree(tmp_path, THERE, lambda: journal.identity)


def hold(path: Path) -> None:
    """Lock the file, as the leader does, and live on."""
    with path.open("w") as file:
        assert locks.try_lock(file.fileno())
        (path.parent / "holds").touch()
        time.sleep(60)


def test_relay_in_a_process_of_its_own_counts_as_living(
    destinations: Destinations, tmp_path: Path
) -> None:
    """It would go on sending elsewhere, and remove what it has sent there."""
    destinations.agree(tmp_path, HERE, lambda: None)
    with running(hold, tmp_path / "relay.lock"):
        eventually((tmp_path / "holds").exists)
        with pytest.raises(DestinationsError):
            destinations.agree(tmp_path, THERE, lambda: None)
    destinations.agree(tmp_path, THERE, lambda: None)


def test_lock_that_is_held_for_a_moment_is_waited_for(
    destinations: Destinations, tmp_path: Path
) -> None:
    """Another process that starts holds the lock to find out whether it is free."""
    destinations.agree(tmp_path, HERE, lambda: None)
    asked: list[None] = []

    def own_identity() -> str | None:
        asked.append(None)
        return "a" * 16 if len(asked) == 1 else None

    destinations.agree(tmp_path, THERE, own_identity)
    assert checksummed.load(tmp_path / "destinations.json") == THERE


def test_before_change_is_called_once_for_each_change(
    destinations: Destinations, tmp_path: Path
) -> None:
    done: list[object] = []

    def before() -> None:
        done.append(checksummed.load(tmp_path / "destinations.json"))

    for wanted in (HERE, HERE, THERE, THERE):
        destinations.agree(tmp_path, wanted, lambda: None, before)
    assert done == [None, HERE]


def test_damaged_destinations_are_written_again(destinations: Destinations, tmp_path: Path) -> None:
    (tmp_path / "destinations.json").write_bytes(os.urandom(200))
    with living_writer(tmp_path):
        destinations.agree(tmp_path, HERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == HERE
