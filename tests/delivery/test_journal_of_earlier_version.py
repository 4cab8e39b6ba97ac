"""The journal that an earlier version left behind is delivered whole. Its files are a fixture: see
the README.md in fixtures/journal_of_182c46a, whose entries have version 1, and in
fixtures/journal_of_6a6c1dd, whose entries have version 2."""

import json
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome
from tests.journal.fake_leader import read_totals
from tests.journal.processes import eventually
from tests.runtime.logged import logged_lines

FIXTURES = Path(__file__).parent / "fixtures"
FIXTURE = FIXTURES / "journal_of_182c46a"
EXPECTED = json.loads((FIXTURE / "expected.json").read_text())
KILLED = ("86888f9ec5cafa01", "f0df252b1158d945")

VERSION_2 = FIXTURES / "journal_of_6a6c1dd"
EXPECTED_OF_VERSION_2 = json.loads((VERSION_2 / "expected.json").read_text())
KILLED_OF_VERSION_2 = ("73054f7661fc6f1d",)


def made_now(body: str) -> str:
    """What this version makes of the facts of which an earlier one made this JSON: the keys that
    came later are null."""
    later = ("user_agent", "service_user_id", "service_project_id", "method", "path", "status")
    nulls = "".join(f',"_context_{key}":null' for key in later)
    return body.removesuffix("}") + nulls + "}"


class KeepingStrategy:
    """A strategy that takes every message and keeps it."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    def send(self, batch: Sequence[Message]) -> list[Outcome]:
        self.messages += batch
        return [Outcome.TAKEN] * len(batch)

    def keep_alive(self) -> None:
        pass

    def close(self) -> None:
        pass

    @property
    def bodies(self) -> list[str]:
        """The JSON of each message without its sequence, which no earlier version has sent."""
        return [without_sequence(message.body.decode()) for message in self.messages]


def without_sequence(body: str) -> str:
    before, key, _ = body.partition(f',"{sequence.KEY}":')
    return before + "}" if key else body


@pytest.fixture
def journal_dir(tmp_path: Path) -> Path:
    return copied(FIXTURE, tmp_path)


def copied(fixture: Path, tmp_path: Path) -> Path:
    """A copy of the fixture with the owner and the modes that the filter gives its files."""
    copy = tmp_path / "journal"
    shutil.copytree(fixture / "journal", copy, copy_function=shutil.copyfile)
    copy.chmod(0o700)
    for path in copy.iterdir():
        path.chmod(0o600)
    return copy


def settings(journal_dir: Path) -> Settings:
    """The options with which the fixture was made."""
    options = {
        "notifier_strategy": "rabbit",
        "rabbit_hosts": "rabbit-1.example.org:5672,rabbit-2.example.org:5672",
        "rabbit_userid": "glance",
        "rabbit_password": "secret",
        "relay": "external",
        "journal_max_size": "64MiB",
        "journal_dir": str(journal_dir),
    }
    return config.read(options, "this-host")


def deliver_all(
    journal_dir: Path,
    killed: tuple[str, ...] = KILLED,
    unknown: Collection[str] = tuple(map(made_now, EXPECTED["unknown_outcomes"])),
) -> list[str]:
    """Run a relay until the files of the killed processes and the aside file are gone; the bodies
    of the messages in the order in which they were sent."""
    strategy = KeepingStrategy()
    relay = assembly.relay(settings(journal_dir), {"rabbit": lambda: strategy}, Host())
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        eventually(lambda: not left_behind(journal_dir, killed))
        eventually(lambda: set(strategy.bodies) >= set(unknown))
    finally:
        relay.stop()
        thread.join()
    return strategy.bodies


def left_behind(journal_dir: Path, killed: tuple[str, ...]) -> list[str]:
    return [
        path.name
        for path in journal_dir.iterdir()
        if path.name.startswith(killed) or path.name.startswith("aside.")
    ]


def test_every_message_is_delivered_once_and_byte_for_byte(
    journal_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    delivered = deliver_all(journal_dir)
    expected = EXPECTED["waiting"] + EXPECTED["set_aside"]
    expected += map(made_now, EXPECTED["unknown_outcomes"])
    assert Counter(delivered) == Counter(expected)
    assert logged_lines(caplog, logging.WARNING) == [
        "f0df252b1158d945 has died in the middle of 7 operations: "
        "their outcome is unknown, as an ERROR for each says"
    ]


def test_messages_keep_their_order(journal_dir: Path) -> None:
    """Those of WARN come behind the ones that were set aside before them, the others do not wait
    for these."""
    delivered = deliver_all(journal_dir)
    warnings = [body for body in EXPECTED["waiting"] if '"priority":"WARN"' in body]
    others = [body for body in EXPECTED["waiting"] if body not in warnings]
    warnings = EXPECTED["set_aside"] + warnings
    assert [body for body in delivered if body in warnings] == warnings
    assert [body for body in delivered if body in others] == others
    unknown = [made_now(body) for body in EXPECTED["unknown_outcomes"]]
    assert [body for body in delivered if body in unknown] == unknown


def test_dead_letters_stay_and_are_not_sent(journal_dir: Path) -> None:
    (path,) = (FIXTURE / "journal").glob("dead-*.jsonl")
    delivered = deliver_all(journal_dir)
    assert (journal_dir / path.name).read_bytes() == path.read_bytes()
    sent = {json.loads(body)["message_id"] for body in delivered}
    assert len(EXPECTED["dead_letters"]) == 1
    assert not sent & set(EXPECTED["dead_letters"])


def test_counters_of_the_killed_processes_are_added_to_the_totals(journal_dir: Path) -> None:
    deliver_all(journal_dir)
    recorded, dropped = read_totals(journal_dir)
    assert recorded == EXPECTED["counted"]
    assert dropped == {}


def test_destinations_that_were_agreed_on_are_those_of_the_same_options(journal_dir: Path) -> None:
    """So a process of this version can start while those of the earlier one run."""
    before = {path.name: path.read_bytes() for path in journal_dir.iterdir()}
    assembly.prepare(settings(journal_dir), ["rabbit"], Host())
    assert {path.name: path.read_bytes() for path in journal_dir.iterdir()} == before


def test_notifications_that_version_2_has_deferred_are_delivered_in_their_order(
    tmp_path: Path,
) -> None:
    journal_dir = copied(VERSION_2, tmp_path)
    waiting, unknown = EXPECTED_OF_VERSION_2["waiting"], EXPECTED_OF_VERSION_2["unknown_outcomes"]
    expected = [made_now(body) for body in unknown]
    delivered = deliver_all(journal_dir, KILLED_OF_VERSION_2, expected)
    assert list(map(without_later_keys, delivered)) == list(map(json.loads, waiting + unknown))


def without_later_keys(body: str) -> dict[str, object]:
    """The keys and values of a message without those that came later, which must be null."""
    found = json.loads(body)
    later = json.loads(made_now('{"x":0}'))
    assert all(found.pop(key, None) is None for key in later if key != "x")
    return dict(found)
