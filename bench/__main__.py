"""`python -m bench` measures all and writes the pages; `python -m bench quick` takes two minutes.

`quick` prints what it measured, and ends with 1 if a target is missed grossly.
"""

import sys
import time

from bench import cost, page, qpid, stage, streams
from bench.contestants import CEILOMETER, OPENTELEMETRY
from bench.targets import gross


def quick() -> int:
    """Measure the most important numbers for a short time. Returns the exit status."""
    begun = time.monotonic()
    with stage.set_up() as place:
        found = cost.targets(cost.measure(place, cost.QUICK, 0.7))
        found += streams.targets(streams.measure(place, 5))
    print(page.targets(found))
    lines = gross(found)
    print(f"{time.monotonic() - begun:.0f} seconds", *lines, sep="\n")
    return 1 if lines else 0


def main(arguments: list[str]) -> int:
    if arguments == ["quick"]:
        return quick()
    with stage.set_up() as place:
        costs = cost.measure(place, cost.ALL, 3.0)
        chunks = streams.measure(place, 15, OPENTELEMETRY, CEILOMETER)
    cost.publish(costs, chunks)
    qpid.publish()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
