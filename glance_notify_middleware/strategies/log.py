"""The logging strategy: each notification is one line of JSON, written at once."""

import logging
import os
from collections.abc import Sequence

from glance_notify_middleware.notification import Notification, Priority

NOTIFICATIONS = logging.getLogger("glance_notify_middleware.notifications")

_LEVELS = {
    Priority.INFO: logging.INFO,
    Priority.WARN: logging.WARNING,
    Priority.ERROR: logging.ERROR,
}


class LoggerRecorder:
    """Logs as the service has configured Python's logging; the level tells the priority."""

    def record(self, notifications: Sequence[Notification]) -> None:
        for notification in notifications:
            # oslo.log's formatter appends to a line above INFO the exception that is being
            # handled: here the application's, which can tell secrets. A KeyError it leaves out.
            try:
                raise KeyError
            except KeyError:
                level = _LEVELS[notification.priority]
                NOTIFICATIONS.log(level, "%s", notification.to_json().decode())


class FileRecorder:
    """Appends to a file that other processes append to as well, and that logrotate may move.

    Linux puts each write() of a file opened with O_APPEND at its end, whole, one after the
    other (on a local file system). So one write carries the lines of one call.
    """

    def __init__(self, path: str) -> None:
        """Open the file, making it when it is missing; raises OSError when that fails."""
        self._path = path
        self._file = _AppendedFile(path)

    def record(self, notifications: Sequence[Notification]) -> None:
        """Raises OSError when the lines could not be written, or not wholly (a full disk)."""
        lines = b"".join(notification.to_json() + b"\n" for notification in notifications)
        file = self._file  # held: another thread may replace it, which closes it
        if file.was_moved():
            file = self._file = _AppendedFile(self._path)
        written = os.write(file.fd, lines)
        if written < len(lines):
            os.write(file.fd, b"\n")  # the next line must not continue a torn one
            raise OSError(f"{self._path}: only {written} of {len(lines)} bytes could be written")


class _AppendedFile:
    """An open file, which is closed when the last thread that writes to it has let it go."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)

    def was_moved(self) -> bool:
        """Whether the path names another file by now, or none."""
        try:
            return not os.path.samestat(os.stat(self._path), os.fstat(self.fd))
        except FileNotFoundError:
            return True

    def __del__(self) -> None:
        if hasattr(self, "fd"):
            os.close(self.fd)
