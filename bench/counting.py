"""The cost of counting the bytes of a download, compared with a generator that only counts.

`python -m bench.counting` prints the page; with a path as argument it writes the page there, too.
Counting is all that the filter does for a chunk: the number of bytes that have left is known after
each chunk, and the progress is recorded when it is due, which is after 64 MiB here.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator

from bench import page
from glance_notify_middleware.wsgi.response_body import WatchedBody

CHUNK = b"x" * 65536
"""A chunk of the size that Glance's file store yields."""
CHUNKS = 16384
"""Chunks of one download, which are 1 GiB."""
ROUNDS = 41


def bare(body: Iterable[bytes], state: list[int]) -> Iterator[bytes]:
    """The least code that counts what the server has taken."""
    sent = 0
    for chunk in body:
        yield chunk
        state[0] = sent = sent + len(chunk)


def watched(body: Iterable[bytes], state: list[int]) -> Iterator[bytes]:
    """The filter's code that counts a download."""

    def on_progress() -> None:
        state[0] = counting.bytes_sent

    counting = WatchedBody(body, lambda error, exhausted: None, on_progress=on_progress)
    return iter(counting)


def measure() -> dict[str, float]:
    """Nanoseconds for one chunk, by what counts: the fastest of many downloads, measured in turn.

    The fastest, as other work of the machine only adds to the time.
    """
    body = [CHUNK] * CHUNKS
    ways: dict[str, Callable[[], Iterable[bytes]]] = {
        "no counting": lambda: iter(body),
        "a bare counting generator": lambda: bare(body, [0]),
        "the filter's counting, with progress": lambda: watched(body, [0]),
    }
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            begun = time.perf_counter_ns()
            for _chunk in way():
                pass
            times[name].append((time.perf_counter_ns() - begun) / CHUNKS)
    return {name: min(found) for name, found in times.items()}


_PAGE = """# What counting a download costs

Written by `make bench` on {date}: Python {python}, {cores} cores, {system}. The table shows
a download of 1 GiB in chunks of 64 KiB that are in memory already, so that only the counting is
measured: the fastest of {rounds} downloads for each row, which were measured in turn.

| counting | ns for a chunk |
|---|---|
{table}

The filter's counting takes {ratio:.2f} times as long as the bare generator. For the whole download
it takes {milliseconds:.1f} ms more than no counting.
"""


def main(arguments: list[str]) -> int:
    """Measure, and print or write the page."""
    found = measure()
    nothing, least, of_filter = found.values()
    return page.publish(
        _PAGE,
        arguments,
        rounds=ROUNDS,
        table="\n".join(f"| {name} | {nanoseconds:.0f} |" for name, nanoseconds in found.items()),
        ratio=of_filter / least,
        milliseconds=(of_filter - nothing) * CHUNKS / 1e6,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
