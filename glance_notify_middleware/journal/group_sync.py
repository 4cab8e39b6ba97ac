"""Waits until records are on the disk: one fdatasync serves all threads that wait for it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from glance_notify_middleware.journal import files
from glance_notify_middleware.runtime.own_log import log_error


class GroupSync:
    """Of one journal. `last` gives a duplicate of its descriptor, and how many records it has."""

    def __init__(self, last: Callable[[], tuple[int, int]]) -> None:
        self._last = last
        self._synced = 0  # records
        self._lock = threading.Lock()  # around one fdatasync

    def wait(self, written: int) -> None:
        """Until the first `written` records are on the disk, as far as fdatasync(2) knows."""
        with self._lock:
            if self._synced >= written:
                return
            with logged():
                fd, seen = self._last()
                try:
                    os.fdatasync(fd)
                    self._synced = seen
                finally:
                    os.close(fd)


def sync_directory(directory: os.PathLike[str]) -> None:
    """Have what was made in a directory survive a power cut."""
    with logged():
        files.sync_directory(directory)


@contextlib.contextmanager
def logged() -> Iterator[None]:
    """What cannot be synced is written all the same, and will be read."""
    try:
        yield
    except OSError as error:
        log_error("events are in the journal, but a power cut may take them", error)
