"""An unmodified notification listener of oslo.messaging, as Ceilometer has, reads all messages."""

import contextlib
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.events.formats import in_format
from glance_notify_middleware.events.notification import (
    EventType,
    Message,
    Notification,
    Priority,
)
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from tests.rabbit.program import Program

DURABLE = "[oslo_messaging_rabbit]\namqp_durable_queues = true\n"


class Listener(Program):
    """The program tests.rabbit.oslo_listener, and the notifications that it has received."""

    def __init__(self, *words: str) -> None:
        super().__init__("-m", "tests.rabbit.oslo_listener", *words)

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """The notifications so far; waits until there are `count`."""
        self.wait(lambda: len(self.output) > count)
        return [json.loads(line) for line in self.output if line != "ready\n"]


@pytest.fixture
def listen(rabbit: Node, vhost: str, tmp_path: Path) -> Iterator[Callable[..., Listener]]:
    """Starts a listener with a configuration; the listener is ended after the test."""
    with contextlib.ExitStack() as to_end:

        def start(configuration: str = "") -> Listener:
            file = tmp_path / "listener.conf"
            file.write_text(configuration)
            url = f"rabbit://guest:guest@127.0.0.1:{rabbit.port}/{vhost}"
            listener = Listener(url, str(file))
            to_end.callback(listener.end)
            return listener

        yield start


@pytest.fixture
def sender(rabbit: Node, vhost: str) -> Iterator[Rabbit]:
    lines = {
        "rabbit_port": str(rabbit.port),
        "rabbit_virtual_host": vhost,
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
    }
    sender = Rabbit(config.read(lines | {"rabbit_host": "127.0.0.1"}, "this-host"))
    yield sender
    sender.close()


def a_notification(priority: Priority, number: int) -> Notification:
    return Notification(
        message_id=str(uuid.uuid4()),
        publisher_id="image.this-host",
        event_type=EventType.SEND,
        priority=priority,
        timestamp=datetime(2026, 11, 22, 4, 1, 25, number, UTC).timestamp(),
        payload={"image_id": "i1", "owner_id": "Größe \U0001f600", "bytes_sent": number},
        request_id="req-1",
        project_id="p1",
        user_id=None,
        user_agent="curl/8",
        method="GET",
        path="/v2/images/i1/file",
        status=200,
    )


def batch(notifications: list[Notification], message_format: str) -> list[Message]:
    return [
        Message(
            notification.message_id,
            notification.event_type,
            notification.priority,
            notification.timestamp,
            in_format(notification.to_json(), message_format),
        )
        for notification in notifications
    ]


def as_received(notification: Notification) -> dict[str, Any]:
    """The notification as a listener receives it: its companions are the context."""
    fields = notification.as_dict()
    context = {
        key.removeprefix("_context_"): value
        for key, value in fields.items()
        if key.startswith("_context_")
    }
    return {
        "context": {**context, "client_timeout": None},  # which oslo.messaging adds
        "publisher_id": notification.publisher_id,
        "event_type": notification.event_type,
        "priority": notification.priority,
        "payload": notification.payload,
        "message_id": notification.message_id,
        "timestamp": fields["timestamp"],
    }


def by_id(notifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(notifications, key=lambda received: str(received["message_id"]))


@pytest.mark.parametrize("message_format", ["plain", "oslo"])
def test_listener_with_its_defaults_that_came_first_receives_all_in_both_formats(
    listen: Callable[..., Listener], sender: Rabbit, message_format: str
) -> None:
    """The listener declares an exchange and queues that are not durable; the filter uses them."""
    listener = listen()
    listener.wait_until_ready()
    sent = [a_notification(priority, number) for number in range(20) for priority in Priority]
    assert list(sender.send(batch(sent, message_format))) == [Outcome.TAKEN] * 60
    assert by_id(listener.notifications(60)) == by_id(
        [as_received(notification) for notification in sent]
    )
    assert listener.errors == []


def test_listener_that_comes_second_needs_durable_queues_and_receives_all(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    sent = [a_notification(priority, 7) for priority in Priority]
    assert list(sender.send(batch(sent, "plain"))) == [Outcome.TAKEN] * 3
    listener = listen(DURABLE)
    assert by_id(listener.notifications(3)) == by_id(
        [as_received(notification) for notification in sent]
    )
    assert listener.errors == []


def test_listener_with_its_defaults_that_comes_second_is_refused_by_the_broker(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    sent = [a_notification(Priority.INFO, 7)]
    assert list(sender.send(batch(sent, "plain"))) == [Outcome.TAKEN]
    listener = listen()
    listener.wait(lambda: "inequivalent arg 'durable'" in "".join(listener.errors))
    assert listener.output in ([], ["ready\n"])
    listener.end()


def test_listener_drops_a_repeat_that_comes_soon_after_the_acknowledgement(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    """The listener remembers 16 ids, each from the acknowledgement of its message on."""
    listener = listen()
    listener.wait_until_ready()
    first, second, third = (a_notification(Priority.INFO, number) for number in range(3))
    for count, notification in enumerate((first, second), 1):
        assert list(sender.send(batch([notification], "plain"))) == [Outcome.TAKEN]
        listener.notifications(count)
    assert list(sender.send(batch([first, third], "plain"))) == [Outcome.TAKEN] * 2
    expected = [as_received(notification) for notification in (first, second, third)]
    assert listener.notifications(3) == expected


def test_repeat_that_a_listener_drops_stays_unacknowledged_and_the_next_listener_receives_it(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    """So a repeat counts twice, unless the consumer looks at message_id."""
    listener = listen()
    listener.wait_until_ready()
    sent = a_notification(Priority.INFO, 7)
    assert list(sender.send(batch([sent], "plain"))) == [Outcome.TAKEN]
    assert listener.notifications(1) == [as_received(sent)]
    assert list(sender.send(batch([sent], "plain"))) == [Outcome.TAKEN]
    listener.wait(lambda: "ignoring duplicate message" in "".join(listener.errors))
    listener.end()
    assert len(listener.output) == 2  # ready, and one notification
    assert listen().notifications(1) == [as_received(sent)]
