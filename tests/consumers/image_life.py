"""The life of an image on a real Glance, and the samples and events that Ceilometer makes of it.

The life is the demo's story, with RabbitMQ as the broker, after an upload that breaks off.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import amqp  # type: ignore[import-untyped]

from demo import glance
from demo.glance import Server
from demo.keystone import BOB, Keystone
from demo.rabbit import Rabbit
from demo.story import SIZE, StoryState, life
from glance_notify_middleware.events.trial import TRIAL_TYPE
from tests.commands.running import glance_notify
from tests.consumers.ceilometer import Ceilometer, Gnocchi
from tests.notification_schema import hold_to_schema
from tests.servers.client import CHUNK, Client

OPTIONS = {
    "plain": {"message_format": "plain", "image_delete_payload": "id"},
    "oslo": {"message_format": "oslo", "image_delete_payload": "metadata"},
}
"""The names of the two lives, and the options of the filter in each."""

BROKEN = ("image.create", "image.prepare", "image.upload")
"""The events of the upload that breaks off."""

_COPY = "copy"


class Played(NamedTuple):
    """Two images, and the messages of both."""

    image: str
    broken: str
    messages: list[amqp.Message]
    trials: list[amqp.Message]
    """What the command send-test has sent after them."""


@dataclass
class Life:
    """The life of one image: its messages, and what Ceilometer has made of them."""

    image: str
    broken: str
    """Another image, whose upload was reset half-way."""
    notifications: list[dict[str, Any]]
    repeated: int
    """How many messages were sent a second time, just after the last message."""
    queues: dict[str, int]
    """Numbers of messages over all queues: `ack`, `redeliver`, `ready`, `unacked`."""
    samples: list[dict[str, Any]]
    events: list[dict[str, Any]]
    trial_samples: list[dict[str, Any]]
    """Those of the notification of send-test."""
    trial_events: list[dict[str, Any]]
    ended: bool
    """Whether Ceilometer has ended the image in Gnocchi."""

    def metered(self, meter: str) -> list[dict[str, Any]]:
        """The samples of a meter."""
        return [sample for sample in self.samples if sample["name"] == meter]

    def traits(self, event_type: str) -> list[dict[str, Any]]:
        """The traits of Ceilometer's events of a type."""
        return [event["traits"] for event in self.events if event["event_type"] == event_type]

    def of_type(self, event_type: str) -> list[dict[str, Any]]:
        """The notifications of a type."""
        return [found for found in self.notifications if found["event_type"] == event_type]


def bind_copy(rabbit: Rabbit, vhost: str) -> None:
    """Make a queue that receives a copy of each message, which Ceilometer does not read."""
    with rabbit.connected(vhost) as connection, connection.channel() as channel:
        channel.exchange_declare("glance", "topic", durable=True, auto_delete=False)
        channel.queue_declare(_COPY, durable=True, auto_delete=False)
        channel.queue_bind(_COPY, "glance", "notifications.*")


def play(name: str, rabbit: Rabbit, vhost: str, configuration: Path, keystone: Keystone) -> Played:
    """Play the life `name` of OPTIONS, from the start of Glance to its end."""
    folder = configuration.parent
    section = glance.rabbit_section(rabbit.port, folder / f"{name}.journal")
    section += f"rabbit_virtual_host = {vhost}\n"
    section += "".join(f"{option} = {value}\n" for option, value in OPTIONS[name].items())
    (configuration / "glance-api-paste.ini").write_text(glance.paste_file(section=section))
    with Server(configuration, folder / f"{name}.log", processes=1) as server:
        client = Client(server, keystone)
        broken = client.image()
        with client.half_put(broken, {"Content-Length": str(SIZE)}, [b"x" * CHUNK] * 8):
            messages = rabbit.drain(_COPY, vhost, count=2)
        messages += rabbit.drain(_COPY, vhost, count=len(BROKEN) - 2)
        state = StoryState(server, keystone)
        steps = life()
        for step in steps:
            step.play(state)
        expected = sum(len(step.expected) for step in steps)
        messages += rabbit.drain(_COPY, vhost, count=expected)
    assert glance_notify("send-test", configuration / "glance-api-paste.ini").returncode == 0
    return Played(state.image, broken, messages, rabbit.drain(_COPY, vhost, count=1))


def repeat(rabbit: Rabbit, vhost: str, played: Played) -> int:
    """Send three messages, all of which are metered, a second time; returns how many."""
    notifications = [_plain(message) for message in played.messages]
    last = {found["event_type"]: number for number, found in enumerate(notifications)}
    numbers = [last["image.update"], last["image.delete"]]
    numbers += [number for number, found in enumerate(notifications) if _is_bobs(found)]
    with rabbit.connected(vhost) as connection, connection.channel() as channel:
        for number in numbers:
            channel.basic_publish(played.messages[number], "glance", "notifications.info")
    return len(numbers)


def consumed(
    played: Played, repeated: int, queues: dict[str, int], ceilometer: Ceilometer, gnocchi: Gnocchi
) -> Life:
    """The life, with what Ceilometer has made of its messages so far."""
    notifications = [_plain(message) for message in played.messages]
    images = (played.image, played.broken)
    trials = {_plain(message)["message_id"] for message in played.trials}
    ids = {notification["message_id"] for notification in notifications}
    return Life(
        image=played.image,
        broken=played.broken,
        notifications=notifications,
        repeated=repeated,
        queues=queues,
        samples=[sample for sample in ceilometer.samples() if sample["resource_id"] in images],
        events=[event for event in ceilometer.events() if event["message_id"] in ids],
        trial_samples=[
            sample
            for sample in ceilometer.samples()
            if sample["resource_metadata"].get("event_type") == TRIAL_TYPE
        ],
        trial_events=[event for event in ceilometer.events() if event["message_id"] in trials],
        ended=played.image in gnocchi.ended,
    )


def queues(rabbit: Rabbit, vhost: str) -> dict[str, int]:
    """Numbers of messages over all queues of notifications; up to some seconds old."""
    time.sleep(0.2)
    sums = dict.fromkeys(("ack", "redeliver", "ready", "unacked"), 0)
    for queue in rabbit.api("GET", f"queues/{vhost}"):
        if queue["name"].startswith("notifications."):
            counts = queue.get("message_stats", {})
            sums["ack"] += counts.get("ack", 0)
            sums["redeliver"] += counts.get("redeliver", 0)
            sums["ready"] += queue.get("messages_ready", 0)
            sums["unacked"] += queue.get("messages_unacknowledged", 0)
    return sums


def _plain(message: amqp.Message) -> dict[str, Any]:
    """The notification in a message of either format, which must keep the JSON schema."""
    body = json.loads(message.body)
    plain: dict[str, Any] = json.loads(body["oslo.message"]) if "oslo.message" in body else body
    hold_to_schema(plain)
    return plain


def _is_bobs(notification: dict[str, Any]) -> bool:
    """Whether the notification is that of BOB's whole download."""
    if (notification["event_type"], notification["priority"]) != ("image.send", "INFO"):
        return False
    return bool(notification["payload"]["receiver_user_id"] == BOB.user_id)
