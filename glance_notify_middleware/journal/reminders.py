"""Reminds running downloads, from time to time, that their progress is to be told."""

import threading
import time
import weakref

from glance_notify_middleware.recorder import RunningDownload

_EVERY = 5.0  # seconds


class Reminders:
    """Those that are to be reminded; held weakly, so that nobody has to end it."""

    def __init__(self) -> None:
        self._running: weakref.WeakSet[RunningDownload] = weakref.WeakSet()
        self._lock = threading.Lock()  # of the threads that add and the one that reminds
        self._next = 0.0

    def add(self, running: RunningDownload) -> None:
        """From now on."""
        with self._lock:
            self._running.add(running)

    def remind(self) -> None:
        """To be called about once a second."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY
        with self._lock:
            running = list(self._running)
        for each in running:
            each.due = 0
