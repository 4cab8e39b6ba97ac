"""dead, aside and replay beside a Glance that runs, and a RabbitMQ that rejects and denies."""

import contextlib
import json
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.delivery.dead_files import DeadFiles
from glance_notify_middleware.events.notification import EventType, Notification
from tests.cli.notification_lines import notification
from tests.commands.conftest import CANARY, GlanceNode
from tests.commands.documented import assert_documented
from tests.commands.running import glance_notify
from tests.journal.processes import eventually

PAGE = "repair.md"


class Operator:
    """Who repairs the journal of a node. No command shows a password."""

    def __init__(self, node: GlanceNode, vhost: str) -> None:
        """`vhost` is that of the target rabbit; its user has the same name."""
        self.node = node
        self._rabbit = node.rabbit
        self._vhost = vhost

    def run(self, command: str, *words: str, status: int = 0) -> str:
        """What a command prints on standard output; its paste file is named."""
        paste = ["--paste"] if command == "replay" else []
        ended = glance_notify(*command.split(), *paste, self.node.paste_file, *words)
        assert CANARY not in ended.stdout + ended.stderr
        assert ended.returncode == status, ended.stderr
        return ended.stdout

    def run_documented(self, command: str, *words: str) -> None:
        """Run a command whose output is as the page shows it."""
        shown = " ".join(["glance-notify", command, *words])
        assert_documented(PAGE, shown, self.run(command, *words))

    def rows(self, command: str, *words: str) -> list[dict[str, Any]]:
        """The rows that a command prints."""
        found: list[dict[str, Any]] = json.loads(self.run(command, *words, "-f", "json"))
        return found

    def dead(self) -> list[str]:
        """The ids of the dead letters, the oldest first."""
        return [letter.message_id for letter in DeadFiles(self.node.journal).letters()]

    def received(self, count: int | None, priority: str = "warn") -> list[str]:
        """The ids of the next messages that RabbitMQ has from the target rabbit; None: of all that
        it has now."""
        taken = self._rabbit.drain(f"notifications.{priority}", self._vhost, count)
        return [json.loads(each.body)["message_id"] for each in taken]

    @contextlib.contextmanager
    def small_messages(self) -> Iterator[None]:
        """RabbitMQ takes no message of more than 400 bytes from the target rabbit."""
        self._limit(400)
        try:
            yield
        finally:
            self._limit(2**27)

    @contextlib.contextmanager
    def warnings_denied(self) -> Iterator[None]:
        """The target rabbit may not send WARN."""
        topics = {"exchange": "glance", "write": r"^notifications\.(info|error)$", "read": ".*"}
        path = f"topic-permissions/{self._vhost}/{self._vhost}"
        self._rabbit.api("PUT", path, topics)
        self._change("ok")
        try:
            yield
        finally:
            self._rabbit.api("DELETE", path)

    def _limit(self, size: int) -> None:
        self._change(f"application:set_env(rabbit, max_message_size, {size})")

    def _change(self, what: str) -> None:
        """Change the broker, and close the connections of AMQP 0-9-1: a channel knows from its
        beginning what it may do."""
        close = 'rabbit_networking:close_connection(Each, "changed")'
        connections = "rabbit_networking:connections()"
        self._rabbit.ctl("eval", f"{what}, [catch {close} || Each <- {connections}].")


@pytest.fixture(scope="module")
def operator(node: GlanceNode) -> Operator:
    vhosts = [each["name"] for each in node.rabbit.api("GET", "vhosts")]
    (vhost,) = (name for name in vhosts if name.startswith("node-"))
    return Operator(node, vhost)


def test_dead_letters_are_dropped_or_delivered_with_their_ids_when_their_cause_is_mended(
    operator: Operator,
) -> None:
    """They are too large for RabbitMQ."""
    with operator.small_messages():
        operator.node.emit(1)
        eventually(lambda: len(operator.dead()) == 1)
        operator.run_documented("dead list", "--target", "rabbit")
        (dropped,) = operator.dead()
        shown = operator.run("dead show", dropped)
        shown = shown.replace(socket.gethostname(), "glance-1.example")
        assert_documented(PAGE, f"glance-notify dead show {dropped}", shown)
        operator.node.emit(1)
        eventually(lambda: len(operator.dead()) == 2)
        operator.run_documented("dead drop", dropped, "--yes")
        (kept,) = operator.dead()
    operator.run_documented("dead retry", "--all")
    assert operator.received(1) == [kept]
    assert operator.dead() == []
    eventually(lambda: operator.node.status()["targets"]["rabbit"]["sent_again"] == 1)


def test_messages_set_aside_are_dropped_or_tried_at_once(operator: Operator) -> None:
    def set_aside() -> list[tuple[int, bool]]:
        """Of each target and priority: how many messages, and whether it is known why."""
        return [(row["messages"], bool(row["why"])) for row in operator.rows("aside list")]

    with operator.warnings_denied():
        operator.node.emit(2)
        eventually(lambda: set_aside() == [(2, True)])
        words = ("--target", "rabbit", "--priority", "WARN", "--yes")
        operator.run_documented("aside drop", *words)
        operator.node.emit(2)
        eventually(lambda: set_aside() == [(2, True)])
        operator.run_documented("aside list", "-c", "target", "-c", "messages", "-c", "oldest")
    operator.run_documented("aside retry")
    assert len(operator.received(2)) == 2
    eventually(lambda: operator.rows("aside list") == [])
    assert operator.node.status()["targets"]["rabbit"]["lost"] == {"operator": 2}


def write_log(path: Path, made: Sequence[Notification]) -> None:
    path.write_bytes(b"".join(each.to_json() + b"\n" for each in made) + b'{"torn\n')


def test_notifications_of_a_log_file_are_delivered_with_their_ids(
    operator: Operator, tmp_path: Path
) -> None:
    made = [notification() for _ in range(20)]
    others = [notification(after=-1.0), notification(EventType.UPDATE, {}), made[0]]
    path = tmp_path / "notifications.log"
    write_log(path, [*made, *others])
    words = ("--since", "2026-11-01", "--until", "2026-11-02", "--type", "image.send", str(path))
    operator.received(None, "info")
    printed = operator.run("replay", *words, status=1)
    shown = "glance-notify replay --since 2026-11-21 --until 2026-11-22 --type image.send "
    assert_documented(PAGE, f"{shown}notifications.log*", printed)
    assert operator.received(20, "info") == [each.message_id for each in made]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("dead list", ["--target", "kafka"]),
        ("dead show", ["8adb451d"]),
        ("dead retry", []),
        ("dead drop", ["--all"]),
        ("aside list", ["--priority", "DEBUG"]),
        ("aside retry", ["--target", "kafka"]),
        ("aside drop", []),
        ("replay", ["missing.log"]),
    ],
)
def test_wrong_use_is_one_line(command: str, words: list[str], operator: Operator) -> None:
    ended = glance_notify(*command.split(), *words, *(["--conf", "missing.conf"] * (not words)))
    assert ended.returncode == 2
    assert len(ended.stderr.splitlines()) == 1
    assert not ended.stdout
