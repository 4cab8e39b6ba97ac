"""`python -m bench` measures all and writes the pages below docs/measured/.

`python -m bench quick` measures the most important numbers for a short time, prints them, and ends
with 1 if a ratio misses its target grossly. `python -m bench PAGE...` measures and writes these
pages alone.
"""

import sys
import time
from collections.abc import Callable

from bench import (
    broker_away,
    cost,
    delivery,
    glance_cost,
    glance_page,
    losses,
    open_loop,
    page,
    qpid,
    stage,
    streams,
    webhook,
)
from bench.contestants import CEILOMETER, EXTERNAL, OPENTELEMETRY
from bench.targets import gross


def _cost(place: stage.Stage) -> None:
    costs = cost.measure(place, cost.ALL, seconds=0.7, rounds=3)
    chunks = streams.measure(place, 15, OPENTELEMETRY, CEILOMETER)
    cost.publish(costs, chunks, open_loop.measure(place, seconds=5, rounds=5))


def _broker_away(place: stage.Stage) -> None:
    broker_away.publish(broker_away.measure(place, 10_000), broker_away.first_answers(place))


def _losses(place: stage.Stage) -> None:
    losses.publish(losses.measure(place, rounds=3), losses.measure_without_broker(place))


def _delivery(place: stage.Stage) -> None:
    delivery.publish(delivery.measure(place, 50_000, rounds=3), 50_000)


def _webhook(place: stage.Stage) -> None:
    webhook.publish(webhook.measure(place, 20_000, rounds=3), 20_000)


PAGES: dict[str, Callable[[stage.Stage], None]] = {
    "cost": _cost,
    "losses": _losses,
    "broker-away": _broker_away,
    "delivery": _delivery,
    "glance": lambda place: glance_page.publish(glance_cost.measure(place, rounds=20)),
    "webhook-speed": _webhook,
    "qpid-speed": lambda place: qpid.publish(),
}
"""What measures and writes each page."""


def quick() -> int:
    """Measure the most important numbers for a short time. Returns the exit status."""
    begun = time.monotonic()
    with stage.set_up() as place:
        costs = cost.measure(place, cost.QUICK, seconds=0.3, rounds=3)
        found = [
            *cost.targets(costs),
            *streams.targets(streams.measure(place, 5, sizes=streams.WITH_LITTLE_PROGRESS)),
            *losses.targets(losses.measure(place, 1, [EXTERNAL])),
            *delivery.targets(delivery.measure(place, 20_000, rounds=1)),
            *webhook.targets(webhook.measure(place, 5_000, rounds=1)),
        ]
    print(*cost.tables(costs), page.targets(found), sep="\n\n")
    lines = gross(found)
    print(f"{time.monotonic() - begun:.0f} seconds", *lines, sep="\n")
    return 1 if lines else 0


def main(arguments: list[str]) -> int:
    """Measure what the arguments say, and return the exit status."""
    if arguments == ["quick"]:
        return quick()
    begun = time.monotonic()
    with stage.set_up() as place:
        for name in arguments or PAGES:
            PAGES[name](place)
            print(f"{time.monotonic() - begun:5.0f} s: docs/measured/{name}.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
