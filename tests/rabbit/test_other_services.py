"""All services of a cloud share the queues of notifications: the filter never gets another service
refused.

The notifier of the other service is oslo.messaging's, unmodified, in each of the configurations
that a cloud can have; the reader is oslo.messaging's listener, with the same configuration.
"""

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.events.notification import EventType, Message, Notification, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from tests.rabbit.program import Program

CLOUDS = {
    "defaults": "",
    "durable": "[oslo_messaging_rabbit]\namqp_durable_queues = true\n",
    "quorum": "[oslo_messaging_rabbit]\nrabbit_quorum_queue = true\n",
}
"""The configuration of every service of a cloud."""

AUTO = {
    "defaults": {"create_queues": "auto", "rabbit_durable_queues": "false"},
    "durable": {"create_queues": "auto", "rabbit_durable_queues": "true"},
    "quorum": {
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
        "rabbit_queue_type": "quorum",
    },
}
"""The filter's options for that cloud, where the filter creates queues."""

REFUSED = ("PRECONDITION_FAILED", "Could not send", "inequivalent")


def refusals(program: Program) -> list[str]:
    """The errors of a program that say that the broker refused something."""
    return [line for line in program.errors if any(words in line for words in REFUSED)]


class Scene:
    """A vhost with a notifier of another service, and the filter's strategy."""

    def __init__(
        self, node: Node, file: Path, cloud: str, *, creates: bool, is_first: bool
    ) -> None:
        """`is_first`: the strategy sends before the notifier, each time that both send."""
        self.creates, self.is_first = creates, is_first
        self.vhost = f"test-{uuid.uuid4().hex}"
        self.waiting: list[Message] = []
        self.of_notifier: list[str] = []
        self._node, self._file = node, file
        node.add_vhost(self.vhost)
        self._url = f"rabbit://guest:guest@127.0.0.1:{node.port}/{self.vhost}"
        self.notifier = Program("-m", "tests.rabbit.oslo_notifier", self._url, str(file))
        lines = {"rabbit_host": "127.0.0.1", "rabbit_port": str(node.port)}
        lines |= {"rabbit_virtual_host": self.vhost}
        lines |= AUTO[cloud] if creates else {}
        self.strategy = Rabbit(config.read(lines, "this-host"))
        self.reader: Program | None = None

    def listen(self) -> Program:
        """Start the reader, with the configuration of the cloud."""
        self.reader = Program("-m", "tests.rabbit.oslo_listener", self._url, str(self._file))
        self.reader.wait_until_ready()
        return self.reader

    def both_send(self) -> None:
        for of_strategy in (self.is_first, not self.is_first):
            (self.send if of_strategy else self.send_by_notifier)()

    def send_by_notifier(self) -> None:
        self.of_notifier.append(str(uuid.uuid4()))
        self.notifier.write(self.of_notifier[-1])
        self.notifier.wait(lambda: self.notifier.output.count("done\n") == len(self.of_notifier))
        assert not refusals(self.notifier)

    def send(self) -> None:
        """Send by the strategy. A message that is not taken is sent again with the next message."""
        made = Notification(
            message_id=str(uuid.uuid4()),
            publisher_id="image.this-host",
            event_type=EventType.SEND,
            priority=Priority.INFO,
            timestamp=time.time(),
            payload={},
            request_id="req-1",
            project_id="p1",
            user_id="u1",
        )
        who = (made.message_id, made.event_type, made.priority, made.timestamp)
        self.waiting.append(Message(*who, made.to_json()))
        self.send_again()

    def send_again(self) -> None:
        outcomes = []
        for _ in range(20):
            with contextlib.suppress(SendError):
                outcomes = list(self.strategy.send(self.waiting))
            if outcomes or not self.creates:
                break
            time.sleep(0.2)  # the broker was restarted
        assert not self.creates or set(outcomes) == {Outcome.TAKEN}
        if set(outcomes) == {Outcome.TAKEN}:
            self.waiting.clear()

    def read(self) -> None:
        """Assert that a reader is refused nothing, and receives what both send from then on as well
        as what has waited."""
        reader = self.listen()
        waiting = {message.message_id for message in self.waiting}
        self.both_send()
        assert not self.waiting

        def has_received_all() -> bool:
            received = [json.loads(line) for line in reader.output if line != "ready\n"]
            payloads = [notification["payload"] for notification in received]
            ids = {notification["message_id"] for notification in received}
            return self.of_notifier[-1] in payloads and waiting <= ids

        reader.wait(has_received_all)
        assert not refusals(reader)

    def begin_to_close(self) -> None:
        """Have the programs end, which takes seconds."""
        for program in self._programs():
            program.close_input()

    def close(self) -> None:
        self.strategy.close()
        for program in self._programs():
            program.end()
        self._node.delete_vhost(self.vhost)

    def _programs(self) -> list[Program]:
        return [program for program in (self.notifier, self.reader) if program is not None]


@pytest.fixture
def scenes(rabbit: Node, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[list[Scene]]:
    cloud = request.param
    file = tmp_path / "service.conf"
    file.write_text(CLOUDS[cloud])
    with contextlib.ExitStack() as to_end:
        made = []
        for creates in (False, True):
            for is_first in (False, True):
                scene = Scene(rabbit, file, cloud, creates=creates, is_first=is_first)
                to_end.callback(scene.close)
                made.append(scene)
        for scene in made:
            scene.notifier.wait_until_ready()
        yield made
        for scene in made:
            scene.begin_to_close()


@pytest.mark.parametrize("scenes", CLOUDS, indirect=True)
def test_notifier_is_never_refused_in_either_order_and_over_restarts(
    rabbit: Node, scenes: list[Scene]
) -> None:
    for scene in scenes:
        scene.both_send()
    rabbit.stop()
    rabbit.start()
    for scene in scenes:
        scene.both_send()
        scene.both_send()
    for scene in scenes:
        if not scene.creates:
            assert len(scene.waiting) == 3, "they wait for their reader"
            exchanges = rabbit.api("GET", f"exchanges/{scene.vhost}")
            assert "glance" not in {exchange["name"] for exchange in exchanges}
        scene.read()
