"""For the rabbit strategy: a RabbitMQ node, as the contract's tests need it."""

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from tests.strategies.node_place import NodePlace
from tests.strategies.places import WRONG_PASSWORD
from tests.strategies.sending import PATIENCE


class RabbitPlace(NodePlace):
    """A vhost on a RabbitMQ node."""

    half_a_greeting = b"\x01\x00\x00\x00\x00\x01\xf2\x00\x0a\x00\x0a"
    chatter = b"\x08\x00\x00\x00\x00\x00\x00\xce"  # a heartbeat

    inexpressible = (
        ("x" * 256, 1.0),
        *(("i", timestamp) for timestamp in (-1.0, float("nan"), float("inf"), 1e30)),
    )

    def __init__(self, node: Node, vhost: str) -> None:
        super().__init__(node)
        self.vhost = vhost

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

    def with_wrong_password(self) -> Rabbit:
        return self.strategy(rabbit_password=WRONG_PASSWORD)

    def without_queues_for(self, *priorities: Priority) -> Rabbit:
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

    def close_connections(self, times: int, pause: float) -> None:
        self.node.ctl(
            "eval",
            "[begin rabbit_networking:close_connections(rabbit_networking:connections(), "
            f'"closed by a test"), timer:sleep({int(pause * 1000)}) end '
            f"|| _ <- lists:seq(1, {times})].",
        )

    def exchange(self, kind: str = "topic", durable: bool = True) -> None:
        """Declare the exchange, as another client does."""
        self.api("PUT", "exchanges", "glance", {"type": kind, "durable": durable})

    def queue(
        self, name: str, arguments: dict[str, object] | None = None, *, durable: bool = True
    ) -> None:
        """Declare a queue, as another client does, and bind it to the exchange by its name."""
        self.api("PUT", "queues", name, {"durable": durable, "arguments": arguments or {}})
        path = f"bindings/{self.vhost}/e/glance/q/{name}"
        self.node.api("POST", path, {"routing_key": name})

    def api(self, method: str, kind: str, name: str, json: object = None) -> None:
        self.node.api(method, f"{kind}/{self.vhost}/{name}", json)

    def declared(self, kind: str) -> dict[str, dict[str, object]]:
        """All exchanges or queues of the vhost, but those that RabbitMQ declares itself."""
        found = self.node.api("GET", f"{kind}/{self.vhost}")
        return {
            each["name"]: each
            for each in found
            if each["name"] and not each["name"].startswith("amq.")
        }
