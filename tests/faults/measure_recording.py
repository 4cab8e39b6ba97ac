"""A program that measures the time to record an event beside threads that compute, and the time of
a bare write of as many bytes, in turn.

Arguments: a folder, and the number of those threads. The program writes a line of JSON: means,
medians and 99th percentiles in milliseconds.
"""

import json
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.events.notification import EventType, Notification, Priority
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from tests.faults.fake_glance import compute

TIMES = 300


def main() -> None:
    folder, busy = Path(sys.argv[1]), int(sys.argv[2])
    journal = Journal(folder, max_size=2**30)
    journal.open()
    recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
    notification = Notification(
        message_id="8adb451d-6ce4-42f4-abe8-5daad177b761",
        publisher_id="glance-1.example",
        event_type=EventType.CREATE,
        priority=Priority.INFO,
        timestamp=time.time(),
        payload={f"key{n}": "of no interest" for n in range(30)},
        request_id="request",
        project_id="project",
        user_id="user",
    )
    bare = os.open(folder / "bare", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    data = notification.to_json()
    for _ in range(busy):
        threading.Thread(target=compute, daemon=True).start()
    recorded, written = [], []
    for _ in range(TIMES):
        written.append(_seconds(lambda: os.write(bare, data)))
        recorded.append(_seconds(lambda: recorder.record([notification])))
    print(json.dumps({"recorded": _summary(recorded), "written": _summary(written)}), flush=True)
    os._exit(0)  # the threads never end


def _seconds(work: Callable[[], object]) -> float:
    """Seconds that `work` takes on a thread that has waited before, as that of a request has."""
    time.sleep(0.003)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def _summary(times: list[float]) -> tuple[float, float, float]:
    p99 = sorted(times)[int(len(times) * 0.99)]
    return statistics.mean(times) * 1000, statistics.median(times) * 1000, p99 * 1000


if __name__ == "__main__":
    main()
