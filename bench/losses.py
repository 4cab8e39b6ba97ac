"""What a process that is killed takes with it, beside other middlewares."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from bench import page
from bench.chart import Bar, linear
from bench.contestants import (
    CEILOMETER,
    EXTERNAL,
    NONBLOCKING,
    NOTIFIER,
    OPENTELEMETRY,
    THREAD,
    Place,
)
from bench.stage import Program, Stage, relay
from bench.targets import Target

KILLED_AFTER = 500
"""Creates that were answered."""
RATE = 200
"""Of these a second."""
OURS = (EXTERNAL, THREAD)
ALL = (*OURS, OPENTELEMETRY, NONBLOCKING, CEILOMETER, NOTIFIER)
WITHOUT_BROKER = (*OURS, NONBLOCKING, CEILOMETER, NOTIFIER)
"""Those that send to a broker."""
MESSAGES = {NOTIFIER: 2}
"""Messages for each request: RequestNotifier sends one of the request and one of its answer."""

Losses = dict[str, list[int]]
"""Messages that each contestant has lost for good, in each round."""


def measure(stage: Stage, rounds: int, names: Sequence[str] = ALL) -> Losses:
    """Kill each contestant so many times while the broker is up."""
    losses: Losses = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            with stage.placed() as place:
                _kill(name, place)
                losses[name].append(_lost(stage, name, place))
    return losses


def measure_without_broker(stage: Stage) -> Losses:
    """Kill each contestant once while the broker is down. The broker is up for the restart."""
    with contextlib.ExitStack() as stack:
        places = {name: stack.enter_context(stage.placed()) for name in WITHOUT_BROKER}
        stage.rabbit.stop()
        try:
            for name, place in places.items():
                _kill(name, place)
        finally:
            stage.rabbit.start()
        return {name: [_lost(stage, name, place)] for name, place in places.items()}


def _kill(name: str, place: Place) -> None:
    """Play creates until the process kills itself."""
    with _relay_of(name, place), _playing(name, place, KILLED_AFTER, killed=True) as program:
        program.read()
        program.go()
        program.process.wait()


def _lost(stage: Stage, name: str, place: Place) -> int:
    """Start the contestant again, play one more create, and return how many of all messages nobody
    gets."""
    count = MESSAGES.get(name, 1) * (KILLED_AFTER + 1)
    with _relay_of(name, place), _playing(name, place, 1) as program:
        program.read()
        program.go()
        program.read()
        if name == OPENTELEMETRY:
            return count - _spans(place.folder / "spans", count)
        return count - len(stage.ids_in(place, count))


def _relay_of(name: str, place: Place) -> contextlib.AbstractContextManager[object]:
    return relay(place) if name == EXTERNAL else contextlib.nullcontext()


def _playing(name: str, place: Place, count: int, *, killed: bool = False) -> Program:
    job = {"contestant": name, "rate": RATE, "warm_up": 0}
    return Program("creating", place, **job, count=count, killed=killed)


def _spans(path: Path, count: int, seconds: float = 10.0) -> int:
    """The number of lines, once there are so many, or the seconds are over."""
    deadline = time.monotonic() + seconds
    while True:
        lines = len(path.read_text().splitlines())
        if lines >= count or time.monotonic() > deadline:
            return lines
        time.sleep(0.1)


def targets(losses: Losses, when: str = "") -> list[Target]:
    """What is wanted of this filter."""
    return [
        Target(f"messages lost by kill -9{when}, {name}", sum(losses[name]), 0)
        for name in OURS
        if name in losses
    ]


def publish(losses: Losses, without_broker: Losses) -> None:
    """Write the page `docs/measured/losses.md`."""
    rounds = len(losses[EXTERNAL])
    page.publish(
        "losses",
        "What kill -9 loses",
        f"A process plays creates at {RATE} a second, kills itself (SIGKILL) directly after "
        f"{KILLED_AFTER} of them were answered, and is started again. It plays one create more, "
        "and is waited for until nothing more comes. The table has the messages of answered "
        f"creates that nobody gets: with RabbitMQ up all the time, and "
        "with RabbitMQ down until after the kill. OpenTelemetry's spans go to a file, every 5 "
        "seconds or 512 at a time, which is how its BatchSpanProcessor is by default.",
        _chart(losses, without_broker),
        page.targets([*targets(losses), *targets(without_broker, " with the broker down")]),
        page.table(
            (
                *("contestant", "messages for a create"),
                *(f"lost, round {number + 1}" for number in range(rounds)),
                "lost, broker down",
            ),
            [
                (
                    *(name, str(MESSAGES.get(name, 1))),
                    *(f"{lost:,}" for lost in each),
                    f"{without_broker[name][0]:,}" if name in without_broker else "has no broker",
                )
                for name, each in losses.items()
            ],
        ),
        "A blocking notifier loses nothing with the broker up, as the broker has confirmed each "
        "message before the request is answered: [what that adds](cost.md#create). With the broker "
        "down it gives each message up at once, and the kill takes nothing more: "
        "[broker-away](broker-away.md).",
    )


def _chart(losses: Losses, without_broker: Losses) -> str:
    found = [(name, each, "") for name, each in losses.items()]
    found += [(name, each, ", broker down") for name, each in without_broker.items()]
    bars = [
        Bar(f"{name}{when}", lost, f"{lost:,}", name in OURS)
        for name, each, when in found
        for lost in [max(each) // MESSAGES.get(name, 1)]
    ]
    title = f"What kill -9 loses, of {KILLED_AFTER} answered creates"
    return page.draw("losses", title, bars, linear(KILLED_AFTER, range(0, KILLED_AFTER + 1, 100)))
