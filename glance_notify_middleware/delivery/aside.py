"""The aside files: messages of priorities that cannot go now, out of the way of other priorities.

Each strategy has one file for each priority, as the priority makes the routing key. Its messages
are entries, and go in their order. Several processes may believe that they lead: each locks a file
before it changes it.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.files import (
    ForeignFileError,
    open_or_replace,
    open_owned,
    read_owned,
    sync,
    write_whole,
)
from glance_notify_middleware.journal.layout import aside_path
from glance_notify_middleware.journal.locks import is_same_file

ASIDE_RETRY = 60.0
"""Seconds after which messages that were set aside are sent again."""

_CHUNK = 1024 * 1024  # bytes read at a time
_WHOLE = 2 * (entries.MAX_BODY + 1024)  # bytes; half of them hold a whole entry, if there is one


class AsideFiles:
    """The aside files of one strategy. Each `now` is the time of a monotonic clock, in seconds."""

    def __init__(self, directory: Path, strategy: str, cursors: Cursors, max_size: int) -> None:
        """`max_size` bounds all files together, in bytes. Messages that are there are due at
        once."""
        self._directory = directory
        self._strategy = strategy
        self._cursors = cursors
        self._max_size = max_size
        self._due = {priority: 0.0 for priority in Priority if self._path(priority).exists()}
        self._flows: set[Priority] = set()  # priorities whose last message was delivered
        self._unsynced: set[Priority] = set()

    def __contains__(self, priority: Priority) -> bool:
        """Whether messages of this priority are set aside at present."""
        return priority in self._due

    def postpone(self, priority: Priority, now: float, wait: float | None = None) -> None:
        """Set messages of this priority aside from now on. They are due after `wait` seconds;
        without `wait`, after ASIDE_RETRY."""
        self._due[priority] = now + (ASIDE_RETRY if wait is None else wait)
        self._flows.discard(priority)

    def add(self, message: Message) -> bool:
        """Append a message to the file of its priority; False where there is no room for it.

        The message is to be synced before it counts as set aside. Raises OSError.
        """
        body = entries.encode_messages([message])
        data = entries.encode(Kind.EVENTS, body, entries.checksum(body), count=1, number=0, clock=0)
        with self._locked(message.priority) as fd:
            if self._size() + len(data) > self._max_size:
                return False
            write_whole(fd, data, self._path(message.priority))
            self._unsynced.add(message.priority)
        return True

    def sync(self) -> None:
        """Sync what was added, so that it survives a power cut. Raises OSError.

        Before that, no message that was added may be removed from the journal.
        """
        for priority in list(self._unsynced):
            # The file is gone where another leader has sent all of it.
            with contextlib.suppress(FileNotFoundError):
                sync(self._path(priority))
            self._unsynced.discard(priority)

    def due(self, now: float) -> Priority | None:
        """A priority whose messages are due; None where there is none."""
        return next((priority for priority, due in self._due.items() if due <= now), None)

    def read(self, priority: Priority, limit: int) -> list[tuple[Message, int]]:
        """The next messages, at most `limit`, each with the offset behind it, in bytes.

        Returns one message at most while it is not known whether messages of the priority can go.
        Returns an empty list at the end of the file. Raises OSError.
        """
        limit = limit if priority in self._flows else 1
        found: list[tuple[Message, int]] = []
        with self._locked(priority) as fd:
            offset = self._cursors.aside.get(priority, 0)
            if offset > os.fstat(fd).st_size:
                offset = 0  # it is the offset in an earlier file
            for entry, end in _entries(fd, offset):
                if len(found) == limit:
                    break
                found += [(message, end) for message in entries.decode_messages(entry.body)]
        return found

    def advance(self, priority: Priority, offset: int) -> None:
        """All messages before `offset` are delivered or dead letters."""
        self._flows.add(priority)
        self._cursors.move_aside(priority, offset)

    def finish(self, priority: Priority) -> bool:
        """Remove the file, as all of it is delivered. False where that cannot be done yet: the
        cursor cannot be saved, or another leader has added messages. Raises OSError."""
        offset = self._cursors.aside.get(priority, 0)
        self._cursors.move_aside(priority, 0)
        if not self._cursors.save(at_once=True, durable=True):
            return False  # the old cursor would skip the first messages of a later file
        with self._locked(priority) as fd:
            if any(True for _ in _entries(fd, offset)):
                self._cursors.move_aside(priority, offset)
                return False
            self._path(priority).unlink()
        del self._due[priority]
        return True

    def _path(self, priority: Priority) -> Path:
        return aside_path(self._directory, self._strategy, priority)

    def _size(self) -> int:
        return sum(
            path.lstat().st_size for path in map(self._path, Priority) if os.path.lexists(path)
        )

    def _open(self, priority: Priority) -> int:
        path, flags = self._path(priority), os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            return open_owned(path, flags)
        except (ForeignFileError, PermissionError):
            self._cursors.move_aside(priority, 0)
            if not self._cursors.save(at_once=True, durable=True):
                raise  # the old cursor would skip the first messages of the next file
            return open_or_replace(path, flags)

    @contextlib.contextmanager
    def _locked(self, priority: Priority) -> Iterator[int]:
        while True:
            fd = self._open(priority)
            try:
                fcntl.lockf(fd, fcntl.LOCK_EX)
                if is_same_file(self._path(priority), fd):
                    yield fd
                    return
            finally:
                os.close(fd)


def remove_files(directory: Path, strategy: str, cursors: Cursors) -> int:
    """Remove the aside files of a strategy; returns how many undelivered messages they had.
    Raises OSError."""
    count = 0
    for priority in Priority:
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            path = aside_path(directory, strategy, priority)
            data = read_owned(path, cursors.aside.get(priority, 0))
            count += sum(entry.count for entry in entries.scan(data))
            path.unlink()
    return count


def _entries(fd: int, offset: int) -> Iterator[tuple[Entry, int]]:
    """Some next entries from `offset` on, each with the offset behind it. Damage is skipped."""
    while True:
        for size in (_CHUNK, _WHOLE):
            data = os.pread(fd, size, offset)
            found = [(entry, offset + entry.end) for entry in entries.scan(data)]
            if found or len(data) < size:
                yield from found
                return
        offset += _WHOLE // 2
