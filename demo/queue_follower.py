"""Reads notifications from a queue of RabbitMQ, as a billing service would: each once, in order."""

import contextlib
import json
import time
from collections.abc import Iterator

from demo.log_follower import Notification
from demo.rabbit import Rabbit

_EXCHANGE = "glance"
_QUEUE = "demo"


class CopyQueue:
    """A queue of its own, with a copy of the messages of all priorities, in their order."""

    def __init__(self, rabbit: Rabbit, vhost: str = "/") -> None:
        """Declare the queue, and the exchange that it is bound to."""
        self._rabbit = rabbit
        self._vhost = vhost
        with rabbit.connected(vhost) as connection, connection.channel() as channel:
            channel.exchange_declare(_EXCHANGE, "topic", durable=True, auto_delete=False)
            channel.queue_declare(_QUEUE, durable=True, auto_delete=False)
            channel.queue_bind(_QUEUE, _EXCHANGE, "notifications.*")

    def new(self) -> Iterator[bytes]:
        """The bodies of the messages that came since the last call; none while the broker is
        dead."""
        with contextlib.suppress(OSError), self._rabbit.connected(self._vhost) as connection:
            channel = connection.channel()
            while message := channel.basic_get(_QUEUE, no_ack=True):
                body = message.body
                yield body.encode() if isinstance(body, str) else body


class QueueFollower:
    """The notifications of all priorities, in the order in which they came to the broker.

    A repeat, with the same message_id, is counted in `repeated` and left out.
    """

    def __init__(self, rabbit: Rabbit) -> None:
        self.repeated = 0
        self._queue = CopyQueue(rabbit)
        self._seen: set[str] = set()

    def new(self) -> Iterator[Notification]:
        """The notifications that came since the last call; none while the broker is dead."""
        for body in self._queue.new():
            notification = json.loads(body)
            if notification["message_id"] in self._seen:
                self.repeated += 1
                continue
            self._seen.add(notification["message_id"])
            yield notification

    def wait(self, count: int, seconds: float = 30.0) -> list[Notification]:
        """Wait for `count` new notifications; returns fewer if no more came within `seconds`."""
        found: list[Notification] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            found.extend(self.new())
            time.sleep(0.05)
        return found
