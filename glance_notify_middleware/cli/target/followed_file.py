"""Follows the log_file of the logging strategy as `tail -F` does, for the command `listen`."""

import contextlib
import os
import time
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from glance_notify_middleware.strategies.listening import ListenError

_PAUSE = 0.1
"""Seconds between two looks at the file."""


class FollowedFile:
    """A Listener of the lines that are written to a file. A file that logrotate has moved is read
    to its end, and then the new one from its begin."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BufferedReader | None = None
        self._torn = b""  # the begin of a line whose end is not written yet
        self._lines: Iterator[bytes] = iter(())

    def connect(self) -> str:
        """See the contract. What stands in the file before is not shown."""
        try:
            self._file = self._path.open("rb")
        except OSError as error:
            raise ListenError(f"{self._path}: {error.strerror}; Glance makes it") from error
        self._file.seek(0, os.SEEK_END)
        return f"file {self._path}"

    def next(self, seconds: float) -> bytes | None:
        """See the contract."""
        end = time.monotonic() + seconds
        while True:
            for line in self._lines:
                return line
            self._lines = iter(self._written())
            for line in self._lines:
                return line
            if time.monotonic() > end:
                return None
            time.sleep(_PAUSE)

    def close(self) -> None:
        """See the contract."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _written(self) -> list[bytes]:
        """The whole lines that were written since the last look."""
        if self._file is None:
            raise ListenError(f"{self._path} is not open")
        was_moved = self._was_moved(self._file)
        data = self._torn + self._file.read()
        if was_moved and not data:
            with contextlib.suppress(OSError):
                opened = self._path.open("rb")
                self._file.close()
                self._file = opened
                data = opened.read()
        *lines, self._torn = data.split(b"\n")
        return [line for line in lines if line]

    def _was_moved(self, file: BufferedReader) -> bool:
        with contextlib.suppress(OSError):
            return not os.path.samestat(os.stat(self._path), os.fstat(file.fileno()))
        return True
