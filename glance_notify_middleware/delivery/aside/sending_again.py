"""Sends messages again that an operator wants sent again: puts them into the aside files.

From there the leader delivers them, with their ids. The aside files are part of the journal: they
survive a crash, and they are bounded.
"""

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.delivery.aside import one_file
from glance_notify_middleware.delivery.aside.marks import Mark
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.files import open_owned, sync, write_whole
from glance_notify_middleware.journal.layout import CURSORS, aside_path

_PART = 2  # half of the bound stays free for what the broker does not take


class SendingAgainError(Exception):
    """A message cannot be sent again. The text says why, and names the way out."""


class TooLargeError(SendingAgainError):
    """A message is larger than all that an operator may send again at a time."""


class StaleCursorError(SendingAgainError):
    """An aside file was removed by somebody, and the leader has not seen that yet."""


class SendingAgain:
    """Appends messages to the aside files of one target. To be used by one thread of a process that
    does not lead."""

    def __init__(self, directory: Path, target: str, aside_max_size: int) -> None:
        """`aside_max_size` bounds the aside files of the target, in bytes: half of it is used."""
        self.directory = directory
        self._target = target
        self.max_size = aside_max_size // _PART
        """Bytes that the aside files of the target may have."""
        self._unsynced: set[Priority] = set()

    def add(self, messages: Sequence[Message]) -> int:
        """Append the messages, as long as there is room; returns how many. They are the first ones.

        They are to be synced before they count as sent again. Raises TooLargeError if there will
        never be room for the next one, StaleCursorError, and OSError, which leaves it open how many
        were appended.
        """
        count = 0
        for priority, group in itertools.groupby(messages, key=lambda message: message.priority):
            some = list(group)
            added = self._append(priority, some)
            count += added
            if added < len(some):
                break
        return count

    def sync(self) -> None:
        """Sync what was added, so that it survives a power cut. Raises OSError."""
        for priority in list(self._unsynced):
            # The file is gone where the leader has sent all of it.
            with contextlib.suppress(FileNotFoundError):
                sync(aside_path(self.directory, self._target, priority))
            self._unsynced.discard(priority)

    def _append(self, priority: Priority, messages: Sequence[Message]) -> int:
        path = aside_path(self.directory, self._target, priority)
        with one_file.locked(path, lambda: self._open(path, priority)) as fd:
            room = self.max_size - one_file.total_size(self.directory, self._target)
            encoded = list(_that_fit(messages, room, self.max_size))
            if encoded:
                self._unsynced.add(priority)
                write_whole(fd, b"".join(encoded), path)
        return len(encoded)

    def _open(self, path: Path, priority: Priority) -> int:
        if not os.path.lexists(path) and cursor(self.directory, self._target, priority):
            raise StaleCursorError(
                f"{path} was removed, and cursors.json has its cursor: messages of a new file "
                "would be skipped; start Glance, or glance-notify relay, for some seconds first"
            )
        return open_owned(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def cursor(directory: Path, target: str, priority: Priority) -> int:
    """The saved cursor of a target in an aside file, in bytes. Raises OSError."""
    section = (checksummed.load(directory / CURSORS) or {}).get(target)
    saved = section.get("aside") if isinstance(section, dict) else None
    offset = saved.get(priority) if isinstance(saved, dict) else None
    return offset if isinstance(offset, int) else 0


def _that_fit(messages: Sequence[Message], room: int, max_size: int) -> Iterator[bytes]:
    """The entries of the first messages that fit into so many bytes. Raises TooLargeError if not
    even the first one ever does."""
    for number, message in enumerate(messages):
        data = one_file.encode(message, Mark.SENT_AGAIN)
        if not number and len(data) > max_size:
            raise TooLargeError(
                f"{message.message_id} takes {len(data)} bytes, and {max_size} may be used; "
                "a larger journal_max_size makes room"
            )
        room -= len(data)
        if room < 0:
            return
        yield data
