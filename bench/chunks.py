"""The program that measures a large download chunk by chunk, or a large upload read by read.

Its argument is a JSON object with the fields of Job. It prints a JSON object: for BARE and for each
contestant the nanoseconds for a chunk, or for a read, in each round.

Bare transfers and those of each contestant alternate. Time is taken from the first chunk to the
last one, so that what a middleware does before and after is not in it.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from wsgiref.types import WSGIApplication

from bench.contestants import BARE, CONTESTANTS, Place
from bench.stand_in import CHUNK_SIZE, IMAGE, REQUESTS, play, request, stand_in, start_response

_UPLOAD = request("PUT", f"/v2/images/{IMAGE}/file", b"", "application/octet-stream")


@dataclass(frozen=True)
class Job:
    """What is measured."""

    contestants: list[str]
    folder: str
    port: int
    vhost: str
    is_upload: bool
    chunk_size: int
    """Bytes; an upload is read in reads of CHUNK_SIZE bytes."""
    chunks: int
    rounds: int


class TimedInput:
    """A `wsgi.input` with the same chunk again and again, which keeps the time that it is read."""

    def __init__(self, chunks: int) -> None:
        self._chunk = bytes(CHUNK_SIZE)
        self._left = chunks
        self._begun = 0
        self.nanoseconds = 0

    def read(self, size: int = -1) -> bytes:
        if not self._begun:
            self._begun = time.perf_counter_ns()
        if self._left:
            self._left -= 1
            return self._chunk
        self.nanoseconds = time.perf_counter_ns() - self._begun
        return b""


def main() -> None:
    job = Job(**json.loads(sys.argv[1]))
    place = Place(Path(job.folder), job.port, job.vhost)
    bare = stand_in(job.chunk_size, job.chunks)
    applications = {name: CONTESTANTS[name](place)(bare) for name in (BARE, *job.contestants)}
    found: dict[str, list[float]] = {name: [] for name in applications}
    transfer: Callable[[WSGIApplication, int], int] = upload if job.is_upload else download
    for number in range(job.rounds + 1):
        for name, application in applications.items():
            nanoseconds = transfer(application, job.chunks)
            if number:  # the first round does not count
                found[name].append(nanoseconds / job.chunks)
    print(json.dumps(found), flush=True)
    os._exit(0)  # what a contestant has not sent yet is of no interest


def download(application: WSGIApplication, chunks: int) -> int:
    """The nanoseconds from the first chunk of a download to its last one."""
    body = application(REQUESTS["download"](), start_response)
    iterator = iter(body)
    next(iterator)
    begun = time.perf_counter_ns()
    for _ in islice(iterator, chunks - 1):
        pass
    took = time.perf_counter_ns() - begun
    for _ in iterator:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()
    return took


def upload(application: WSGIApplication, chunks: int) -> int:
    """The nanoseconds from the first read of an upload to its last one."""
    environ = _UPLOAD()
    data = environ["wsgi.input"] = TimedInput(chunks)
    environ["CONTENT_LENGTH"] = str(chunks * CHUNK_SIZE)
    play(application, environ)
    return data.nanoseconds


if __name__ == "__main__":
    main()
