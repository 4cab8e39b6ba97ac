"""The pages that `make long` writes below docs/measured/."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from demo.rabbit import Rabbit
from tests.markdown import markdown

COLUMNS = ("quantity", "measured")

_DOCS = Path(__file__).parents[2] / "docs" / "measured"

_TITLES = {
    "backlog": (
        "# A backlog, and how it is drained",
        "Two processes record while the broker is down. The relay is a process of its own "
        "(`relay = external`), which was started before. The time to record one event, with its "
        "intent, is measured in two processes at the same time: one records in the journal with "
        "the backlog, the other in an empty journal. The rate of the drain is that of messages "
        "that arrive in a durable queue of a real node, confirmed and on its disk, while nobody "
        "reads; messages that are recorded meanwhile are among them. No message is missing at the "
        "end.",
    ),
    "kills": (
        "# Workers of Glance that are killed",
        "A real Glance runs under uWSGI with four processes of four threads. Eight clients play "
        "the lives of images, and workers are killed (`kill -9`) at random moments. A small filter "
        "directly below the notify filter notes each request before Glance has it. Every operation "
        "is counted once, by what its client saw and by its events. There was no operation that "
        "Glance had received and that had no event, none with two ends, and no event with two "
        "message_ids.",
    ),
    "cluster": (
        "# A cluster that loses its nodes",
        "Three RabbitMQ nodes run on one machine, with `rabbit_queue_type = quorum` and all three "
        "in `rabbit_hosts`. One after another they are killed (`kill -9`) while clients are at "
        "work, first the node that the relay is connected to, and started again. Expected are the "
        "events of all requests whose whole answer a client has read.",
    ),
}


def write(name: str, rows: Sequence[tuple[str, str]], rabbit: Rabbit) -> None:
    """Write the page `docs/measured/<name>.md`."""
    title, sentences = _TITLES[name]
    version = rabbit.api("GET", "overview")["rabbitmq_version"]
    libraries = (f"{name} {metadata.version(name)}" for name in ("glance", "amqp", "kombu"))
    package = f"glance_notify_middleware {metadata.version('glance_notify_middleware')}"
    written = (
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `make long`: RabbitMQ {version}, "
        f"{', '.join(libraries)}, Python {platform.python_version()}, {package}, {os.cpu_count()} "
        "cores."
    )
    table = markdown(COLUMNS, rows)
    (_DOCS / f"{name}.md").write_text("\n\n".join([title, written, sentences, table]))
