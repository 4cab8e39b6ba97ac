"""A program that measures what the filter adds to a request: the same requests with the filter and
without it, in turn.

Arguments: the number of requests, and their rate a second. The program makes some requests that are
not measured and writes `warm`, waits for a line, measures, writes a line of JSON, and stays until
its input ends. Both applications are loaded from the paste file PASTE_FILE.
"""

import array
import gc
import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from paste.deploy import loadapp

from tests.faults.caller import call, create

WARM_UP = 500
BATCH = 100
"""Requests in a row: after a pause the processor's caches would be measured."""

WINDOW = 500
"""The best median of so many requests is taken, as other work of the machine only adds to it."""


def main() -> None:
    count, rate = int(sys.argv[1]), float(sys.argv[2])
    from tests.faults.application import application

    bare = loadapp(f"config:{os.environ['PASTE_FILE']}", name="bare")
    with_filter, without = (array.array("d", bytes(8 * count)) for _ in range(2))
    for number in range(WARM_UP):
        call(bare, create(f"warm-up/{number}"))
        call(application, create(f"warm-up/{number}"))
    print("warm", flush=True)
    sys.stdin.readline()
    before = _rss_anon()
    due = time.monotonic()
    for number in range(count):
        environ, same = create(f"measured/{number}"), create(f"measured/{number}")
        begun = time.perf_counter()
        call(bare, environ)
        middle = time.perf_counter()
        call(application, same)
        without[number], with_filter[number] = middle - begun, time.perf_counter() - middle
        if number % BATCH == BATCH - 1:
            due += BATCH / rate
            time.sleep(max(due - time.monotonic(), 0.0))
    measured = {
        "without": statistics.median(without) * 1e6,
        "added": (statistics.median(with_filter) - statistics.median(without)) * 1e6,
        "least": min(
            statistics.median(with_filter[at : at + WINDOW])
            - statistics.median(without[at : at + WINDOW])
            for at in range(0, count, WINDOW)
        )
        * 1e6,
        "added_p99": (_p99(with_filter) - _p99(without)) * 1e6,
        "grown": _rss_anon() - before,
    }
    print(json.dumps(measured), flush=True)
    sys.stdin.read()


def _p99(times: Iterable[float]) -> float:
    return statistics.quantiles(times, n=100)[-1]


def _rss_anon() -> float:
    """MiB of private memory (RssAnon, proc(5))."""
    gc.collect()
    found = re.search(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1024


if __name__ == "__main__":
    main()
