"""How fast the webhook strategy posts, one by one and in arrays, beside rabbit."""

import statistics
import tempfile
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import page
from bench.relayed import BODY, speed
from bench.stage import Stage
from bench.targets import Target
from glance_notify_middleware import config
from glance_notify_middleware.strategies import Strategy
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from glance_notify_middleware.strategies.webhook.strategy import Webhook
from tests.strategies.webhook_place import WebhookPlace

_IN_ARRAYS = 100  # messages of a request


@dataclass(frozen=True)
class Speeds:
    """Messages a second, of one round."""

    in_arrays: float
    one_by_one: float
    rabbit: float


def measure(stage: Stage, count: int, rounds: int) -> list[Speeds]:
    """Deliver so many messages with each, in turn; one by one a fifth of them."""
    with tempfile.TemporaryDirectory() as folder, WebhookPlace(Path(folder)) as receiver:
        options = receiver.options() | {"webhook_secrets_file": _secrets(Path(folder))}
        return [_round(stage, options, count) for _ in range(rounds)]


def _secrets(folder: Path) -> str:
    path = folder / "secrets"
    path.write_text("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=\n")
    return str(path)


def _round(stage: Stage, webhook: dict[str, str], count: int) -> Speeds:
    name = f"bench-{uuid.uuid4().hex}"
    stage.rabbit.add_vhost(name)
    rabbit = {
        "rabbit_hosts": f"127.0.0.1:{stage.rabbit.port}",
        "rabbit_virtual_host": name,
        "create_queues": "auto",
        "rabbit_durable_queues": "true",
    }
    try:
        return Speeds(
            speed(_made(Webhook, webhook | {"webhook_batch": str(_IN_ARRAYS)}), count),
            speed(_made(Webhook, webhook), count // 5),
            speed(_made(Rabbit, rabbit), count),
        )
    finally:
        stage.rabbit.delete_vhost(name)


def _made(
    kind: Callable[[config.Settings], Strategy], lines: dict[str, str]
) -> Callable[[], Strategy]:
    return lambda: kind(config.read(lines, "this-host"))


def targets(speeds: Sequence[Speeds]) -> list[Target]:
    """What is wanted of the medians."""
    in_arrays = statistics.median(each.in_arrays for each in speeds)
    one_by_one = statistics.median(each.one_by_one for each in speeds)
    return [
        Target(
            *(f"webhook, messages in arrays of {_IN_ARRAYS}", in_arrays, 2_000, "a second"),
            at_least=True,
        ),
        Target("webhook, messages one by one", one_by_one, 500, "a second", at_least=True),
    ]


def publish(speeds: Sequence[Speeds], count: int) -> None:
    """Write the page `docs/measured/webhook-speed.md`."""
    rows = [
        (str(number), f"{each.in_arrays:,.0f}", f"{each.one_by_one:,.0f}", f"{each.rabbit:,.0f}")
        for number, each in enumerate(speeds, 1)
    ]
    page.publish(
        "webhook-speed",
        "How fast the webhook strategy is",
        f"{count:,} messages of {len(BODY)} bytes (one by one {count // 5:,}) go through journal "
        "and relay, by HTTPS over one connection, signed, to a receiver that stores each message "
        "and confirms it; and to one RabbitMQ node, durable queues, persistent messages, each "
        "confirmed. Receiver and node are processes on the same machine, and share its cores with "
        "the relay. The targets are about the medians.",
        page.targets(targets(speeds)),
        page.table(
            (
                "round",
                f"webhook in arrays of {_IN_ARRAYS}: messages a second",
                "webhook one by one: messages a second",
                "rabbit: messages a second",
            ),
            rows,
        ),
    )
