"""The program that measures what a contestant adds to each request, in a process of its own.

Its argument is a JSON object with the fields of Job. It prints a JSON object: for each contestant,
and for each request, the fields of Added.

Blocks of bare and of wrapped requests alternate, so that both meet the same conditions.
"""

import dataclasses
import json
import math
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import WSGIApplication

from bench.contestants import CONTESTANTS, Place
from bench.stand_in import REQUESTS, MakeEnviron, play, stand_in
from bench.statistics import Added, added

BLOCK = 100
"""Requests of a block."""
LEAST = 8
"""Rounds that are measured, however long they take."""


@dataclass(frozen=True)
class Job:
    """What is measured."""

    contestants: list[str]
    """Names in CONTESTANTS: one, or several that are compared with one another."""
    folder: str
    port: int
    vhost: str
    requests: list[str]
    """Names in REQUESTS."""
    seconds: float
    """For each of them."""


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    place = Place(Path(job.folder), job.port, job.vhost)
    bare = stand_in()
    wrapped = [CONTESTANTS[name](place)(bare) for name in job.contestants]
    found: dict[str, dict[str, object]] = {name: {} for name in job.contestants}
    for request in job.requests:
        measured = measure(bare, wrapped, REQUESTS[request], job.seconds)
        for name, each in zip(job.contestants, measured, strict=True):
            found[name][request] = dataclasses.asdict(each)
    print(json.dumps(found), flush=True)
    os._exit(0)  # what a contestant has not sent yet is of no interest


def measure(
    bare: WSGIApplication, wrapped: Sequence[WSGIApplication], make: MakeEnviron, seconds: float
) -> list[Added]:
    """Play rounds for so many seconds, after one that does not count.

    A round is a block of bare requests, and one of requests to each of `wrapped`.
    """
    applications = [bare, *wrapped]
    rounds: list[list[list[float]]] = []
    until = math.inf
    while time.monotonic() < until or len(rounds) <= LEAST:
        rounds.append([block(each, make) for each in applications])
        until = min(until, time.monotonic() + seconds)
    of_bare, *of_wrapped = zip(*rounds[1:], strict=True)
    return [added(of_bare, blocks) for blocks in of_wrapped]


def block(application: WSGIApplication, make: MakeEnviron) -> list[float]:
    """The microseconds that each request of a block takes."""
    environs = [make() for _ in range(BLOCK)]
    times = []
    for environ in environs:
        begun = time.perf_counter_ns()
        play(application, environ)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return times


if __name__ == "__main__":
    main()
