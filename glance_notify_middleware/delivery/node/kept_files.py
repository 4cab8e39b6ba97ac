"""Files with locks, which stay open while they have a name.

A process that closes any descriptor of a file loses its locks of that file (journal/locks.py): one
that may itself have locked a file must not open it, read it and close it again.
"""

import contextlib
import os
from pathlib import Path

from glance_notify_middleware.journal import locks
from glance_notify_middleware.journal.files import ForeignFileError, open_owned


class KeptFiles:
    """Descriptors of files with locks, by their paths."""

    def __init__(self) -> None:
        self._descriptors: dict[Path, int] = {}

    def open(self, path: Path) -> int | None:
        """A descriptor of the file, to read from; None where there is no such file. Raises
        OSError."""
        fd = self._descriptors.get(path)
        if fd is not None and locks.is_same_file(path, fd):
            return fd
        if fd is not None:  # it has no name any more: its locks mean nothing
            os.close(self._descriptors.pop(path))
        with contextlib.suppress(FileNotFoundError, ForeignFileError):
            self._descriptors[path] = open_owned(path, os.O_RDONLY)
        return self._descriptors.get(path)

    def is_locked(self, path: Path) -> bool:
        """Whether a process has a lock of the file. Raises OSError."""
        fd = self.open(path)
        return fd is not None and locks.is_locked(fd)

    def close_removed(self) -> None:
        """Close the files that have lost their names. Raises OSError."""
        for path, fd in list(self._descriptors.items()):
            if not locks.is_same_file(path, fd):
                os.close(self._descriptors.pop(path))

    def close(self) -> None:
        """Close all files."""
        while self._descriptors:
            os.close(self._descriptors.popitem()[1])
