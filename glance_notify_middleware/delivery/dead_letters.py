"""Dead letters: messages that no broker will ever take, kept for people, a file for each month."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.files import open_or_replace


def bury(directory: Path, strategy: str, message: Message) -> Path:
    """Append the message, as one line of JSON; returns the file, which is still to be synced (see
    files.sync). Raises OSError."""
    now = datetime.now(UTC)
    path = directory / f"dead-{now:%Y-%m}.jsonl"
    told = {
        "time": f"{now:%Y-%m-%d %H:%M:%S.%f}",
        "strategy": strategy,
        "notification": json.loads(message.body),
    }
    line = json.dumps(told).encode() + b"\n"
    fd = open_or_replace(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            line = b"\n" + line  # the disk was full when the last one was written
        if os.write(fd, line) < len(line):
            raise OSError(0, f"{path}: a dead letter could not be written: the disk is full")
    finally:
        os.close(fd)
    return path
