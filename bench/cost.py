"""What each contestant adds to a request, side by side."""

from collections.abc import Sequence
from typing import Any

from bench import open_loop, page, streams
from bench.chart import Bar, logarithmic
from bench.contestants import (
    AUDIT,
    BARE,
    CEILOMETER,
    EXTERNAL,
    FDATASYNC,
    FLOOR,
    FOUR_TARGETS,
    LOGGING,
    NONBLOCKING,
    NOOP,
    NOTIFIER,
    OPENTELEMETRY,
    SYNCED,
    THREAD,
    TRANSLOGGER,
)
from bench.in_process import BLOCK
from bench.stage import Stage, result_of
from bench.stand_in import REQUESTS
from bench.statistics import Added
from bench.targets import Target

ALL = (
    *((BARE,), (FLOOR,), (NOOP,), (LOGGING,), (EXTERNAL, FOUR_TARGETS), (THREAD,)),
    *((SYNCED, FDATASYNC), (TRANSLOGGER,), (OPENTELEMETRY,), (NOTIFIER,), (AUDIT,)),
    *((CEILOMETER,), (NONBLOCKING,)),
)
"""Those that share a process are compared with one another in it."""
QUICK = (
    *((FLOOR,), (EXTERNAL, FOUR_TARGETS), (OPENTELEMETRY,), (CEILOMETER,)),
    (SYNCED, FDATASYNC),
)

Costs = dict[str, dict[str, Added]]
"""By contestant and request."""


def measure(
    stage: Stage, groups: tuple[tuple[str, ...], ...], *, seconds: float, rounds: int
) -> Costs:
    """Measure each group in a process of its own, `seconds` for each request, in so many rounds.

    Of each request the round with the median cost counts: other work of the machine that comes and
    goes disturbs one contestant in one round.
    """
    found: dict[str, dict[str, list[Added]]] = {}
    for group in rounds * groups:
        for name, requests in _measure(stage, group, seconds).items():
            for request, fields in requests.items():
                found.setdefault(name, {}).setdefault(request, []).append(Added(**fields))
    return {
        name: {request: middle(each) for request, each in requests.items()}
        for name, requests in found.items()
    }


