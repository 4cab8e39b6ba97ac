"""A program that records events in a journal, as a worker does, and measures the time of each event
and the growth of its own memory.

Arguments: a folder, the number of the first event, the number of events, and the events a second
(0: as many as possible). The program writes `ready` when it has recorded one event, waits for a
line, writes a line of JSON when all are recorded, and stays until its input ends.
"""

import json
import os
import statistics
import sys
import threading
import time
import uuid
from pathlib import Path

from bench.stand_in import RECORD
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import EventType, Notification, Payload, Priority
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from tests.long.process_usage import rss_anon

MAX_SIZE = 8 * 1024**3
MEASURED = 20_000
"""The times of further events are not kept: they would make the memory grow."""


def main() -> None:
    folder, first, count, rate = Path(sys.argv[1]), *map(int, sys.argv[2:5])
    journal = Journal(folder, max_size=MAX_SIZE)
    journal.open()
    threading.Thread(target=tend, args=(journal,), daemon=True).start()
    recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
    _record(recorder, first)
    print("ready", flush=True)
    sys.stdin.readline()
    before = rss_anon(os.getpid())
    times: list[float] = []
    due = time.monotonic()
    for number in range(first + 1, first + count):
        took = _record(recorder, number)
        if len(times) < MEASURED:
            times.append(took)
        if rate:
            due += 1 / rate
            time.sleep(max(due - time.monotonic(), 0))
    measured = {
        "median": statistics.median(times) * 1e6,
        "p99": statistics.quantiles(times, n=100)[-1] * 1e6,
        "grown": rss_anon(os.getpid()) - before,
    }
    print(json.dumps(measured), flush=True)
    sys.stdin.read()


def update(number: int, payload: Payload) -> Notification:
    """An image.update whose message_id is made of the number."""
    return Notification(
        message_id=str(uuid.UUID(int=number)),
        publisher_id="glance-1.example",
        event_type=EventType.UPDATE,
        priority=Priority.INFO,
        timestamp=time.time(),
        payload=payload,
        request_id=f"req-{number}",
        project_id="project",
        user_id="user",
    )


def _record(recorder: JournalRecorder, number: int) -> float:
    """Record an operation, its intent and its event; returns the seconds that both took."""
    begun = Intent(
        os.urandom(16), time.time(), "glance-1.example", EventType.UPDATE, "update image",
        str(uuid.UUID(int=number)), f"req-{number}", "project", "user", None,
    )  # fmt: skip
    event = update(number, RECORD)
    before = time.perf_counter()
    recorder.begin(begun)
    recorder.record([event], begun)
    return time.perf_counter() - before


def tend(journal: Journal) -> None:
    """Maintain the journal once a second, as a worker does. Never ends."""
    while True:
        journal.maintain()
        time.sleep(1)


if __name__ == "__main__":
    main()
