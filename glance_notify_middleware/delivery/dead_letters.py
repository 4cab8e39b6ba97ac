"""Dead letters: messages that a broker rejects for good, in a file for each month, for people."""

import json
import logging
import os
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from glance_notify_middleware.delivery.state_log import StateLog
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal.files import open_or_replace, sync, write_whole
from glance_notify_middleware.runtime.own_log import LOG, log_line

TRIES = 3
"""How often a rejected message is sent before it is a dead letter."""


class DeadLetters:
    """Counts the rejections of each message of one strategy, and writes dead letters."""

    def __init__(self, directory: Path, strategy: str) -> None:
        self._directory = directory
        self._strategy = strategy
        self._log = StateLog(strategy)
        self._rejections: Counter[str] = Counter()  # by message_id
        self._unsynced: set[Path] = set()  # files with dead letters that are not synced yet

    def reject(self, message: Message) -> bool:
        """Count a rejection of the message. Returns whether the message is a dead letter by now.

        If the dead letter cannot be written, the message is sent again.
        """
        self._rejections[message.message_id] += 1
        if self._rejections[message.message_id] < TRIES:
            return False
        try:
            path = append(self._directory, self._strategy, message)
        except OSError as error:
            self._log.change("dead letters", "cannot keep a dead letter", logging.ERROR, str(error))
            return False
        self._unsynced.add(path)
        del self._rejections[message.message_id]
        what = f"{message.event_type} {message.message_id}"
        line = f"{self._strategy} rejects {what} for what it is; it is kept in {path}"
        log_line(LOG, logging.ERROR, line)
        return True

    def forget(self, message: Message) -> None:
        """Forget the rejections of a message that the broker has taken."""
        self._rejections.pop(message.message_id, None)

    def sync(self) -> None:
        """Sync the dead letters, so that they survive a power cut. Raises OSError."""
        for path in list(self._unsynced):
            sync(path)
            self._unsynced.discard(path)


def append(directory: Path, strategy: str, message: Message) -> Path:
    """Append the message, as one line of JSON, to the file of this month (UTC).

    Returns the path of the file, which the caller has to sync. Raises OSError.
    """
    now = datetime.now(UTC)
    path = directory / f"dead-{now:%Y-%m}.jsonl"
    content = {
        "time": f"{now:%Y-%m-%d %H:%M:%S.%f}",
        "strategy": strategy,
        "notification": json.loads(message.body),
    }
    line = json.dumps(content).encode() + b"\n"
    fd = open_or_replace(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(fd).st_size
        if size and os.pread(fd, 1, size - 1) != b"\n":
            line = b"\n" + line  # the disk was full when the line before was written
        write_whole(fd, line, path)
    finally:
        os.close(fd)
    return path
