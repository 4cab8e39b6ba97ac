"""Reads a file to which messages are appended, a JSON object a line, while somebody writes it."""

import json
import time
from pathlib import Path
from typing import Any

from demo.log_follower import NewLines
from tests.notification_schema import hold_to_schema


class MessageLog:
    """The messages of a file that came since the last read.

    A read may see the beginning of a line whose rest is still being written: such a line counts
    as not there yet.
    """

    def __init__(self, path: Path) -> None:
        self._lines = NewLines(path)

    def new_messages(self) -> list[dict[str, Any]]:
        """The messages whose lines have become whole since the last call."""
        return [json.loads(line) for line in self._lines.read()]

    def wait_for(self, count: int, seconds: float = 60.0) -> list[dict[str, Any]]:
        """Wait until `count` messages have come since the last call; returns them and those that
        came with them, or those that came within `seconds`."""
        messages = self.new_messages()
        deadline = time.monotonic() + seconds
        while len(messages) < count and time.monotonic() < deadline:
            time.sleep(0.02)
            messages += self.new_messages()
        return messages


class NotificationLog(MessageLog):
    """The notifications of a file: each is held to the JSON schema when it is read."""

    def new_messages(self) -> list[dict[str, Any]]:
        """As MessageLog; raises AssertionError where a notification breaks the schema."""
        found = super().new_messages()
        for notification in found:
            hold_to_schema(notification)
        return found


def messages_of(path: Path) -> list[dict[str, Any]]:
    """The messages of a file so far; none while there is no file."""
    return MessageLog(path).new_messages()
