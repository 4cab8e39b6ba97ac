"""The logging strategy: each notification is one line of JSON, written at once."""

import errno
import itertools
import logging
import os
import stat
import time
from collections.abc import Sequence

from glance_notify_middleware.events.escaping import escaped_json
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification, Priority
from glance_notify_middleware.recorder import NotRecordedError
from glance_notify_middleware.runtime.own_log import LOG, log_line

NOTIFICATIONS = logging.getLogger("glance_notify_middleware.notifications")

_SETTLED = 1.0  # seconds after which nobody is still in the middle of a write

_LEVELS = {
    Priority.INFO: logging.INFO,
    Priority.WARN: logging.WARNING,
    Priority.ERROR: logging.ERROR,
}


class _AtOnce:
    """What is told at once keeps no intents: of what dies with its process nothing is told."""

    def begin(self, begun: Intent) -> None:
        pass

    def progress(self, running: Intent, progress: Progress) -> None:
        pass

    def remind(self, running: object) -> None:
        pass

    def refuses(self) -> bool:
        return False


class LoggerRecorder(_AtOnce):
    """Logs as the service has configured Python's logging; the level tells the priority."""

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        for notification in notifications:
            level = _LEVELS[notification.priority]
            log_line(NOTIFICATIONS, level, notification.to_json().decode())


class FileRecorder(_AtOnce):
    """Appends to a file that other processes append to as well, and that logrotate may move.

    Linux puts each write() of a file opened with O_APPEND at its end, whole, one after the
    other (on a local file system). So one write carries the lines of one call.
    """

    def __init__(self, path: str) -> None:
        """Open the file, making it when it is missing.

        Raises OSError when that fails, or when the path names something else than a file.
        """
        self._path = path
        self._file = _AppendedFile(path)
        self._complained = False  # that the path cannot be opened any more

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        """Raises NotRecordedError with those that could not be written whole (a full disk)."""
        if not notifications:
            return
        lines = [escaped_json(notification.to_json()) + b"\n" for notification in notifications]
        try:
            written = self._current_file().append(b"".join(lines))
        except OSError as error:
            raise NotRecordedError(notifications, f"{self._path}: {error.strerror}") from error
        until = itertools.accumulate(len(line) for line in lines)
        # A line that lacks its end alone is whole: the next one gives it that.
        torn = [each for each, end in zip(notifications, until, strict=True) if end - 1 > written]
        if torn:
            raise NotRecordedError(torn, f"{self._path}: {written} bytes could be written, no more")

    def _current_file(self) -> "_AppendedFile":
        """The file that the path names; where that cannot be opened, the one that it named.

        To be held while it is written to: another thread may replace it, which closes it.
        """
        file = self._file
        if not file.was_moved():
            return file
        try:
            file = self._file = _AppendedFile(self._path)
            self._complained = False
        except OSError as error:
            if file.is_gone():
                raise
            if not self._complained:
                self._complained = True
                told = f"{self._path}: {error.strerror}; going on in the file that it was before"
                log_line(LOG, logging.ERROR, told)
        return file


class _AppendedFile:
    """An open file, which is closed when the last thread that writes to it has let it go."""

    _fd = -1

    def __init__(self, path: str) -> None:
        self._path = path
        self._disk_was_full = False  # as the last write of this process found it
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK
        self._fd = os.open(path, flags, 0o640)
        if not stat.S_ISREG(os.fstat(self._fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", path)

    def was_moved(self) -> bool:
        """Whether the path names another file by now, or none."""
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self._fd))
        except OSError:
            return True

    def is_gone(self) -> bool:
        """Whether no path at all names this file any more: what is written to it is lost."""
        return os.fstat(self._fd).st_nlink == 0

    def append(self, lines: bytes) -> int:
        """How many bytes of `lines` were written; on a disk that filled up, not all."""
        ending = b"\n" if self._ends_torn() else b""
        try:
            written = os.write(self._fd, ending + lines) - len(ending)
        except OSError:
            self._disk_was_full = True
            raise
        self._disk_was_full = written < len(lines)
        return max(written, 0)

    def _ends_torn(self) -> bool:
        """Whether a full disk cut off the last line, ours or another process's.

        What was written a moment ago can be another process in the middle of its write.
        """
        found = os.fstat(self._fd)
        if not self._disk_was_full and 0 <= time.time() - found.st_mtime < _SETTLED:
            return False
        return found.st_size > 0 and os.pread(self._fd, 1, found.st_size - 1) != b"\n"

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
