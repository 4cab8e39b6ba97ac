"""One aside file: messages of one target and one priority, as entries of one message each.

They are there because they cannot go now, or because an operator sends them again. The leader and
an operator's commands change these files: each locks a file before it changes it. What their
entries say beside the messages: see marks.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from glance_notify_middleware.delivery.aside.marks import Mark
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.layout import aside_path
from glance_notify_middleware.journal.locks import is_same_file

_CHUNK = 1024 * 1024  # bytes read at a time
_WHOLE = 2 * (entries.MAX_BODY + 1024)  # bytes; half of them hold a whole entry, if there is one


def encode(message: Message, number: Mark = Mark.ORDINARY) -> bytes:
    """The bytes of an entry with this message."""
    body = entries.encode_messages([message])
    checksum = entries.checksum(body)
    return entries.encode(Kind.EVENTS, body, checksum, count=1, number=number, clock=0)


def mark_repeated(fd: int, offset: int) -> None:
    """Mark the ordinary entries behind `offset`: their messages are still in the journal, and are
    read there again. `fd` is the open file, locked, without O_APPEND. Raises OSError.
    """
    while found := list(next_entries(fd, offset)):
        for entry, end in found:
            if entry.number == Mark.ORDINARY:
                header = entries.changed_header(entry, number=Mark.REPEATED)
                os.pwrite(fd, header, end - len(entry.body) - len(header))
        offset = found[-1][1]


def total_size(directory: Path, target: str) -> int:
    """The size of all aside files of a target, in bytes: what their bound is for."""
    total = 0
    for priority in Priority:
        with contextlib.suppress(FileNotFoundError):
            total += aside_path(directory, target, priority).lstat().st_size
    return total


@contextlib.contextmanager
def locked(path: Path, open_file: Callable[[], int]) -> Iterator[int]:
    """The descriptor of the file at `path`, locked; `open_file` opens it. Raises OSError."""
    while True:
        fd = open_file()
        try:
            fcntl.lockf(fd, fcntl.LOCK_EX)
            if is_same_file(path, fd):  # else the leader has just removed it
                yield fd
                return
        finally:
            os.close(fd)


def next_entries(fd: int, offset: int) -> Iterator[tuple[Entry, int]]:
    """Some next entries from `offset` on, each with the offset behind it. Damage is skipped.

    There is none where the file ends, or where nothing good follows.
    """
    while True:
        for size in (_CHUNK, _WHOLE):
            data = os.pread(fd, size, offset)
            found = [(entry, offset + entry.end) for entry in entries.scan(data)]
            if found or len(data) < size:
                yield from found
                return
        offset += _WHOLE // 2
