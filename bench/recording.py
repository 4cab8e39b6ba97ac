"""What it costs a request's thread to record one event, beside a bare write of the same bytes.

`python -m bench.recording` prints the table; with a path as argument it writes the page there.
Recording is all of it: the notification to JSON, checksum, lock, and one write to the journal.

Beside busy threads the thread computes for a while before each of the two, as the thread of a
request does. Without that pause each recording would follow a bare write: a write lets the GIL go
and wakes a busy thread, and while that one is on its way the next write has nobody to wake, which
is most of what it costs there. So whichever comes first of two would pay for both.
"""

import multiprocessing
import os
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import page
from glance_notify_middleware.events.notification import EventType, Message, Notification, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal

BUSY_THREADS = (0, 1, 4)
PAUSE = 50  # microseconds

_GIBIBYTE = 1024**3
_SAMPLES = 10_000
PAYLOAD = {
    **{"id": str(uuid.uuid4()), "name": "debian-12-generic-amd64", "status": "active"},
    **{"checksum": "0" * 32, "container_format": "bare", "disk_format": "qcow2"},
    **{"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"},
    **{"deleted": False, "deleted_at": None, "is_public": False, "visibility": "shared"},
    **{"min_disk": 10, "min_ram": 512, "owner": "0" * 32, "protected": False},
    **{"size": 2**31, "virtual_size": 2**33, "tags": ["server", "generic"]},
    "properties": {f"hw_property_{number}": "some value of it" for number in range(12)},
}


@dataclass(frozen=True)
class Row:
    """Medians and 99th percentiles, in microseconds."""

    busy_threads: int
    disk: str
    record: tuple[float, float]
    write: tuple[float, float]


def measure(busy_threads: int, disk_is_busy: bool) -> Row:
    """One row, in a process of its own: threads that are busy cannot be ended."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, busy_threads, disk_is_busy).result()


def _measure(busy_threads: int, disk_is_busy: bool) -> Row:
    for _ in range(busy_threads):
        threading.Thread(target=_spin, daemon=True).start()
    with tempfile.TemporaryDirectory(dir=".") as name, _disk(Path(name), disk_is_busy):
        journal = Journal(Path(name), max_size=_GIBIBYTE)
        journal.open()
        recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
        one = _notification()
        data = _record_of(one)
        bare = os.open(Path(name) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        pause = PAUSE if busy_threads else 0
        recording, writing = [], []
        for _ in range(_SAMPLES):  # in turn, so that both meet the same weather
            recording.append(_timed(lambda: recorder.record([one]), pause))
            writing.append(_timed(lambda: os.write(bare, data), pause))
        os.close(bare)
        disk = "busy" if disk_is_busy else "idle"
        return Row(busy_threads, disk, _median_and_p99(recording), _median_and_p99(writing))


def _timed(what: Callable[[], object], pause: int) -> int:
    """Nanoseconds, after as many microseconds."""
    until = time.perf_counter_ns() + pause * 1000
    while time.perf_counter_ns() < until:
        pass
    begun = time.perf_counter_ns()
    what()
    return time.perf_counter_ns() - begun


def _median_and_p99(nanoseconds: list[int]) -> tuple[float, float]:
    ordered = sorted(nanoseconds)
    return ordered[len(ordered) // 2] / 1000, ordered[len(ordered) * 99 // 100] / 1000


def _notification() -> Notification:
    return Notification(
        message_id=str(uuid.uuid4()),
        publisher_id="glance-1.example",
        event_type=EventType.UPDATE,
        priority=Priority.INFO,
        timestamp=time.time(),
        payload=PAYLOAD,
        request_id=f"req-{uuid.uuid4()}",
        project_id="0" * 32,
        user_id="0" * 32,
    )


def _record_of(one: Notification) -> bytes:
    """As many bytes as a record of it has."""
    message = Message(one.message_id, one.event_type, one.priority, 0.0, one.to_json())
    body = entries.encode_messages([message])
    return entries.encode(entries.Kind.EVENTS, body, 0, count=1, number=0, clock=0)


def _spin() -> None:
    while True:
        pass


@contextmanager
def _disk(folder: Path, is_busy: bool) -> Iterator[None]:
    """Keeps the disk under the folder busy, if asked to: a MiB after the other, each synced."""
    writer = multiprocessing.get_context("spawn").Process(target=_write_forever, args=(folder,))
    if is_busy:
        writer.start()
        time.sleep(1)
    try:
        yield
    finally:
        if is_busy:
            writer.kill()
            writer.join()


def _write_forever(folder: Path) -> None:
    mebibyte = os.urandom(1024**2)
    with (folder / "noise").open("wb") as file:
        while True:
            file.seek(0)
            for _ in range(64):
                file.write(mebibyte)
                file.flush()
                os.fdatasync(file.fileno())


def table(rows: list[Row]) -> str:
    """As Markdown."""
    lines = [
        "| busy threads | disk | recording: median, p99 (µs) | bare write: median, p99 (µs) "
        "| recording less bare: median (µs) |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        more = row.record[0] - row.write[0]
        lines.append(
            f"| {row.busy_threads} | {row.disk} | {row.record[0]:,.1f}, {row.record[1]:,.1f} "
            f"| {row.write[0]:,.1f}, {row.write[1]:,.1f} | {more:,.1f} |"
        )
    return "\n".join(lines)


_PAGE = """# What recording an event costs

Written by `make bench` on {date}: Python {python}, {cores} cores, {system}. A record has {size}
bytes.

Recording is all that a request's thread does for an event: the notification to JSON, its checksum,
a lock of the process, and one `write()` to the journal. Beside it, in turn and in the same run,
stands a bare `write()` of as many bytes to a file of its own. Busy threads are threads of the same
process that only compute: beside them the thread computes for {pause} microseconds before each of
the two. On a busy disk another process writes and syncs without end.

Beside busy threads a write wakes one of them, which is most of the median, and may lose the GIL to
it: then the time is that of getting it back, 5 ms for each of them, what every read and write of
Glance in that process pays as well. Python's own share of the recording is slower there, too, each
step of it alike: most likely since the processor's caches are no longer warm with it.

{table}
"""


def main(arguments: list[str]) -> int:
    """Measure, and print or write the page."""
    rows = [measure(threads, is_busy) for is_busy in (False, True) for threads in BUSY_THREADS]
    return page.give(
        _PAGE,
        arguments,
        size=len(_record_of(_notification())),
        pause=PAUSE,
        table=table(rows),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
