"""Messages that their broker had nowhere to put, kept out of the way of the others.

All of one priority, as that makes the routing key, lie in one file, as records, and go in their
order when they can. Several processes may believe that they lead: they lock it to change it.
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
from glance_notify_middleware.journal.locks import is_same_file

ASIDE_RETRY = 60.0
"""Seconds after which messages that were set aside are sent again."""

_CHUNK = 1024 * 1024  # bytes read at a time
_WHOLE = 2 * (entries.MAX_BODY + 1024)  # bytes; in half of them a whole record is found, if any


class AsideFiles:
    """What one strategy has set aside; `now` is a monotonic clock's, in seconds."""

    def __init__(self, directory: Path, strategy: str, cursors: Cursors, max_size: int) -> None:
        """`max_size` bounds all of it, in bytes. What lies there already is to be tried at once."""
        self._directory = directory
        self._strategy = strategy
        self._cursors = cursors
        self._max_size = max_size
        self._due = {each: 0.0 for each in Priority if self._path(each).exists()}
        self._flows: set[Priority] = set()  # those of which the last one was taken
        self._unsynced: set[Priority] = set()

    def __contains__(self, priority: Priority) -> bool:
        """Whether messages of this priority are set aside at present."""
        return priority in self._due

    def postpone(self, priority: Priority, now: float, wait: float | None = None) -> None:
        """Messages of this priority do not go; they are tried after `wait` seconds, else after
        ASIDE_RETRY."""
        self._due[priority] = now + (ASIDE_RETRY if wait is None else wait)
        self._flows.discard(priority)

    def add(self, message: Message) -> bool:
        """Put it behind the others; False where there is no more room. It is still to be synced.
        Raises OSError."""
        body = entries.encode_messages([message])
        data = entries.encode(Kind.EVENTS, body, entries.checksum(body), count=1, number=0, clock=0)
        with self._locked(message.priority) as fd:
            if self._size() + len(data) > self._max_size:
                return False
            write_whole(fd, data, self._path(message.priority))
            self._unsynced.add(message.priority)
        return True

    def sync(self) -> None:
        """Have what was added survive a power cut: before that it may not go from where it was.
        Raises OSError."""
        for priority in list(self._unsynced):
            with contextlib.suppress(FileNotFoundError):  # another leader has sent all of it
                sync(self._path(priority))
            self._unsynced.discard(priority)

    def due(self, now: float) -> Priority | None:
        """A priority of which messages are to be tried now."""
        return next((priority for priority, due in self._due.items() if due <= now), None)

    def read(self, priority: Priority, limit: int) -> list[tuple[Message, int]]:
        """The next messages, each with the offset behind it; the first time one, to see whether
        it can go. None: there are no more. Raises OSError."""
        limit = limit if priority in self._flows else 1
        found: list[tuple[Message, int]] = []
        with self._locked(priority) as fd:
            offset = self._cursors.aside.get(priority, 0)
            if offset > os.fstat(fd).st_size:
                offset = 0  # of a file that was here before
            for record, end in _records(fd, offset):
                if len(found) == limit:
                    break
                found += [(each, end) for each in entries.decode_messages(record.body)]
        return found

    def advance(self, priority: Priority, offset: int) -> None:
        """It is delivered, up to `offset`."""
        self._flows.add(priority)
        self._cursors.move_aside(priority, offset)

    def finish(self, priority: Priority) -> bool:
        """There are no more: the file goes; False where that cannot be yet. Raises OSError."""
        offset = self._cursors.aside.get(priority, 0)
        self._cursors.move_aside(priority, 0)
        if not self._cursors.save(at_once=True, durable=True):
            return False  # the old cursor would skip what a later file begins with
        with self._locked(priority) as fd:
            if any(True for _ in _records(fd, offset)):
                self._cursors.move_aside(priority, offset)  # another leader has added more
                return False
            self._path(priority).unlink()
        del self._due[priority]
        return True

    def _path(self, priority: Priority) -> Path:
        return _path(self._directory, self._strategy, priority)

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
                raise  # the old cursor would skip what the next file begins with
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
    """Remove what a strategy has set aside; returns how many messages that are. Raises OSError."""
    count = 0
    for priority in Priority:
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            path = _path(directory, strategy, priority)
            data = read_owned(path, cursors.aside.get(priority, 0))
            count += sum(record.count for record in entries.scan(data))
            path.unlink()
    return count


def _path(directory: Path, strategy: str, priority: Priority) -> Path:
    return directory / f"aside.{strategy}.{priority.lower()}.seg"


def _records(fd: int, offset: int) -> Iterator[tuple[Entry, int]]:
    """The next records from `offset` on, each with the offset behind it; damage is passed over."""
    while True:
        for size in (_CHUNK, _WHOLE):
            data = os.pread(fd, size, offset)
            found = [(record, offset + record.end) for record in entries.scan(data)]
            if found or len(data) < size:
                yield from found
                return
        offset += _WHOLE // 2
