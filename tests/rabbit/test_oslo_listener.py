"""An unmodified notification listener of oslo.messaging, as Ceilometer has one, reads it all."""

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
from glance_notify_middleware.events.notification import (
    EventType,
    Message,
    Notification,
    Priority,
    in_format,
)
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from tests.rabbit.program import Program

DURABLE = "[oslo_messaging_rabbit]\namqp_durable_queues = true\n"


class Listener(Program):
    """That program, and what it has said."""

    def __init__(self, *words: str) -> None:
        super().__init__("-m", "tests.rabbit.oslo_listener", *words)

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """What has come so far; waits for `count` of them."""
        self.wait(lambda: len(self.said) > count)
        return [json.loads(line) for line in self.said if line != "ready\n"]


@pytest.fixture
def listen(rabbit: Node, vhost: str, tmp_path: Path) -> Iterator[Callable[..., Listener]]:
    """Starts a listener with a configuration; it is ended after the test."""
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


def notification(priority: Priority, number: int) -> Notification:
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
    )


def batch(told: list[Notification], message_format: str) -> list[Message]:
    return [
        Message(
            each.message_id,
            each.event_type,
            each.priority,
            each.timestamp,
            in_format(each.to_json(), message_format),
        )
        for each in told
    ]


def heard(each: Notification) -> dict[str, Any]:
    """What a listener is told of a notification."""
    return {
        "context": {
            "request_id": "req-1",
            "project_id": "p1",
            "user_id": None,
            "client_timeout": None,  # which oslo.messaging adds
        },
        "publisher_id": each.publisher_id,
        "event_type": each.event_type,
        "priority": each.priority,
        "payload": each.payload,
        "message_id": each.message_id,
        "timestamp": each.as_dict()["timestamp"],
    }


def by_id(notifications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(notifications, key=lambda each: str(each["message_id"]))


@pytest.mark.parametrize("message_format", ["plain", "oslo"])
def test_a_listener_with_its_defaults_that_came_first_is_told_all_in_both_formats(
    listen: Callable[..., Listener], sender: Rabbit, message_format: str
) -> None:
    """It declares exchange and queues that are not durable: ours gets by with them."""
    listener = listen()
    listener.wait_until_ready()
    told = [notification(priority, number) for number in range(20) for priority in Priority]
    assert list(sender.send(batch(told, message_format))) == [Outcome.TAKEN] * 60
    assert by_id(listener.notifications(60)) == by_id([heard(each) for each in told])
    assert listener.errors == []


def test_a_listener_that_comes_second_needs_durable_queues_and_is_told_all(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    told = [notification(priority, 7) for priority in Priority]
    assert list(sender.send(batch(told, "plain"))) == [Outcome.TAKEN] * 3
    listener = listen(DURABLE)
    assert by_id(listener.notifications(3)) == by_id([heard(each) for each in told])
    assert listener.errors == []


def test_a_listener_with_its_defaults_that_comes_second_is_refused_by_the_broker(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    told = [notification(Priority.INFO, 7)]
    assert list(sender.send(batch(told, "plain"))) == [Outcome.TAKEN]
    listener = listen()
    listener.wait(lambda: "inequivalent arg 'durable'" in "".join(listener.errors))
    assert listener.said in ([], ["ready\n"])
    listener.end()


def test_a_listener_drops_what_is_repeated_soon_after_it_has_done_with_it(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    """It remembers 16 ids, each from when it has acknowledged the message."""
    listener = listen()
    listener.wait_until_ready()
    one, other, last = (notification(Priority.INFO, number) for number in range(3))
    for count, each in enumerate((one, other), 1):
        assert list(sender.send(batch([each], "plain"))) == [Outcome.TAKEN]
        listener.notifications(count)
    assert list(sender.send(batch([one, last], "plain"))) == [Outcome.TAKEN] * 2
    assert listener.notifications(3) == [heard(each) for each in (one, other, last)]


def test_what_it_drops_it_does_not_acknowledge_and_its_successor_is_told_again(
    listen: Callable[..., Listener], sender: Rabbit
) -> None:
    """So the repeat counts twice after all, unless whoever counts looks at message_id."""
    listener = listen()
    listener.wait_until_ready()
    one = notification(Priority.INFO, 7)
    assert list(sender.send(batch([one], "plain"))) == [Outcome.TAKEN]
    assert listener.notifications(1) == [heard(one)]
    assert list(sender.send(batch([one], "plain"))) == [Outcome.TAKEN]
    listener.wait(lambda: "ignoring duplicate message" in "".join(listener.errors))
    listener.end()
    assert len(listener.said) == 2  # ready, and one
    assert listen().notifications(1) == [heard(one)]
