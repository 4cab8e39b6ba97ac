"""How fast a relay brings a journal to one RabbitMQ node, beside a bare loop that publishes."""

import itertools
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import amqp  # type: ignore[import-untyped]

from bench import page
from bench.contestants import EXTERNAL, Place
from bench.processes import cpu_seconds
from bench.stage import QUEUE, Program, Stage, relay, wait_for
from bench.targets import Target

WINDOW = 500
"""Messages that wait for their confirms at a time, as the relay has them."""


@dataclass(frozen=True)
class Speed:
    """Of one round."""

    relayed: float
    """Messages that the relay delivered, confirmed, a second."""
    cpu: float
    """Microseconds of processor time of the relay for each of them."""
    published: float
    """Messages a second of the bare loop."""
    published_cpu: float
    """Microseconds of its processor time for each of them."""


def measure(stage: Stage, count: int, rounds: int) -> list[Speed]:
    """Deliver so many messages with each, in turn, after one round that does not count: RabbitMQ
    takes the first messages of a queue more slowly."""
    with stage.placed() as place:
        return [_round(stage, place, count) for _ in range(rounds + 1)][1:]


def _round(stage: Stage, place: Place, count: int) -> Speed:
    with Program("creating", place, contestant=EXTERNAL, count=count, warm_up=0) as program:
        program.read()
        program.go()
        program.read()
    relayed, cpu = _relay(stage, place, count)
    with stage.rabbit.connected(place.vhost) as connection:
        channel = amqp.Channel(connection, auto_decode=False)
        channel.open()
        bodies = [channel.basic_get(QUEUE, no_ack=True).body for _ in range(100)]
        channel.queue_purge(QUEUE)
    published, published_cpu = _publish(stage, place, bodies, count)
    with stage.rabbit.connected(place.vhost) as connection:
        connection.channel().queue_purge(QUEUE)
    return Speed(relayed, cpu, published, published_cpu)


def _relay(stage: Stage, place: Place, count: int) -> tuple[float, float]:
    """Messages a second, and microseconds of processor time for each."""
    with relay(place) as process, stage.rabbit.connected(place.vhost) as connection:
        channel = connection.channel()
        first = wait_for(channel, 1)
        begun, spent = time.perf_counter(), cpu_seconds(process.pid)
        last = wait_for(channel, count)
        seconds, spent = time.perf_counter() - begun, cpu_seconds(process.pid) - spent
    return (last - first) / seconds, spent / (last - first) * 1e6


def _publish(
    stage: Stage, place: Place, bodies: Sequence[bytes], count: int
) -> tuple[float, float]:
    """The same of a loop that publishes bodies which are ready, with the same properties."""
    waiting: dict[int, None] = {}  # the tags, in the order of sending

    def on_ack(tag: int, multiple: bool) -> None:
        for each in list(itertools.takewhile(tag.__ge__, waiting)) if multiple else [tag]:
            del waiting[each]

    messages = itertools.cycle(bodies)
    with stage.rabbit.connected(place.vhost) as connection:
        channel = connection.channel()
        channel.events["basic_ack"].add(on_ack)
        channel.confirm_select()
        begun, spent = time.perf_counter(), time.process_time()
        for number in range(1, count + 1):
            while len(waiting) >= WINDOW:
                connection.blocking_read()
            message = amqp.Message(
                next(messages),
                message_id=f"8adb451d-6ce4-42f4-abe8-{number:012x}",
                timestamp=1_795_000_000,
                content_type="application/json",
                content_encoding="utf-8",
                delivery_mode=2,
                app_id="bench",
            )
            channel.basic_publish(message, "glance", QUEUE, mandatory=True)
            waiting[number] = None
        while waiting:
            connection.blocking_read()
        seconds, spent = time.perf_counter() - begun, time.process_time() - spent
    return count / seconds, spent / count * 1e6


def targets(speeds: Sequence[Speed]) -> list[Target]:
    """What is wanted of the medians."""
    cpu = statistics.median(each.cpu for each in speeds)
    relayed = statistics.median(each.relayed for each in speeds)
    part = statistics.median(each.relayed / each.published for each in speeds)
    published = statistics.median(each.published for each in speeds)
    published_cpu = statistics.median(each.published_cpu for each in speeds)
    return [
        Target(
            *("delivery, processor time of the relay for a message", cpu, 35, "µs"),
            why=f"Processor time: the bare loop takes {published_cpu:.0f} µs, though it reads no "
            "journal and makes no JSON: py-amqp makes its frames.",
        ),
        Target(
            *("delivery, messages", relayed, 10_000, "a second"),
            at_least=True,
            why=f"Messages: the bare loop reaches {published:,.0f} a second. RabbitMQ shares the "
            "cores, and answers each message when it is on the disk.",
        ),
        Target("delivery, by the speed of a bare loop", part, 0.8, at_least=True),
    ]


def publish(speeds: Sequence[Speed], count: int) -> None:
    """Write the page `docs/measured/delivery.md`."""
    rows = [
        (
            str(number),
            *(f"{value:,.0f}" for value in (each.relayed, each.cpu)),
            *(f"{value:,.0f}" for value in (each.published, each.published_cpu)),
        )
        for number, each in enumerate(speeds, 1)
    ]
    page.publish(
        "delivery",
        "How fast notifications are delivered",
        f"A relay of its own (`glance-notify relay`) brings a journal with {count:,} creates to "
        "one RabbitMQ node on the same machine, durable queues, persistent messages, each "
        "confirmed. Its speed and its processor time are those from the first message that is in "
        "the queue to the last. Then a bare loop over py-amqp publishes as many messages: the same "
        "bodies, which are in memory already, with the same properties, and the same number of "
        f"messages that wait for their confirms ({WINDOW}). Broker and sender share the cores. A "
        "first round does not count: RabbitMQ takes the first messages of a queue more slowly. The "
        "targets are about the medians.",
        page.targets(targets(speeds)),
        page.table(
            (
                *("round", "relay: messages a second", "its processor time for one (µs)"),
                *("bare loop: messages a second", "its processor time for one (µs)"),
            ),
            rows,
        ),
    )
