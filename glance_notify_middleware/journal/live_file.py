"""The live file: its lock shows other processes that this one lives, and it holds the counters."""

import contextlib
import os
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import live_path
from glance_notify_middleware.journal.locks import is_same_file, try_lock

_LONGEST = 1024 * 1024  # bytes of a live file that are read, at most


def content_of(fd: int) -> dict[str, Any]:
    """What the open live file `fd` holds; empty where it cannot be read, or was not written yet.
    Raises OSError."""
    return checksummed.loads(os.pread(fd, _LONGEST, 0)) or {}


class LiveFile:
    """The live file of one identity of this process.

    Its descriptor stays open while the process lives: to close any descriptor of the file would
    drop the lock (see locks.py).
    """

    def __init__(self, directory: Path, identity: str) -> None:
        """Make the file. Raises OSError.

        It is locked before it gets its name, so that nobody takes it for that of a dead process.
        """
        self._path = live_path(directory, identity)
        self._content = b""
        self._fd = self._made()

    def relock(self) -> bool:
        """Take the lock again. False: another process has it, and takes this process for dead."""
        return try_lock(self._fd)

    def is_in_place(self) -> bool:
        """False where somebody has removed the file, or moved it away. Raises OSError."""
        return is_same_file(self._path, self._fd)

    def restore(self) -> None:
        """Make the file again. Raises OSError."""
        removed, self._fd = self._fd, self._made()
        os.close(removed)

    def write(self, content: dict[str, Any]) -> None:
        """Write what the process has counted, if that has changed. Raises OSError."""
        data = checksummed.dumps(content)
        if data == self._content:
            return
        # The rest of a longer content stays, behind the end of the line.
        os.pwrite(self._fd, data, 0)
        self._content = data

    def close(self) -> None:
        """Give the lock up: from now on the process of this identity counts as dead."""
        os.close(self._fd)

    def remove(self) -> None:
        """Give the lock up, and remove the file."""
        with contextlib.suppress(OSError):  # the file counts as that of a dead process then
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
            with contextlib.suppress(OSError):  # layout.remove_stale_temporaries removes it later
                temporary.unlink()
        return fd
