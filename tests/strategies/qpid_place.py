"""For the qpid strategy: brokers that speak AMQP 1.0, as the contract's tests need them."""

import contextlib
import uuid
from typing import Any, Self

import proton

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from tests.strategies import amqp10_answers as answers
from tests.strategies.amqp10_answers import Conversation
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.node_place import NodePlace
from tests.strategies.places import WRONG_PASSWORD
from tests.strategies.sending import PATIENCE


class QpidPlace(NodePlace):
    """An exchange, and a queue for each priority, on a RabbitMQ node with its AMQP 1.0 plugin.

    Over AMQP 1.0, RabbitMQ 3.10 accepts a message without a queue, and ends the connection where a
    queue refuses a message. For these two cases there is a peer that does as later versions do.
    """

    half_a_greeting = b"AMQP\x03\x01\x00\x00\x00\x00\x00\x3e\x02\x01\x00"
    chatter = b"\x00\x00\x00\x08\x02\x00\x00\x00"  # an empty frame
    # The timestamp of a message is not sent.
    inexpressible: tuple[tuple[str, float], ...] = (
        ("x" * 256, 1.0),
        ("\ud800", 1.0),
    )

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.name = f"test-{uuid.uuid4().hex}"
        self._peer: _Store | None = None
        self._ends = contextlib.ExitStack()

    def __enter__(self) -> Self:
        self.node.api("PUT", f"exchanges/%2F/{self.name}", {"type": "topic", "durable": True})
        for priority in Priority:
            queue = self._queue(priority)
            self.node.api("PUT", f"queues/%2F/{queue}", {"durable": True})
            binding = f"bindings/%2F/e/{self.name}/q/{queue}"
            self.node.api("POST", binding, {"routing_key": queue})
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()
        self.node.api("DELETE", f"exchanges/%2F/{self.name}")
        for priority in Priority:
            self.node.api("DELETE", f"queues/%2F/{self._queue(priority)}")

    def strategy(self, patience: float = 5.0, /, **options: str) -> Qpid:
        class Impatient(Qpid):
            connect_timeout = patience
            answer_timeout = patience

        return Impatient(config.read(self.options | options, "this-host"))

    def strategy_at(self, *ports: int, patience: float = PATIENCE) -> Qpid:
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return self.strategy(patience, qpid_hosts=hosts)

    def with_wrong_password(self) -> Qpid:
        return self.strategy(qpid_password=WRONG_PASSWORD)

    def without_queues_for(self, *priorities: Priority) -> Qpid:
        return self._at_peer(_Store(unroutable=priorities))

    def with_room_for(self, count: int) -> Qpid:
        return self._at_peer(_Store(room=count))

    def received(
        self, count: int | None = None, priority: Priority = Priority.INFO
    ) -> list[tuple[str, bytes]]:
        if self._peer is not None:
            return self._peer.drain()
        found = self.node.drain(self._queue(priority), count=count)
        return [(each.properties["message_id"], each.body) for each in found]

    def close_connections(self, times: int, pause: float) -> None:
        self.node.ctl(
            "eval",
            "[begin [exit(Pid, closed_by_a_test) || Pid <- rabbit_direct:list()], "
            f"timer:sleep({int(pause * 1000)}) end || _ <- lists:seq(1, {times})].",
        )

    @property
    def options(self) -> dict[str, str]:
        """Lines of the filter's section."""
        return {
            "qpid_hosts": f"127.0.0.1:{self.port}",
            "qpid_username": "guest",
            "qpid_password": "guest",
            "qpid_notification_exchange": self.name,
            "qpid_notification_topic": self.name,
            "qpid_target": "/exchange/{exchange}",
        }

    @property
    def queues(self) -> list[str]:
        """In the default vhost."""
        return [self._queue(priority) for priority in Priority]

    def _queue(self, priority: Priority) -> str:
        return f"{self.name}.{priority.lower()}"

    def _at_peer(self, peer: "_Store") -> Qpid:
        self._peer = self._ends.enter_context(peer)
        return self.strategy_at(peer.port, patience=5)


class _Store(Amqp10):
    """A peer that keeps what it takes."""

    def __init__(self, *, unroutable: tuple[Priority, ...] = (), room: int = 2**30) -> None:
        self._kept: list[tuple[str, bytes]] = []
        self._unroutable = tuple(f".{priority.lower()}" for priority in unroutable)
        self._room = room
        super().__init__(self._keep)

    def drain(self) -> list[tuple[str, bytes]]:
        kept, self._kept = self._kept, []
        return kept

    def _keep(self, talk: Conversation, delivery: proton.Delivery) -> None:
        message: Any = self.received[-1]
        if message.subject.endswith(self._unroutable):
            answers.release(talk, delivery)
        elif len(self._kept) >= self._room:
            answers.reject("amqp:resource-limit-exceeded")(talk, delivery)
        else:
            self._kept.append((message.id, bytes(message.body)))
            answers.accept(talk, delivery)
