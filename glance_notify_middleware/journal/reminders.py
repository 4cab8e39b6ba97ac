"""Reminds running downloads, every few seconds, to record how far they have come."""

import time
import weakref
from collections import deque

from glance_notify_middleware.recorder import RunningDownload

_EVERY = 5.0  # seconds
_AT_MOST = 100_000  # references; where maintenance stands still, the oldest are dropped


class Reminders:
    """The downloads that are reminded; held weakly, so that nobody has to take one out."""

    def __init__(self) -> None:
        # A deque of weak references, as each download is added: a WeakSet and its lock take five
        # times as long. Threads of requests append while the maintenance thread takes.
        self._running: deque[weakref.ref[RunningDownload]] = deque(maxlen=_AT_MOST)
        self._next = 0.0  # by the monotonic clock

    def add(self, running: RunningDownload) -> None:
        """Remind this download from now on."""
        self._running.append(weakref.ref(running))

    def remind(self) -> None:
        """Remind all downloads, if it is time, and drop those that have ended. To be called about
        once a second, by one thread."""
        now = time.monotonic()
        is_time = now >= self._next
        if is_time:
            self._next = now + _EVERY
        for _ in range(len(self._running)):
            reference = self._running.popleft()
            download = reference()
            if download is None:
                continue
            self._running.append(reference)
            if is_time:
                download.due = 0
