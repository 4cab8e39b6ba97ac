"""A program with a download that does not end while large events pass through the same journal.

Arguments: the journal's folder, its bound in bytes, and the bytes of events that are to pass. The
program writes a line of JSON when all events are recorded, and stays, with its download, until it
is killed.
"""

import json
import sys
import threading
import time
import uuid
from pathlib import Path

from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import EventType
from glance_notify_middleware.journal.layout import file_sizes
from glance_notify_middleware.journal.recorder import JournalRecorder
from glance_notify_middleware.journal.writer import Journal
from tests.long.recording import tend, update

DOWNLOAD = uuid.UUID(int=2**64)
"""The message_id of the download's unknown outcome."""
SENT = 1024
"""Bytes of the download from one event to the next."""

_LARGE = {"id": "image", "properties": {f"property{n}": "of no interest" * 10 for n in range(256)}}


def main() -> None:
    folder, bound, passing = Path(sys.argv[1]), *map(int, sys.argv[2:4])
    journal = Journal(folder, max_size=bound)
    journal.open()
    threading.Thread(target=tend, args=(journal,), daemon=True).start()
    recorder = JournalRecorder(lambda: journal, refuse_when_full=False)
    of_download = EventType.SEND, "", "image", "req-download", "project", "user", "192.0.2.7"
    download = Intent(DOWNLOAD.bytes, time.time(), "glance-1.example", *of_download)
    recorder.begin(download)
    events = passed = 0
    while passed < passing:
        if events % 100 == 0:
            while sum(file_sizes(folder).values()) > bound / 2:  # the relay is behind
                time.sleep(0.05)
        event = update(events, _LARGE)
        recorder.record([event])
        events, passed = events + 1, passed + len(event.to_json())
        recorder.progress(download, Progress(events * SENT, "owner"))
    result = {"events": events, "passed": passed, "dropped": journal.counters()["dropped"]}
    print(json.dumps({**result, "identity": journal.identity}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
