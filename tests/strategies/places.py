"""For each strategy: its broker, as the contract's tests need it."""

import time
import uuid
from collections.abc import Sequence
from typing import Protocol

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Connecting, Outcome, SendError, Strategy
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit

PASSWORD = "wrong-pa55word"


def message(
    body: bytes = b'{"a": 1}', priority: Priority = Priority.INFO, message_id: str = ""
) -> Message:
    return Message(message_id or str(uuid.uuid4()), "image.send", priority, time.time(), body)


def messages(count: int, priority: Priority = Priority.INFO) -> list[Message]:
    return [message(b'{"number": %d}' % number, priority) for number in range(count)]


def send_all(strategy: Strategy, batch: Sequence[Message], tries: int = 50) -> None:
    """As the relay does: until each is taken, and what is not known is sent again."""
    for _ in range(tries):
        outcomes: Sequence[Outcome | None]
        try:
            outcomes = strategy.send(batch)
        except SendError as error:
            outcomes = error.outcomes
            time.sleep(0.1)
        assert len(outcomes) == len(batch)
        batch = [
            each
            for each, outcome in zip(batch, outcomes, strict=True)
            if outcome is not Outcome.TAKEN
        ]
        if not batch:
            return
    raise AssertionError(f"{len(batch)} messages were never taken")


PATIENCE = 2.0
"""Seconds that a strategy waits for an answer, where its test does not say otherwise."""

IN_TIME = 5.0
"""Seconds in which what is that patient has come to an end, on a busy machine too; what waits anew
for each byte, or for each call, takes longer."""


def fails(strategy: Strategy, count: int = 1) -> SendError:
    """The error that a send ends with, which it does in time."""
    began = time.monotonic()
    with pytest.raises(SendError) as raised:
        strategy.send(messages(count))
    assert time.monotonic() - began < IN_TIME
    assert str(raised.value)
    assert "\n" not in str(raised.value)
    return raised.value


class Place(Protocol):
    """A broker with room of its own for one test."""

    half_a_greeting: bytes
    """The beginning of what the broker says first, broken off in the middle of a frame."""
    chatter: bytes
    """A whole frame that means nothing."""
    impossible: tuple[tuple[str, float], ...]
    """Ids and timestamps that the broker's protocol, or the broker, cannot take."""
    port: int

    def strategy(self, patience: float = 5.0, /, **options: str) -> Connecting:
        """One for this broker, which waits no longer than `patience` seconds for an answer."""

    def strategy_at(self, *ports: int, patience: float = PATIENCE) -> Connecting:
        """One for brokers at ports of loopback; all else is as for this one."""

    def with_a_wrong_password(self) -> Connecting:
        """One that shows PASSWORD."""

    def with_nowhere_to_put(self, *priorities: Priority) -> Connecting:
        """One whose messages of these priorities have no queue, and get none."""

    def with_room_for(self, count: int) -> Connecting:
        """One whose broker refuses what is more than `count` messages."""

    def received(
        self, count: int | None = None, priority: Priority = Priority.INFO
    ) -> list[tuple[str, bytes]]:
        """Ids and bodies of messages that have arrived, in order: of all, or waits for `count`."""

    def freeze(self) -> None: ...

    def thaw(self) -> None: ...

    def crash(self) -> None: ...

    def start(self) -> None: ...

    def close_connections(self, times: int, pause: float) -> None:
        """Close all connections again and again, from the broker's side."""


class RabbitPlace:
    """A vhost on a RabbitMQ node."""

    half_a_greeting = b"\x01\x00\x00\x00\x00\x01\xf2\x00\x0a\x00\x0a"
    chatter = b"\x08\x00\x00\x00\x00\x00\x00\xce"  # a heartbeat

    impossible = (
        ("x" * 256, 1.0),
        *(("i", timestamp) for timestamp in (-1.0, float("nan"), float("inf"), 1e30)),
    )

    def __init__(self, node: Node, vhost: str) -> None:
        self.node = node
        self.vhost = vhost
        self.port = node.port

    def strategy(self, patience: float = 5.0, /, **options: str) -> Rabbit:
        class Impatient(Rabbit):
            connect_timeout = patience
            answer_timeout = patience

        options = {"create_queues": "auto", "rabbit_durable_queues": "true"} | options
        if "transport_url" not in options:
            options = {
                "rabbit_hosts": f"127.0.0.1:{self.port}",
                "rabbit_virtual_host": self.vhost,
            } | options
        return Impatient(config.read(options, "this-host"))

    def strategy_at(self, *ports: int, patience: float = PATIENCE) -> Rabbit:
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return self.strategy(patience, rabbit_hosts=hosts)

    def with_a_wrong_password(self) -> Rabbit:
        return self.strategy(rabbit_password=PASSWORD)

    def with_nowhere_to_put(self, *priorities: Priority) -> Rabbit:
        self.exchange()
        for priority in set(Priority) - set(priorities):
            self.queue(f"notifications.{priority.lower()}")
        return self.strategy(create_queues="never")

    def with_room_for(self, count: int) -> Rabbit:
        self.exchange()
        self.queue("notifications.info", {"x-max-length": count, "x-overflow": "reject-publish"})
        return self.strategy()

    def received(
        self, count: int | None = None, priority: Priority = Priority.INFO
    ) -> list[tuple[str, bytes]]:
        found = self.node.drain(f"notifications.{priority.lower()}", self.vhost, count)
        return [(each.properties["message_id"], each.body) for each in found]

    def freeze(self) -> None:
        self.node.freeze()

    def thaw(self) -> None:
        self.node.thaw()

    def crash(self) -> None:
        self.node.kill()

    def start(self) -> None:
        self.node.start()

    def close_connections(self, times: int, pause: float) -> None:
        self.node.ctl(
            "eval",
            "[begin rabbit_networking:close_connections(rabbit_networking:connections(), "
            f'"closed by a test"), timer:sleep({int(pause * 1000)}) end '
            f"|| _ <- lists:seq(1, {times})].",
        )

    def exchange(self, kind: str = "topic", durable: bool = True) -> None:
        """Declare the exchange, as another would."""
        self.api("PUT", "exchanges", "glance", {"type": kind, "durable": durable})

    def queue(
        self, name: str, arguments: dict[str, object] | None = None, *, durable: bool = True
    ) -> None:
        """Declare a queue, as another would, and bind it to the exchange by its name."""
        self.api("PUT", "queues", name, {"durable": durable, "arguments": arguments or {}})
        path = f"bindings/{self.vhost}/e/glance/q/{name}"
        self.node.api("POST", path, {"routing_key": name})

    def api(self, method: str, kind: str, name: str, json: object = None) -> None:
        self.node.api(method, f"{kind}/{self.vhost}/{name}", json)

    def declared(self, kind: str) -> dict[str, dict[str, object]]:
        """All exchanges or queues of the vhost, but for those that are there from the first."""
        found = self.node.api("GET", f"{kind}/{self.vhost}")
        return {
            each["name"]: each
            for each in found
            if each["name"] and not each["name"].startswith("amq.")
        }