def middle(rounds: Sequence[Added]) -> Added:
    """The one whose median is in the middle."""
    return sorted(rounds, key=lambda each: each.median)[len(rounds) // 2]


def _measure(
    stage: Stage, group: Sequence[str], seconds: float
) -> dict[str, dict[str, dict[str, Any]]]:
    requests = ["create"] if FDATASYNC in group else list(REQUESTS)
    job = {"contestants": group, "requests": requests, "seconds": seconds}
    with stage.placed() as place:
        found: dict[str, dict[str, dict[str, Any]]] = result_of("in_process", place, **job)["added"]
    return found


def targets(costs: Costs) -> list[Target]:
    """What is wanted of the medians."""
    ours, spans, telemetry = (costs[name] for name in (EXTERNAL, OPENTELEMETRY, CEILOMETER))
    floor = costs[FLOOR]
    synced = costs[SYNCED]["create"].median / costs[FDATASYNC]["create"].median
    why_of_an_event = _WHY_OF_AN_EVENT.format(floor["create"].median)

    def of_spans(request: str) -> float:
        return ours[request].median / spans[request].median

    return [
        *(
            Target(
                *(f"{request}, no event", ours[request].median, 0.35, "µs"),
                why=_WHY_OF_NO_EVENT.format(max(floor[each].median for each in _NO_EVENTS)),
            )
            for request in _NO_EVENTS
        ),
        *(Target(f"{each}, by OpenTelemetry's", of_spans(each), 1 / 150) for each in _NO_EVENTS),
        *(
            Target(f"{each}, by OpenTelemetry's", of_spans(each), part, why=why_of_an_event)
            for each, part in (("create", 1 / 4), ("patch", 1 / 3), ("download", 1 / 3))
        ),
        Target(
            "create, by ceilometermiddleware's",
            ours["create"].median / telemetry["create"].median,
            1 / 30,
            why=why_of_an_event,
        ),
        *(
            Target(
                f"{request} with four targets, by one",
                costs[FOUR_TARGETS][request].median / ours[request].median,
                1.2,
            )
            for request in ("create", "patch", "download")
        ),
        Target("create with journal_sync = full, by one fdatasync", synced, 2.0),
    ]


_NO_EVENTS = ("list", "show")
_WHY_OF_NO_EVENT = (
    "No event: what looks at method and path, and calls the application, adds {:.2f} µs in the "
    "same run. The rest is the test that no spelling of a path can be an event."
)
_WHY_OF_AN_EVENT = (
    "An event: of a create, two writes of as many bytes with their checksums take {:.1f} µs in "
    "the same run. The rest is about 60 calls of Python functions, and 100 of a download, none of "
    "which stands out. Compiled by mypyc a create took 29 % less, but each installation would need "
    "a compiler. A journal that is mapped into memory needs no write for the intent, but on a full "
    "disk SIGBUS would end Glance."
)


def publish(costs: Costs, chunks: streams.Streams, tails: open_loop.Tails) -> None:
    """Write the page `docs/measured/cost.md`."""
    page.publish(
        "cost",
        "What the filter adds to a request",
        _METHOD,
        _chart(costs),
        "## Targets",
        page.targets([*targets(costs), *streams.targets(chunks), *open_loop.targets(tails)]),
        "## Each request",
        *tables(costs),
        "## Large downloads and uploads",
        *streams.tables(chunks),
        "## Creates at a fixed rate",
        *open_loop.parts(tails),
    )


_TICKS = ((1, "1 µs"), (10, "10 µs"), (100, "100 µs"), (1000, "1 ms"), (10_000, "10 ms"))


def _chart(costs: Costs) -> str:
    bars = [
        Bar(name, each.median, f"{each.median:,.0f} µs", name.startswith("this filter"))
        for name, requests in costs.items()
        if name not in (BARE, NOOP) and (each := requests["create"])
    ]
    title = "What an event costs: the median time that a create takes longer"
    return page.draw("cost", title, bars, logarithmic(1, 10_000, _TICKS))


_METHOD = f"""
Each middleware wraps the same bare application, which answers as Glance does and stores nothing
(`bench/stand_in.py`), in a process of its own (`bench/in_process.py`). Blocks of {BLOCK} bare and
{BLOCK} wrapped requests alternate. What a block of wrapped requests takes more than the bare block
before it, for each request, is what the middleware adds. All middlewares are measured in turn, in
several rounds; of each request the round with the median cost is in its table. The columns:

* **median** of the blocks, and the **spread** between their first and third quartile
* **best**: the fastest wrapped block minus the fastest bare one
* **p99**: of all wrapped requests, minus that of all bare ones
* **by**: the median divided by that of another middleware in the same table

The middlewares are those of PyPI (`bench/contestants.txt` has the versions), as their own
documentation sets them up (`bench/contestants.py`), and a RabbitMQ of this machine takes their
messages. For this filter with `relay = external`, and with `journal_sync = full`, nobody delivers
meanwhile: its cost is that of the request's thread alone. With `relay = thread`, with OpenTelemetry
and with the non-blocking ceilometermiddleware another thread of the process works during the bare
blocks, too, so that they add more than the tables have. OpenTelemetry's spans go in batches to a
file, a line of their name alone for each. What does not fit into the queue of the non-blocking
ceilometermiddleware, which has a length of 1,000, is discarded by it. Two writes, of as many bytes
as the filter writes before and behind a create, with the checksums of these bytes, are the floor of
every filter whose events survive kill -9. An fdatasync follows an append of as many bytes. Of the
four targets two are RabbitMQ, one is a webhook, and one is a log file with the events of members
alone.
"""


def tables(costs: Costs) -> list[str]:
    """A heading and a table for each request."""
    return [part for request in REQUESTS for part in (f"### {request}", _table(costs, request))]


def _table(costs: Costs, request: str) -> str:
    head = ("contestant", "median (µs)", "best (µs)", "spread (µs)", "p99 (µs)")
    others = {OPENTELEMETRY: "OpenTelemetry's", CEILOMETER: "ceilometermiddleware's"}
    rows = []
    for name, requests in costs.items():
        if (each := requests.get(request)) is not None:
            numbers = (each.median, each.best, each.spread, each.p99)
            ratios = (
                f"{each.median / costs[other][request].median:.4f}" if other in costs else ""
                for other in others
            )
            rows.append((name, *(f"{number:,.2f}" for number in numbers), *ratios))
    return page.table((*head, *(f"by {text}" for text in others.values())), rows)
