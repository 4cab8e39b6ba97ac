"""The life of an image on a real Glance, and what Ceilometer makes of it.

The life is the demo's story, told to RabbitMQ, after an upload that breaks off.
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
from demo.story import SIZE, Stage, life
from tests.consumers.ceilometer import Ceilometer, Gnocchi
from tests.servers.client import CHUNK, Client

OPTIONS = {
    "plain": {"message_format": "plain", "image_delete_payload": "id"},
    "oslo": {"message_format": "oslo", "image_delete_payload": "metadata"},
}
"""The two lives, and the options of the filter in each."""

BROKEN = ("image.create", "image.prepare", "image.upload")
"""What is told of the upload that breaks off."""

_COPY = "copy"


class Played(NamedTuple):
    """Two images, and the messages that came of them."""

    image: str
    broken: str
    messages: list[amqp.Message]


@dataclass
class Life:
    """One image's life, what was told of it, and what Ceilometer has made of that."""

    image: str
    broken: str
    """Another image, whose upload was reset half-way."""
    told: list[dict[str, Any]]
    repeated: int
    """How many messages were sent once more, just after the last."""
    queues: dict[str, int]
    """What became of the messages in all queues: `ack`, `redeliver`, `ready`, `unacked`."""
    samples: list[dict[str, Any]]
    events: list[dict[str, Any]]
    ended: bool
    """Whether Gnocchi was told that the image has ended."""

    def metered(self, meter: str) -> list[dict[str, Any]]:
        return [each for each in self.samples if each["name"] == meter]

    def traits(self, event_type: str) -> list[dict[str, Any]]:
        found = [each for each in self.events if each["event_type"] == event_type]
        return [each["traits"] for each in found]

    def of_type(self, event_type: str) -> list[dict[str, Any]]:
        return [each for each in self.told if each["event_type"] == event_type]


def bind_copy(rabbit: Rabbit, vhost: str) -> None:
    """A queue that has a copy of each message, whoever reads the others."""
    with rabbit.connected(vhost) as connection, connection.channel() as channel:
        channel.exchange_declare("glance", "topic", durable=True, auto_delete=False)
        channel.queue_declare(_COPY, durable=True, auto_delete=False)
        channel.queue_bind(_COPY, "glance", "notifications.*")


def play(name: str, rabbit: Rabbit, vhost: str, configuration: Path, keystone: Keystone) -> Played:
    """One of OPTIONS, from the start of Glance to its end."""
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
        stage = Stage(server, keystone)
        steps = life()
        for step in steps:
            step.play(stage)
        owed = sum(len(step.tells) for step in steps)
        messages += rabbit.drain(_COPY, vhost, count=owed, seconds=20)
    return Played(stage.image, broken, messages)


def repeat(rabbit: Rabbit, vhost: str, played: Played) -> int:
    """Send three of the last messages once more, all of which are metered; returns how many."""
    told = [_plain(message) for message in played.messages]
    last = {each["event_type"]: number for number, each in enumerate(told)}
    numbers = [last["image.update"], last["image.delete"]]
    numbers += [number for number, each in enumerate(told) if _is_bobs(each)]
    with rabbit.connected(vhost) as connection, connection.channel() as channel:
        for number in numbers:
            channel.basic_publish(played.messages[number], "glance", "notifications.info")
    return len(numbers)


def consumed(
    played: Played, repeated: int, queues: dict[str, int], ceilometer: Ceilometer, gnocchi: Gnocchi
) -> Life:
    """What Ceilometer has made of it so far."""
    told = [_plain(message) for message in played.messages]
    images = (played.image, played.broken)
    ids = {each["message_id"] for each in told}
    return Life(
        image=played.image,
        broken=played.broken,
        told=told,
        repeated=repeated,
        queues=queues,
        samples=[each for each in ceilometer.samples() if each["resource_id"] in images],
        events=[each for each in ceilometer.events() if each["message_id"] in ids],
        ended=played.image in gnocchi.ended,
    )


def queues(rabbit: Rabbit, vhost: str) -> dict[str, int]:
    """The sums over the queues of notifications; up to some seconds behind."""
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
    """The notification in a message, whichever format it has."""
    said = json.loads(message.body)
    plain: dict[str, Any] = json.loads(said["oslo.message"]) if "oslo.message" in said else said
    return plain


def _is_bobs(each: dict[str, Any]) -> bool:
    """Whether it is the download that BOB has paid for."""
    if (each["event_type"], each["priority"]) != ("image.send", "INFO"):
        return False
    return bool(each["payload"]["receiver_user_id"] == BOB.user_id)
