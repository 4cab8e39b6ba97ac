"""The live file: its lock tells the others that this process lives, and it holds its counters."""

import contextlib
import os
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.locks import is_same_file, try_lock


class LiveFile:
    """The live file of one identity of this process. Its descriptor is never closed while it lives:
    to close any descriptor of the file drops the lock (POSIX locks belong to the process)."""

    def __init__(self, directory: Path, identity: str) -> None:
        """Make it. It has its name only when it is locked, so that nobody takes it for a dead
        one's. Raises OSError."""
        self._path = live_path(directory, identity)
        self._content = b""
        self._fd = self._made()

    def relock(self) -> bool:
        """Take the lock again; False where another process has taken us for dead."""
        return try_lock(self._fd)

    def is_in_place(self) -> bool:
        """False where somebody has removed it, or moved it away. Raises OSError."""
        return is_same_file(self._path, self._fd)

    def restore(self) -> None:
        """Make the file again. Raises OSError."""
        removed, self._fd = self._fd, self._made()
        os.close(removed)

    def write(self, content: dict[str, Any]) -> None:
        """Write what the process has counted, if it is new. Raises OSError."""
        data = checksummed.dumps(content)
        if data == self._content:
            return
        os.pwrite(self._fd, data, 0)  # what is left of a longer one stands behind the line's end
        self._content = data

    def close(self) -> None:
        """Give the file up: from now on its process counts as dead."""
        os.close(self._fd)

    def remove(self) -> None:
        """Give it up, and leave nothing."""
        with contextlib.suppress(OSError):  # it counts as that of a dead process then
            self._path.unlink()
        self.close()

    def _made(self) -> int:
        temporary = self._path.with_suffix(".new")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        fd = os.open(temporary, flags, 0o600)
        try:
            if not try_lock(fd):
                raise BlockingIOError(f"{temporary} is locked")
            os.pwrite(fd, self._content, 0)
            os.link(temporary, self._path)
        except OSError:
            os.close(fd)
            raise
        finally:
            with contextlib.suppress(OSError):  # it is swept later
                temporary.unlink()
        return fd
