"""The program that measures what a contestant adds to each request, in a process of its own.

Its argument is a JSON object with the fields of Job. It prints a JSON object: in `added`, for each
contestant and for each request, the fields of Added; in `grown` the MiB by which the private memory
of the process grew after the first round.

Blocks of bare and of wrapped requests alternate, so that both meet the same conditions.
"""

from __future__ import annotations

import dataclasses
import json
import math
import os
import sys
import time
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from wsgiref.types import WSGIApplication

from bench.contestants import CONTESTANTS, Place
from bench.processes import private_memory
from bench.stand_in import REQUESTS, MakeEnviron, play, stand_in
from bench.statistics import Added, added

BLOCK = 100
"""Requests of a block."""


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
    least: int = 8
    """Rounds for each of them, however long they take."""


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    place = Place(Path(job.folder), job.port, job.vhost)
    bare = stand_in()
    wrapped = [CONTESTANTS[name](place)(bare) for name in job.contestants]
    for application in (bare, *wrapped):
        block(application, REQUESTS[job.requests[0]])
    memory = private_memory()
    found: dict[str, dict[str, object]] = {name: {} for name in job.contestants}
    for request in job.requests:
        measured = measure(bare, wrapped, REQUESTS[request], job)
        for name, each in zip(job.contestants, measured, strict=True):
            found[name][request] = dataclasses.asdict(each)
    grown = private_memory() - memory
    print(json.dumps({"added": found, "grown": grown}), flush=True)
    os._exit(0)  # what a contestant has not sent yet is of no interest


def measure(
    bare: WSGIApplication, wrapped: Sequence[WSGIApplication], make: MakeEnviron, job: Job
) -> list[Added]:
    """Play rounds for the seconds of the job, after one that does not count.

    A round is a block of bare requests, and one of requests to each of `wrapped`.
    """
    applications = [bare, *wrapped]
    rounds: list[list[array[float]]] = []
    until = math.inf
    while time.monotonic() < until or len(rounds) <= job.least:
        rounds.append([block(each, make) for each in applications])
        until = min(until, time.monotonic() + job.seconds)
    of_bare, *of_wrapped = zip(*rounds[1:], strict=True)
    return [added(of_bare, blocks) for blocks in of_wrapped]


def block(application: WSGIApplication, make: MakeEnviron) -> array[float]:
    """The microseconds that each request of a block takes."""
    environs = [make() for _ in range(BLOCK)]
    times = array("d")
    for environ in environs:
        begun = time.perf_counter_ns()
        play(application, environ)
        times.append((time.perf_counter_ns() - begun) / 1000)
    return times


if __name__ == "__main__":
    main()
