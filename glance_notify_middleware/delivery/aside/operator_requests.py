"""What an operator asks of the aside files of a target: to be tried at once, or to be dropped."""

import contextlib
import os
from pathlib import Path

from glance_notify_middleware.delivery.aside import marks, one_file
from glance_notify_middleware.delivery.aside.marks import AsideCount
from glance_notify_middleware.delivery.aside.sending_again import cursor
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.files import open_owned, sync
from glance_notify_middleware.journal.layout import aside_path, aside_retry_path


def retry(directory: Path, target: str, priority: Priority) -> None:
    """Ask the leader to try at once what is set aside: it looks for that once a second. Raises
    OSError."""
    os.close(open_owned(aside_retry_path(directory, target, priority), os.O_RDWR | os.O_CREAT))


def waiting(directory: Path, target: str, priority: Priority) -> tuple[AsideCount, int]:
    """What an aside file has behind its saved cursor, and its size in bytes. Raises OSError."""
    try:
        fd = open_owned(aside_path(directory, target, priority), os.O_RDONLY)
    except FileNotFoundError:
        return AsideCount(), 0
    try:
        size, offset = os.fstat(fd).st_size, cursor(directory, target, priority)
        offset = offset if offset <= size else 0  # it is the offset in an earlier file
        return marks.count(fd, offset, None), size - offset
    finally:
        os.close(fd)


def drop(directory: Path, target: str, priority: Priority) -> int:
    """Drop what the aside file has now, behind its saved cursor; returns how many messages that is.

    Each entry gets the kind DROPPED in its place, so that offsets in the file stay valid; the
    leader passes over it. The lock is held for a part of the file at a time, as the leader waits
    for it. What the leader has read already, some hundred messages at most, may be sent all the
    same. Raises OSError.
    """
    path = aside_path(directory, target, priority)
    offset, count = cursor(directory, target, priority), 0
    first: os.stat_result | None = None
    # The file is gone where the leader has sent all of it meanwhile.
    with contextlib.suppress(FileNotFoundError):
        while True:
            with one_file.locked(path, lambda: open_owned(path, os.O_RDWR)) as fd:
                found = os.fstat(fd)
                if first is None:
                    first = found
                    offset = offset if offset <= first.st_size else 0  # of an earlier file
                if not os.path.samestat(first, found) or offset >= first.st_size:
                    break
                passed, dropped = _drop_some(fd, offset)
            count += dropped
            if passed == offset:
                break  # nothing good follows
            offset = passed
        sync(path)
    return count


def _drop_some(fd: int, offset: int) -> tuple[int, int]:
    """Drop some next entries; returns the offset behind them, and how many messages they have."""
    count = 0
    for entry, end in one_file.next_entries(fd, offset):
        if entry.kind == Kind.EVENTS:
            header = entries.changed_header(entry, kind=Kind.DROPPED)
            os.pwrite(fd, header, end - len(entry.body) - len(header))
            count += entry.count
        offset = end
    return offset, count
