"""The program that plays creates, one after another, at a rate or as fast as it can.

Its argument is a JSON object with the fields of Job. It prints a line of JSON when it is ready,
waits for a line, plays the creates, and prints the microseconds of each as a list. After that it
kills itself (SIGKILL), or it waits until its input ends.
"""

import json
import os
import signal
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path

from bench.contestants import CONTESTANTS, Place
from bench.stand_in import REQUESTS, play, stand_in


@dataclass(frozen=True)
class Job:
    """What is played."""

    contestant: str
    folder: str
    port: int
    vhost: str
    count: int
    rate: float = 0.0
    """Requests a second; 0: each follows the one before at once."""
    killed: bool = False
    """Whether the process kills itself behind the last create."""
    beside_bare: bool = False
    """Whether the first, the third and so on go to the bare application."""
    warm_up: int = 100
    """Creates before those that are measured."""


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    place = Place(Path(job.folder), job.port, job.vhost)
    bare = stand_in()
    wrapped = CONTESTANTS[job.contestant](place)(bare)
    first = bare if job.beside_bare else wrapped
    make = REQUESTS["create"]
    for _ in range(job.warm_up):
        play(wrapped, make())
    print(json.dumps("ready"), flush=True)
    sys.stdin.readline()
    times = array("d", bytes(8 * job.count))
    due = time.perf_counter()
    for number in range(job.count):
        environ = make()
        if job.rate:
            due += 1 / job.rate
            time.sleep(max(due - time.perf_counter(), 0.0))
        else:
            due = time.perf_counter()
        play(wrapped if number % 2 else first, environ)
        times[number] = (time.perf_counter() - due) * 1e6
    if job.killed:
        os.kill(os.getpid(), signal.SIGKILL)
    print(json.dumps(list(times)), flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
