"""What recording one event costs the thread of a request, compared with a bare write of the same
number of bytes.

`python -m bench.recording` prints the page; with a path as argument it writes the page there, too.
Recording is the JSON of the notification, the checksum, a lock, and one write to the journal.

Beside busy threads the measured thread computes for a while before each recording and each bare
write, as the thread of a request does. Without that pause each recording would directly follow a
bare write. A write releases the GIL and wakes a busy thread, which is most of its cost there; while
that thread wakes up, the next write has no thread to wake. So the first of two writes would pay for
both.
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
    """One row of the table: medians and 99th percentiles, in microseconds."""

    busy_threads: int
    disk: str
    record: tuple[float, float]
    write: tuple[float, float]


def measure(busy_threads: int, disk_is_busy: bool) -> Row:
    """Measure a row, in a process of its own: busy threads cannot be ended."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, busy_threads, disk_is_busy).result()


def _measure(busy_threads: int, disk_is_busy: bool) -> Row:
    for _ in range(busy_threads):
        threading.Thread(target=_spin, daemon=True).start()
    with tempfile.TemporaryDirectory(dir=".") as name, _disk(Path(name), disk_is_busy):
        journal = Journal(Path(name), max_size=_GIBIBYTE)
        journal.open()
        recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
        notification = _notification()
        data = _entry_of(notification)
        bare = os.open(Path(name) / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        pause = PAUSE if busy_threads else 0
        recording, writing = [], []
        for _ in range(_SAMPLES):  # in turn, so that both meet the same conditions
            recording.append(_timed(lambda: recorder.record([notification]), pause))
            writing.append(_timed(lambda: os.write(bare, data), pause))
        os.close(bare)
        disk = "busy" if disk_is_busy else "idle"
        return Row(busy_threads, disk, _median_and_p99(recording), _median_and_p99(writing))


def _timed(work: Callable[[], object], pause: int) -> int:
    """The nanoseconds that `work` takes, after a `pause` in microseconds of computing."""
    until = time.perf_counter_ns() + pause * 1000
    while time.perf_counter_ns() < until:
        pass
    begun = time.perf_counter_ns()
    work()
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


def _entry_of(notification: Notification) -> bytes:
    """As many bytes as the journal entry of the notification has."""
    message = Message(
        notification.message_id,
        notification.event_type,
        notification.priority,
        0.0,
        notification.to_json(),
    )
    body = entries.encode_messages([message])
    return entries.encode(entries.Kind.EVENTS, body, 0, count=1, number=0, clock=0)


def _spin() -> None:
    while True:
        pass


@contextmanager
def _disk(folder: Path, is_busy: bool) -> Iterator[None]:
    """Keep the disk of the folder busy, if `is_busy`: with one MiB after another, each synced."""
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
    """The rows in Markdown."""
    lines = [
        "| busy threads | disk | recording: median, p99 (µs) | bare write: median, p99 (µs) "
        "| recording minus bare write: median (µs) |",
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

Written by `make bench` on {date}: Python {python}, {cores} cores, {system}. A journal entry has
{size} bytes.

Recording is all that the thread of a request does for an event: the JSON of the notification, its
checksum, a lock of the process, and one `write()` to the journal. It is compared with a bare
`write()` of as many bytes to another file, in turn and in the same run. Busy threads are threads of
the same process that only compute. Beside them the measured thread computes for {pause}
microseconds before each recording and each bare write. On a busy disk another process writes and
syncs all the time.

Beside busy threads a write wakes a busy thread, which is most of the median. The writing thread may
also lose the GIL to it: then it waits for the GIL, 5 ms for each busy thread. Every read and write
of Glance in such a process pays the same. Python's own part of a recording is slower there, too, in
each of its steps, most likely as its data and code have left the processor's caches.

{table}
"""


def main(arguments: list[str]) -> int:
    """Measure, and print or write the page."""
    rows = [measure(threads, is_busy) for is_busy in (False, True) for threads in BUSY_THREADS]
    return page.publish(
        _PAGE,
        arguments,
        size=len(_entry_of(_notification())),
        pause=PAUSE,
        table=table(rows),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
