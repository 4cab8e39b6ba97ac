"""The table of the faults: a row for each, and the page that it makes."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from tests.faults.ways import RABBIT, Way

_NAMES = {"pyuwsgi": "uWSGI", "amqp": "py-amqp"}  # of distributions that are known by others

COLUMNS = ("fault", "owed", "delivered", "missing", "repeated", "slowest answer (ms)")


@dataclass(frozen=True)
class Row:
    """What became of one fault."""

    number: int
    fault: str
    owed: int
    delivered: int
    missing: int
    repeated: int
    slowest: float | None  # milliseconds; None where there were no clients

    def cells(self) -> tuple[str, ...]:
        """As `COLUMNS` are."""
        slowest = "-" if self.slowest is None else f"{self.slowest:.0f}"
        counts = self.owed, self.delivered, self.missing, self.repeated
        return f"{self.number} {self.fault}", *map(str, counts), slowest


def table(rows: Sequence[Row]) -> str:
    """In Markdown, in columns that can be read as they are."""
    return markdown(COLUMNS, [row.cells() for row in rows])


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    widths = [max(len(line[n]) for line in [head, *rows]) for n in range(len(head))]
    lines = [head, ["-" * width for width in widths], *rows]
    padded = (
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    )
    return "".join(f"| {' | '.join(cells)} |\n" for cells in padded)


def page(way: Way, rows: Sequence[Row], more: Sequence[tuple[str, str]], broker: str) -> str:
    """The whole page; `more` are further tables, each with a sentence that tells what it shows."""
    command = "make faults" if way is RABBIT else f"make faults BROKER={way.name}"
    used = ["pyuwsgi", *way.clients]
    versions = [f"{_NAMES.get(each, each)} {metadata.version(each)}" for each in used]
    ours = f"glance_notify_middleware {metadata.version('glance_notify_middleware')}"
    parts = [
        "# Faults, and what became of the notifications",
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`: RabbitMQ {broker} by "
        f"{way.protocol}, {', '.join(versions)}, Python {platform.python_version()}, {ours}.",
        "An application that plays Glance runs under a real server with the filter (four processes "
        "of four threads, where nothing else is said), clients lead images through their lives, "
        "and the fault befalls the server or a real broker.",
        "Owed: events of requests whose whole answer a client has read. Delivered: different "
        "events that were in the queues at the end; more than owed, where an answer broke off "
        "whose event was recorded. Missing: owed, and not delivered. Repeated: messages that came "
        "again, with the same message_id. No event came under two message_ids, and none before "
        "its cause, where a fault lets an order be promised. Slowest answer: of all that were "
        "read whole; where workers are killed it has the time that they took to come back.",
        table(sorted(rows, key=lambda row: row.number)),
    ]
    for sentence, found in more:
        parts += [f"{sentence}:", found]
    return "\n\n".join(part.strip() for part in parts) + "\n"
