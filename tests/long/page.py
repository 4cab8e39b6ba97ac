"""The pages that `make long` writes below docs/measured/: what was measured, when, with what."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from demo.rabbit import Rabbit
from tests.markdown import markdown

COLUMNS = ("what", "measured")

_DOCS = Path(__file__).parents[2] / "docs" / "measured"

_TITLES = {
    "backlog": (
        "# A backlog, and how it is drained",
        "Two processes record while the broker is down, the relay is a process of its own "
        "(`relay = external`) and has been up since before. What one event takes, its intent "
        "included, is measured in two processes at a time: one records in the journal that has "
        "the backlog, one in an empty one. The rate of the drain is that of messages in a "
        "durable queue of a real node, confirmed and on its disk, with nobody reading; those that "
        "are recorded meanwhile are among them. No message is missing at the end.",
    ),
    "kills": (
        "# Workers of Glance that are killed",
        "A real Glance under uWSGI (four processes of four threads), eight clients that lead "
        "images through their lives, and `kill -9` of a worker at random moments. A small filter "
        "just below ours notes each request before Glance has it. Every operation is counted "
        "once, by what its client saw and what was told of it; there was none that Glance was "
        "given and of which nothing was told, none with two ends, and no event under two "
        "message_ids.",
    ),
    "cluster": (
        "# A cluster that loses its nodes",
        "Three RabbitMQ nodes on one machine, `rabbit_queue_type = quorum`, `rabbit_hosts` names "
        "all three. One after the other is killed (-9) while clients are at work, first the one "
        "that the relay is connected to, and comes back. Owed are the events of requests whose "
        "whole answer a client has read.",
    ),
}


def write(name: str, rows: Sequence[tuple[str, str]], rabbit: Rabbit) -> None:
    """Write the page `docs/measured/<name>.md`."""
    title, sentences = _TITLES[name]
    version = rabbit.api("GET", "overview")["rabbitmq_version"]
    libraries = (f"{each} {metadata.version(each)}" for each in ("glance", "amqp", "kombu"))
    ours = f"glance_notify_middleware {metadata.version('glance_notify_middleware')}"
    written = (
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `make long`: RabbitMQ {version}, "
        f"{', '.join(libraries)}, Python {platform.python_version()}, {ours}, {os.cpu_count()} "
        "cores."
    )
    table = markdown(COLUMNS, rows)
    (_DOCS / f"{name}.md").write_text("\n\n".join([title, written, sentences, table]))
