"""Reads notifications from Glance's log as they are written, and describes them in a line."""

import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_LINE = re.compile(r" glance_notify_middleware\.notifications .*?(\{.*\})$")
_COLOURS = {"INFO": "32", "WARN": "33", "ERROR": "31", "dim": "2", "bold": "1"}

Notification = dict[str, Any]


def paint(text: str, colour: str) -> str:
    """`text` in a colour where the output is a terminal; `text` itself where it is a pipe."""
    return f"\033[{_COLOURS[colour]}m{text}\033[0m" if sys.stdout.isatty() else text


def describe(notification: Notification) -> str:
    """The notification in one line: type, priority, and the main fields of its payload."""
    payload = notification["payload"]
    if isinstance(payload, dict):
        fields = [
            f"{key}={payload[key]}"
            for key in ("status", "size", "member_id", "bytes_sent", "destination_ip", "tags")
            if payload.get(key) not in (None, [])
        ]
        if "receiver_tenant_id" in payload:
            fields.append(f"receiver={payload['receiver_tenant_id'][:8]}…")
        payload = "  ".join(fields)
    kind = f"{notification['event_type']:<20}"
    priority = f"{notification['priority']:<6}"
    return f"{paint(kind, 'bold')}{paint(priority, notification['priority'])}{payload}"


class NewLines:
    """The lines of a file that is being written, each once it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def read(self) -> list[bytes]:
        """The lines that have become whole since the last call; none while there is no file."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._read)
            whole = b"".join(file.read().rpartition(b"\n")[:2])
        self._read += len(whole)
        return whole.split(b"\n")[:-1]


class Follower:
    """The notifications in a log, in the order in which they were written."""

    def __init__(self, log: Path) -> None:
        self._lines = NewLines(log)

    def new(self) -> Iterator[Notification]:
        """The notifications that were written since the last call."""
        for line in self._lines.read():
            found = _LINE.search(line.decode(errors="replace"))
            if found:
                yield json.loads(found[1])

    def wait(self, count: int, seconds: float = 30.0) -> list[Notification]:
        """Wait for `count` new notifications; returns fewer if no more came within `seconds`."""
        found: list[Notification] = []
        deadline = time.monotonic() + seconds
        while len(found) < count and time.monotonic() < deadline:
            found.extend(self.new())
            time.sleep(0.02)
        return found
