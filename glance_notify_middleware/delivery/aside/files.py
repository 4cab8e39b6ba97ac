"""The aside files of one strategy: messages out of the way of other priorities.

They are there because their priority cannot go now, or because an operator sends them again. Each
strategy has one file for each priority, as the priority makes the routing key. Its messages go in
their order.
"""

import contextlib
import functools
import os
from pathlib import Path
from typing import NamedTuple

from glance_notify_middleware.delivery.aside import one_file
from glance_notify_middleware.delivery.aside.counts import AsideCounts
from glance_notify_middleware.delivery.aside.marks import Mark
from glance_notify_middleware.delivery.aside.one_file import next_entries
from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import (
    ForeignFileError,
    open_or_replace,
    open_owned,
    read_owned,
    sync,
    write_whole,
)
from glance_notify_middleware.journal.layout import aside_path, aside_retry_path

ASIDE_RETRY = 60.0
"""Seconds after which messages that were set aside are sent again."""


class AsideMessage(NamedTuple):
    """A message of an aside file."""

    message: Message
    end: int
    """The offset behind it, in bytes."""
    mark: int
    """Whether it is to be counted: see Mark."""


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
        self._of_operator: set[Priority] = set()  # whose file has only what an operator sends again
        self._flows: set[Priority] = set()  # priorities whose last message was delivered
        self._unsynced: set[Priority] = set()
        self.counts = AsideCounts(cursors)
        self._begin_counting()

    def __contains__(self, priority: Priority) -> bool:
        """Whether messages of this priority are set aside at present.

        They need not wait behind messages that an operator sends again.
        """
        return priority in self._due and priority not in self._of_operator

    def has_file(self, priority: Priority) -> bool:
        """Whether there are messages of this priority, set aside or sent again."""
        return priority in self._due

    def look(self) -> None:
        """Look for what an operator has put there: messages to send again, and requests to try at
        once. To be called once a second."""
        for priority in Priority:
            exists = os.path.lexists(self._path(priority))
            if exists and priority not in self._due:
                self._due[priority] = 0.0
                self._of_operator.add(priority)
            elif not exists and (
                self._cursors.aside.get(priority) or self._cursors.aside_passed_in(priority)
            ):
                self._cursors.move_aside(priority, 0)  # somebody has removed the file
            request = aside_retry_path(self._directory, self._strategy, priority)
            if os.path.lexists(request):
                with contextlib.suppress(OSError):  # it is looked at again
                    request.unlink()
                    if priority in self._due:
                        self._due[priority] = 0.0

    def postpone(self, priority: Priority, now: float, wait: float | None = None) -> None:
        """Set messages of this priority aside from now on. They are due after `wait` seconds;
        without `wait`, after ASIDE_RETRY."""
        self._of_operator.discard(priority)
        self.delay(priority, now, wait)

    def delay(self, priority: Priority, now: float, wait: float | None = None) -> None:
        """Have the messages of this priority that are there wait, as `postpone` does."""
        self._due[priority] = now + (ASIDE_RETRY if wait is None else wait)
        self._flows.discard(priority)

    def add(self, message: Message, mark: Mark = Mark.ORDINARY) -> int | None:
        """Append a message to the file of its priority; None where there is no room for it.

        Returns the offset behind its entry. The message is to be synced before it counts as set
        aside. Raises OSError.
        """
        data = one_file.encode(message, mark)
        with self._locked(message.priority) as fd:
            if self._size() + len(data) > self._max_size:
                return None
            write_whole(fd, data, self._path(message.priority))
            self._unsynced.add(message.priority)
            return os.fstat(fd).st_size

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

    def read(self, priority: Priority, limit: int) -> list[AsideMessage] | None:
        """The next messages, at most `limit`; None at the end of the file. Raises OSError.

        Returns one message at most while it is not known whether messages of the priority can go.
        An empty list is not the end: what was read has been dropped.
        """
        limit = limit if priority in self._flows else 1
        found: list[AsideMessage] = []
        with self._locked(priority) as fd:
            offset = self._cursors.aside.get(priority, 0)
            if offset > os.fstat(fd).st_size:
                offset = 0  # it is the offset in an earlier file
            passes = False
            for entry, end in next_entries(fd, offset):
                if entry.kind != Kind.EVENTS and not found:
                    self.counts.passed(priority, end, entry.number, Done.DROPPED)
                    self._cursors.move_aside(priority, end)
                    passes = True
                elif entry.kind != Kind.EVENTS or len(found) == limit:
                    break
                else:
                    messages = entries.decode_messages(entry.body)
                    found += [AsideMessage(message, end, entry.number) for message in messages]
        return found if found or passes else None

    def advance(self, priority: Priority, offset: int) -> None:
        """All messages before `offset` are delivered or dead letters."""
        self._flows.add(priority)
        self._cursors.move_aside(priority, offset)

    def finish(self, priority: Priority) -> bool:
        """Remove the file, as all of it is delivered. False where that cannot be done yet: the
        cursor cannot be saved, or another leader has added messages. Raises OSError."""
        offset = self._cursors.aside.get(priority, 0)
        passed = self._cursors.aside_passed_in(priority)
        self._cursors.move_aside(priority, 0)
        is_saved = self._cursors.save(at_once=True, durable=True)
        with self._locked(priority) as fd:
            # Without the save the old cursor would skip the first messages of a later file.
            if not is_saved or any(True for _ in next_entries(fd, offset)):
                self._cursors.move_aside(priority, offset)
                self._cursors.pass_aside(priority, passed)
                return False
            self._path(priority).unlink()
        self.counts.forget(priority)
        del self._due[priority]
        self._of_operator.discard(priority)
        return True

    def _begin_counting(self) -> None:
        """Mark what was set aside without moving the cursor of the journal over it, by the leader
        before, or the lane before: it is read there again."""
        for priority in Priority:
            begin = self._cursors.aside_passed_in(priority)
            if priority in self._due:
                begin = max(begin, self._cursors.aside.get(priority, 0))
                open_file = functools.partial(open_owned, self._path(priority), os.O_RDWR)
                # What cannot be opened cannot be sent, either.
                with (
                    contextlib.suppress(OSError),
                    one_file.locked(self._path(priority), open_file) as fd,
                ):
                    one_file.mark_repeated(fd, begin)
            elif begin:
                self._cursors.move_aside(priority, 0)  # somebody has removed the file

    def _path(self, priority: Priority) -> Path:
        return aside_path(self._directory, self._strategy, priority)

    def _size(self) -> int:
        return one_file.total_size(self._directory, self._strategy)

    def _open(self, priority: Priority) -> int:
        path, flags = self._path(priority), os.O_RDWR | os.O_APPEND | os.O_CREAT
        try:
            return open_owned(path, flags)
        except (ForeignFileError, PermissionError):
            self._cursors.move_aside(priority, 0)
            if not self._cursors.save(at_once=True, durable=True):
                raise  # the old cursor would skip the first messages of the next file
            return open_or_replace(path, flags)

    def _locked(self, priority: Priority) -> contextlib.AbstractContextManager[int]:
        return one_file.locked(self._path(priority), lambda: self._open(priority))


def remove_files(directory: Path, strategy: str, cursors: Cursors) -> int:
    """Remove the aside files of a strategy; returns how many undelivered messages they had.
    Raises OSError."""
    count = 0
    for priority in Priority:
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            path = aside_path(directory, strategy, priority)
            data = read_owned(path, cursors.aside.get(priority, 0))
            count += sum(entry.count for entry in entries.scan(data) if entry.kind == Kind.EVENTS)
            path.unlink()
    return count
