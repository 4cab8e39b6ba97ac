"""How long creates take that come at a fixed rate, whatever the answers take, in four processes."""

import contextlib
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from bench import page
from bench.contestants import EXTERNAL, OPENTELEMETRY, THREAD
from bench.processes import cpu_seconds
from bench.stage import Program, Stage, relay
from bench.statistics import percentile
from bench.targets import Target

PROCESSES = 4
RATE = 200
"""Creates a second of each process, and as many that go to the bare application."""
LEADER = "the leader's process"
ALONE = f"{EXTERNAL}, and no relay runs"
"""So nothing but the requests takes the cores."""


@dataclass(frozen=True)
class Tail:
    """Microseconds from the moment that a create is due to the end of its answer."""

    bare_median: float
    bare_p99: float
    median: float
    p99: float


Tails = dict[str, list[Tail]]
"""By contestant, or ALONE, or LEADER for the leader with `relay = thread`: one for each round."""


def measure(stage: Stage, seconds: int, rounds: int) -> Tails:
    """Measure this filter's ways of delivering, and OpenTelemetry, in turn."""
    tails: Tails = {EXTERNAL: [], ALONE: [], THREAD: [], LEADER: [], OPENTELEMETRY: []}
    for _ in range(rounds):
        for name in (EXTERNAL, ALONE, THREAD, OPENTELEMETRY):
            times = _times(stage, name, seconds)
            if name == THREAD:
                tails[LEADER].append(_tail([times.pop(0)]))
            tails[name].append(_tail(times))
    return tails


def _times(stage: Stage, name: str, seconds: int) -> list[list[float]]:
    """The times of each process, that of the leader first if there is one."""
    with stage.placed() as place, contextlib.ExitStack() as stack:
        if name == EXTERNAL:
            stack.enter_context(relay(place))
        contestant = EXTERNAL if name == ALONE else name
        job = {"contestant": contestant, "count": 2 * seconds * RATE, "rate": 2 * RATE}
        programs = [
            stack.enter_context(Program("creating", place, **job, beside_bare=True))
            for _ in range(PROCESSES)
        ]
        for program in programs:
            program.read()
        for program in programs:
            program.go()
        times = [(program.read(), cpu_seconds(program.process.pid)) for program in programs]
    # The leader delivers for all, and so takes the most processor time.
    return [each for each, _ in sorted(times, key=lambda pair: -pair[1])]


def _tail(times: Sequence[Sequence[float]]) -> Tail:
    bare = [each for of_process in times for each in of_process[::2]]
    wrapped = [each for of_process in times for each in of_process[1::2]]
    return Tail(
        statistics.median(bare),
        percentile(bare, 0.99),
        statistics.median(wrapped),
        percentile(wrapped, 0.99),
    )


def targets(tails: Tails) -> list[Target]:
    """What is wanted of the median round."""

    def above_bare(name: str) -> float:
        return statistics.median(each.p99 - each.bare_p99 for each in tails[name]) / 1000

    return [
        Target(
            *("p99 of a create at a fixed rate, above bare", above_bare(EXTERNAL), 0.1, "ms"),
            why=f"p99: processes, relay and RabbitMQ share two cores. Where no relay runs it is "
            f"{above_bare(ALONE):.2f} ms, and {above_bare(OPENTELEMETRY):.2f} ms with "
            "OpenTelemetry, in the same run.",
        )
    ]


def parts(tails: Tails) -> list[str]:
    """A sentence and a table, for a page."""
    return [
        f"{PROCESSES} processes play {RATE} creates a second each, and as many in turn with them "
        "at the bare application, whatever the answers take. So both meet the same machine, on "
        "which RabbitMQ works, too, and both meet processor caches that other processes have used "
        "meanwhile. Time is counted from the moment at which a create is due: the "
        "wake-up of the process is in it. Milliseconds, the median of "
        f"{len(tails[EXTERNAL])} rounds. A relay runs beside the processes with `relay = "
        "external`; without it RabbitMQ has nothing to do, either. With `relay = thread` one of "
        "the processes is the leader, which delivers.",
        page.table(
            ("contestant", "bare: median", "bare: p99", "median", "p99"),
            [(_title(name), *_milliseconds(rounds)) for name, rounds in tails.items()],
        ),
    ]


def _title(name: str) -> str:
    return {THREAD: f"{THREAD}, without the leader"}.get(name, name)


def _milliseconds(rounds: Sequence[Tail]) -> list[str]:
    columns = (
        [getattr(each, name) for each in rounds]
        for name in ("bare_median", "bare_p99", "median", "p99")
    )
    return [f"{statistics.median(column) / 1000:.3f}" for column in columns]
