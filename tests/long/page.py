"""The pages that `make long` writes below docs/measured/."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from demo.rabbit import Rabbit
from tests.markdown import joined, markdown

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
    "targets": (
        "# Four targets, whose peers are away in turn",
        "A real Glance runs under uWSGI with four processes of four threads, and has four targets. "
        "`billing` is a RabbitMQ node: `message_format = oslo`, `image_delete_payload = metadata`, "
        "`priorities = info, error`. `audit` is another node, in another virtual host, and gets "
        "everything. `feed` is a receiver of signed webhooks in arrays of CloudEvents, verified by "
        "the library of Standard Webhooks: `projects` is one of the two whose images there are, "
        "without image.prepare. `members` is a log file with image.member alone. Clients play the "
        "lives of images, with refusals and downloads that they break off. One peer after another "
        "is killed (`kill -9`), frozen (SIGSTOP), and refuses connections; the log file is moved "
        "away, as logrotate does. Owed is what follows from the answers that the clients have got "
        "and from each target's lines. Repeated messages have the same message_id. Of each event "
        "the target that gets everything has the same message_id, and the same payload but for "
        "deletes, and the sequences of the messages show no gap. In the last table away is how "
        "long the peer was away at the most, with the time "
        "that its end and start take, and behind how long it then took to catch up. The last "
        "columns are the median and the longest time, in seconds, from an event to its arrival at "
        "each of the other targets while that peer was away or behind.",
    ),
}


def write(name: str, rows: Sequence[tuple[str, str]], rabbit: Rabbit) -> None:
    """Write the page `docs/measured/<name>.md`."""
    write_tables(name, [markdown(COLUMNS, rows)], rabbit, "make long")


def write_tables(name: str, tables: Sequence[str], rabbit: Rabbit, command: str) -> None:
    """Write the page `docs/measured/<name>.md` with these tables; `command` is what measures."""
    title, sentences = _TITLES[name]
    version = rabbit.api("GET", "overview")["rabbitmq_version"]
    libraries = (f"{name} {metadata.version(name)}" for name in ("glance", "amqp", "kombu"))
    package = f"glance_notify_middleware {metadata.version('glance_notify_middleware')}"
    written = (
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: RabbitMQ {version}, "
        f"{', '.join(libraries)}, Python {platform.python_version()}, {package}, {os.cpu_count()} "
        "cores."
    )
    (_DOCS / f"{name}.md").write_text(joined([title, written, sentences, *tables]))
