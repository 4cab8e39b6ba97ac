"""The logging strategy: each notification is one line of JSON, written at once.

It is a recorder, not a Strategy: nothing is recorded first and delivered later. So it keeps no
intents, and the notifications of an operation whose process dies in the middle are never written.
"""

import errno
import itertools
import logging
import os
import stat
import time
from collections.abc import Sequence

from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.escaping import escaped_json
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification, Priority
from glance_notify_middleware.recorder import Counted, NotRecordedError, RunningDownload
from glance_notify_middleware.runtime.own_log import LOG, log_line

NOTIFICATIONS = logging.getLogger("glance_notify_middleware.notifications")

_LONGEST_WRITE = 1.0
"""Seconds after which no process is in the middle of a write any more."""

_LEVELS = {
    Priority.INFO: logging.INFO,
    Priority.WARN: logging.WARNING,
    Priority.ERROR: logging.ERROR,
}


class _WithoutIntents:
    """The methods of a recorder that keeps no intents, counts nothing and is never full."""

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        raise NotImplementedError

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        """Make the notification, and record it."""
        self.record([deferred.made()], ends)

    def begin(self, begun: Intent) -> None:
        pass

    def progress(self, running: Intent, progress: Progress) -> None:
        pass

    def remind(self, running: RunningDownload) -> None:
        pass

    def count(self, what: Counted, change: int = 1) -> None:
        pass

    def refuses(self) -> bool:
        return False


class LoggerRecorder(_WithoutIntents):
    """Logs to NOTIFICATIONS, as the service has configured Python's logging.

    The level of a line is the priority of its notification.
    """

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """See the contract."""
        for notification in notifications:
            level = _LEVELS[notification.priority]
            log_line(NOTIFICATIONS, level, notification.to_json().decode())


class FileRecorder(_WithoutIntents):
    """Appends to a file to which other processes append, too, and which logrotate may move.

    Linux puts each write() to a file opened with O_APPEND at the end of the file, whole, one after
    another (on a local file system). So the lines of one call are one write.
    """

    def __init__(self, path: str) -> None:
        """Open the file, and create it where it is missing.

        Raises OSError when that fails, or when the path names something that is no file.
        """
        self._path = path
        self._file = _AppendedFile(path)
        self._has_logged_error = False  # of opening the path

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Raises NotRecordedError with the notifications not written whole (a full disk)."""
        if not notifications:
            return
        lines = [escaped_json(notification.to_json()) + b"\n" for notification in notifications]
        try:
            written = self._current_file().append(b"".join(lines))
        except OSError as error:
            raise NotRecordedError(notifications, f"{self._path}: {error.strerror}") from error
        ends_of_lines = itertools.accumulate(len(line) for line in lines)
        # A line without its line feed counts as whole: the next write begins with a line feed.
        torn = [
            notification
            for notification, end in zip(notifications, ends_of_lines, strict=True)
            if end - 1 > written
        ]
        if torn:
            raise NotRecordedError(torn, f"{self._path}: {written} bytes could be written, no more")

    def _current_file(self) -> "_AppendedFile":
        """The file that the path names, or, where that cannot be opened, the file as it was opened.

        The caller must hold it while it writes: another thread may replace `self._file`, and the
        file is closed when nothing refers to it. Raises OSError where the path cannot be opened and
        the old file has no name.
        """
        file = self._file
        if not file.was_moved():
            return file
        try:
            file = self._file = _AppendedFile(self._path)
            self._has_logged_error = False
        except OSError as error:
            if file.is_gone():
                raise
            if not self._has_logged_error:
                self._has_logged_error = True
                why = f"{self._path}: {error.strerror}; going on in the file that it was before"
                log_line(LOG, logging.ERROR, why)
        return file


class _AppendedFile:
    """An open file. It is closed when the last thread that writes to it has let go of it."""

    _fd = -1

    def __init__(self, path: str) -> None:
        """Raises OSError when the path cannot be opened, or names no regular file."""
        self._path = path
        self._last_write_was_short = False
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = os.open(path, flags, 0o640)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)

    def was_moved(self) -> bool:
        """Whether the path names another file now, or no file."""
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except OSError:
            return True

    def is_gone(self) -> bool:
        """Whether this file has no name at all: what is written to it is lost."""
        return os.fstat(self._fd).st_nlink == 0

    def append(self, lines: bytes) -> int:
        """Returns how many bytes of `lines` were written: on a disk that filled up, not all."""
        ending = b"\n" if self._ends_torn() else b""
        try:
            written = os.write(self._fd, ending + lines) - len(ending)
        except OSError:
            self._last_write_was_short = True
            raise
        self._last_write_was_short = written < len(lines)
        return max(written, 0)

    def _ends_torn(self) -> bool:
        """Whether the last line of the file has no end, as the disk was full when it was written.

        False for a file that was written a moment ago, unless this process wrote the torn line:
        another process can be in the middle of its write.
        """
        found = os.fstat(self._fd)
        age = time.time() - found.st_mtime
        if not self._last_write_was_short and 0 <= age < _LONGEST_WRITE:
            return False
        return found.st_size > 0 and os.pread(self._fd, 1, found.st_size - 1) != b"\n"

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
