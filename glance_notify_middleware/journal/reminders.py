"""Reminds running downloads, every few seconds, to record how far they have come."""

import threading
import time
import weakref

from glance_notify_middleware.recorder import RunningDownload

_EVERY = 5.0  # seconds


class Reminders:
    """The downloads that are reminded; held weakly, so that nobody has to take one out."""

    def __init__(self) -> None:
        self._running: weakref.WeakSet[RunningDownload] = weakref.WeakSet()
        self._lock = threading.Lock()  # of the threads that add, and of the one that reminds
        self._next = 0.0  # by the monotonic clock

    def add(self, running: RunningDownload) -> None:
        """Remind this download from now on."""
        with self._lock:
            self._running.add(running)

    def remind(self) -> None:
        """Remind all downloads, if it is time. To be called about once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        with self._lock:
            running = list(self._running)
        for download in running:
            download.due = 0
