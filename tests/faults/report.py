"""The table of the faults, a row for each, and its page."""

import math
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from tests.faults.deployment import RETRY_SECONDS
from tests.faults.fault_table import FAULTS
from tests.faults.servers import SERVERS
from tests.faults.tested_strategies import RABBIT, WEBHOOK, TestedStrategy
from tests.markdown import joined, markdown

# Distributions that are better known by another name.
_NAMES = {"pyuwsgi": "uWSGI", "amqp": "py-amqp"}

COLUMNS = (
    *("fault", "server", "events expected", "of which image.send", "delivered"),
    *("outcome unknown", "missing", "repeated"),
    *("slowest answer (ms)", "p99 without the fault", "p99 with it"),
)


@dataclass(frozen=True)
class Row:
    """The result of one fault."""

    number: int
    fault: str
    server: str
    expected: int
    downloads: int  # of the expected events
    delivered: int
    unknown: int
    missing: int
    repeated: int
    slowest: float | None  # milliseconds; None where there were no clients
    p99: tuple[float, float] | None  # milliseconds, without the fault and with it

    def cells(self) -> tuple[str, ...]:
        """The cells of the row, in the order of COLUMNS."""
        counts = self.expected, self.downloads, self.delivered
        others = self.unknown, self.missing, self.repeated
        times = self.slowest, *(self.p99 or (None, None))
        fault = f"{self.number} {self.fault}"
        return fault, self.server, *map(str, counts + others), *map(_milliseconds, times)


def _milliseconds(time: float | None) -> str:
    return "-" if time is None or math.isnan(time) else f"{time:.0f}"


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, in the order of their numbers.

    Where a fault was tested under several servers, the table gives the reason for each server under
    which it was not.
    """
    lines = [(row.number, row.cells()) for row in rows]
    for number in {row.number for row in rows if row.server != SERVERS[0]}:
        fault = FAULTS[number]
        for server, reason in fault.impossible.items():
            cells = f"{number} not applicable: {reason}", server
            lines.append((number, (*cells, *["-"] * (len(COLUMNS) - len(cells)))))
    return markdown(COLUMNS, [cells for _, cells in sorted(lines, key=lambda line: line[0])])


def page(
    strategy: TestedStrategy,
    rows: Sequence[Row],
    more: Sequence[tuple[str, str]],
    broker: str,
    minutes: float,
) -> str:
    """The whole page. `more` are further tables, each with a sentence that says what it shows;
    `broker` is the version of RabbitMQ; `minutes` is how long the run took."""
    command = "make faults" if strategy is RABBIT else f"make faults BROKER={strategy.name}"
    servers = ["gunicorn", "waitress"] if strategy is RABBIT else []
    peer = "a receiver of webhooks" if strategy is WEBHOOK else f"RabbitMQ {broker}"
    versions = [
        f"{_NAMES.get(name, name)} {metadata.version(name)}"
        for name in ("pyuwsgi", *servers, *strategy.clients)
    ]
    parts = [
        "# Faults, and what becomes of the notifications",
        f"Written on {datetime.now(UTC):%Y-%m-%d} by `{command}`, in {minutes:.0f} minutes: "
        f"{peer} over {strategy.protocol}, {', '.join(versions)}, "
        f"Python {platform.python_version()}, glance_notify_middleware "
        f"{metadata.version('glance_notify_middleware')}.",
        "A fast application in the place of Glance runs under a real server with the filter, in "
        "most rows with four processes of four threads. Clients play the lives of images. The "
        "fault happens to the server, to its disk, or to a real broker or receiver. What the "
        "filter tries again once a minute, as only an operator can correct it, is tried every "
        f"{RETRY_SECONDS} seconds here.",
        "Events expected: those of operations that end with their answer, where a client has "
        "read the whole answer; among them an image.send for each download; and the unknown "
        "outcome of each operation that was cut on purpose. Where processes die, one image.send, "
        "of a whole or a cut download, is expected for a download of which the client has read "
        "the status: a process may die once the client has all of it. Delivered: different "
        "events that were in the queues, or at the receiver, at the end. They can be more than "
        "expected, where an "
        "answer broke off whose event was recorded. Outcome unknown: cut operations that an "
        "ERROR reports as such; none of them has the event of its end, too. Missing: expected "
        "events that were not delivered. Where segments were damaged, or the disk was full, they "
        "are exactly those that the filter has counted and logged. Repeated: messages that came "
        "again with the same message_id. No event came with two message_ids, and none came "
        "before its cause, where a fault allows that promise. Each image.send at INFO has all "
        "bytes of its download, each at ERROR not more than those.",
        "Slowest answer: of all answers that were read whole, without the time that the "
        "application was asked to take. Where workers are killed it includes the time until they "
        "are back. The last two columns, in milliseconds, count the processes that were not "
        "stopped, in the same run.",
        table(rows),
    ]
    for sentence, found in more:
        parts += [f"{sentence}:", found]
    return joined(parts)
