"""Queues of notifications are shared by all services of a cloud: no other one is ever refused.

The notifier of the other service is oslo.messaging's, unmodified, in each of the ways in which a
cloud can be configured; the reader is its listener, configured likewise.
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
"""What stands in the configuration of every service of a cloud."""

AUTO = {
    "defaults": {"create_queues": "auto", "rabbit_durable_queues": "false"},
    "durable": {"create_queues": "auto", "rabbit_durable_queues": "true"},
    "quorum": {
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
        "rabbit_queue_type": "quorum",
    },
}
"""How the filter is told of that cloud, where it is to create."""

REFUSED = ("PRECONDITION_FAILED", "Could not send", "inequivalent")


class Scene:
    """A vhost with a notifier of another service, and the strategy."""

    def __init__(
        self, node: Node, file: Path, cloud: str, *, creates: bool, is_first: bool
    ) -> None:
        """`is_first`: the strategy is, each time that both of them send."""
        self.creates, self.is_first = creates, is_first
        self.vhost = f"test-{uuid.uuid4().hex}"
        self.ours: list[Message] = []
        self.theirs: list[str] = []
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
        """The reader comes, with the configuration of all."""
        self.reader = Program("-m", "tests.rabbit.oslo_listener", self._url, str(self._file))
        self.reader.wait_until_ready()
        return self.reader

    def both_send(self) -> None:
        for is_ours in (self.is_first, not self.is_first):
            (self.we_send if is_ours else self.they_send)()

    def they_send(self) -> None:
        self.theirs.append(str(uuid.uuid4()))
        self.notifier.tell(self.theirs[-1])
        self.notifier.wait(lambda: self.notifier.said.count("done\n") == len(self.theirs))
        assert not [each for each in self.notifier.errors if any(map(each.__contains__, REFUSED))]

    def we_send(self) -> None:
        """What does not go waits, and is sent again with the next."""
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
        self.ours.append(Message(*who, made.to_json()))
        self.send_again()

    def send_again(self) -> None:
        outcomes = []
        for _ in range(20):
            with contextlib.suppress(SendError):
                outcomes = list(self.strategy.send(self.ours))
            if outcomes or not self.creates:
                break
            time.sleep(0.2)  # as the broker was restarted
        assert not self.creates or set(outcomes) == {Outcome.TAKEN}
        if set(outcomes) == {Outcome.TAKEN}:
            self.ours.clear()

    def is_read(self) -> None:
        """A reader comes, is refused nothing, and is told what both send from then on, and what
        has waited for it."""
        reader = self.listen()
        waiting = {each.message_id for each in self.ours}
        self.both_send()
        assert not self.ours

        def has_heard() -> bool:
            told = [json.loads(line) for line in reader.said if line != "ready\n"]
            payloads, ids = (
                [each["payload"] for each in told],
                {each["message_id"] for each in told},
            )
            return self.theirs[-1] in payloads and waiting <= ids

        reader.wait(has_heard)
        assert not [each for each in reader.errors if any(map(each.__contains__, REFUSED))]

    def close(self) -> None:
        self.strategy.close()
        for program in (self.notifier, self.reader):
            if program is not None:
                program.end()
        self._node.delete_vhost(self.vhost)


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


@pytest.mark.parametrize("scenes", CLOUDS, indirect=True)
def test_a_notifier_is_never_refused_whoever_comes_first_and_over_restarts(
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
            assert len(scene.ours) == 3, "they wait for their reader"
            exchanges = rabbit.api("GET", f"exchanges/{scene.vhost}")
            assert "glance" not in {each["name"] for each in exchanges}
        scene.is_read()
