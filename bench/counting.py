"""What it costs to count the bytes of a download, beside a generator that does nothing but count.

`python -m bench.counting` prints it; with a path as argument it writes the page there. Counting is
all that the filter does for a chunk: what has left is known after each, and the progress is told
when it is due, which is after 64 MiB here.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator

from bench import page
from glance_notify_middleware.wsgi.response_body import WatchedBody

CHUNK = b"x" * 65536
"""As Glance's file store gives them."""
CHUNKS = 16384
"""Of one download: 1 GiB."""
ROUNDS = 41


def bare(body: Iterable[bytes], state: list[int]) -> Iterator[bytes]:
    """The least that counts what the server has taken."""
    sent = 0
    for chunk in body:
        yield chunk
        state[0] = sent = sent + len(chunk)


def watched(body: Iterable[bytes], state: list[int]) -> Iterator[bytes]:
    """As the filter counts a download."""

    def told() -> None:
        state[0] = counting.bytes_sent

    counting = WatchedBody(body, lambda error, exhausted: None, on_progress=told)
    return iter(counting)


def measure() -> dict[str, float]:
    """Nanoseconds for one chunk, the fastest of many downloads that are measured in turn.

    What others do on the machine only adds to it.
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

Written by `make bench` on {date}: Python {python}, {cores} cores, {system}. A download of 1 GiB in
chunks of 64 KiB, all in memory already, so that nothing but the counting is measured; the fastest
of {rounds} downloads each, in turn.

| | ns for a chunk |
|---|---|
{table}

The filter's counting takes {ratio:.2f} times what the bare generator takes: {seconds:.1f} ms of the
whole download more than no counting at all.
"""


def main(arguments: list[str]) -> int:
    """Measure, and print or write the page."""
    found = measure()
    nothing, least, ours = found.values()
    return page.give(
        _PAGE,
        arguments,
        rounds=ROUNDS,
        table="\n".join(f"| {name} | {each:.0f} |" for name, each in found.items()),
        ratio=ours / least,
        seconds=(ours - nothing) * CHUNKS / 1e6,
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
