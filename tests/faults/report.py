"""The table of the faults: a row for each, and the page that it makes."""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from tests.faults.faults import FAULTS
from tests.faults.servers import SERVERS
from tests.faults.stage import AGAIN
from tests.faults.ways import RABBIT, Way
from tests.markdown import joined, markdown

_NAMES = {"pyuwsgi": "uWSGI", "amqp": "py-amqp"}  # of distributions that are known by others

COLUMNS = (
    *("fault", "server", "owed", "of them image.send", "delivered"),
    *("outcome unknown", "missing", "repeated"),
    *("slowest answer (ms)", "p99 without the fault", "p99 with it"),
)


@dataclass(frozen=True)
class Row:
    """What became of one fault."""

    number: int
    fault: str
    server: str
    owed: int
    downloads: int  # of what is owed
    delivered: int
    unknown: int
    missing: int
    repeated: int
    slowest: float | None  # milliseconds; None where there were no clients
    p99: tuple[float, float] | None  # milliseconds, without the fault and with it

    def cells(self) -> tuple[str, ...]:
        """As `COLUMNS` are."""
        counts = self.owed, self.downloads, self.delivered
        failings = self.unknown, self.missing, self.repeated
        times = self.slowest, *(self.p99 or (None, None))
        fault = f"{self.number} {self.fault}"
        return fault, self.server, *map(str, counts + failings), *map(_milliseconds, times)


def _milliseconds(time: float | None) -> str:
    return "-" if time is None or math.isnan(time) else f"{time:.0f}"


def table(rows: Sequence[Row]) -> str:
    """In Markdown, in columns that can be read as they are, by number.

    Where a fault was made under several servers it says why it was not under the others.
    """
    lines = [(row.number, row.cells()) for row in rows]
    for number in {row.number for row in rows if row.server != SERVERS[0]}:
        fault = FAULTS[number]
        for server, reason in fault.impossible.items():
            told = f"{number} not applicable: {reason}", server
            lines.append((number, (*told, *["-"] * (len(COLUMNS) - len(told)))))
    return markdown(COLUMNS, [cells for _, cells in sorted(lines, key=lambda line: line[0])])


def page(
    way: Way, rows: Sequence[Row], more: Sequence[tuple[str, str]], broker: str, minutes: float
) -> str:
    """The whole page; `more` are further tables, each with a sentence that tells what it shows;
    `minutes` is how long all of it took."""
    command = "make faults" if way is RABBIT else f"make faults BROKER={way.name}"
    used = ["pyuwsgi", *(["gunicorn", "waitress"] if way is RABBIT else []), *way.clients]
    versions = [f"{_NAMES.get(each, each)} {metadata.version(each)}" for each in used]
    ours = f"glance_notify_middleware {metadata.version('glance_notify_middleware')}"
    parts = [
        "# Faults, and what became of the notifications",
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`, in {minutes:.0f} minutes: "
        f"RabbitMQ {broker} by {way.protocol}, {', '.join(versions)}, "
        f"Python {platform.python_version()}, {ours}.",
        "An application that plays Glance runs under a real server with the filter (four processes "
        "of four threads, where nothing else is said), clients lead images through their lives, "
        "and the fault befalls the server, its disk, or a real broker. What is tried again once a "
        f"minute, as only an operator can mend it, is here tried every {AGAIN} seconds.",
        "Owed: events of synchronous operations whose whole answer a client has read, an "
        "image.send for each download among them, and what is told of an operation that was cut on "
        "purpose. Where processes die, a download of which its client has read the status is owed "
        "one image.send, as whole or as cut: a process may die when the client has all of it. "
        "Delivered: different events that were in the queues at the end; more than owed, where an "
        "answer broke off whose event was recorded. Outcome unknown: operations that were cut, of "
        "which an ERROR says so; of none was the end told, too. Missing: owed, and not delivered: "
        "where segments were damaged, or the disk was full, as many as were counted and logged. "
        "Repeated: messages that came again, with the same message_id. No event came under two "
        "message_ids, and none before its cause, where a fault lets an order be promised. Each "
        "image.send at INFO told all bytes of its download, each at ERROR not more than those.",
        "Slowest answer: of all that were read whole, each without the time that the application "
        "was asked to take for it; where workers are killed it has the time that they took to come "
        "back. The last two columns, in milliseconds, are of the processes that were not stopped, "
        "in the same run.",
        table(rows),
    ]
    for sentence, found in more:
        parts += [f"{sentence}:", found]
    return joined(parts)
