"""Waits until entries are on the disk: one fdatasync(2) serves all threads that wait for it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator

from glance_notify_middleware.runtime.own_log import log_error


class GroupSync:
    """Syncs what one journal has appended."""

    def __init__(self, last: Callable[[], tuple[int, int]]) -> None:
        """`last` gives a descriptor of the newest segment, which is closed here, and the number of
        entries that the journal has written so far."""
        self._last = last
        self._synced = 0  # entries
        self._lock = threading.Lock()  # held around one fdatasync

    def wait(self, written: int) -> None:
        """Wait until the first `written` entries are on the disk, as far as fdatasync(2) knows."""
        with self._lock:
            if self._synced >= written:
                return
            with sync_errors_logged():
                fd, seen = self._last()
                try:
                    os.fdatasync(fd)
                    self._synced = seen
                finally:
                    os.close(fd)


@contextlib.contextmanager
def sync_errors_logged() -> Iterator[None]:
    """Log an OSError, and go on: what cannot be synced is written all the same, and is read."""
    try:
        yield
    except OSError as error:
        log_error("events are in the journal, but a power cut may take them", error)
