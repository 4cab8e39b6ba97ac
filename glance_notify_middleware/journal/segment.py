"""A segment: a file that one process appends records to, and no other."""

import errno
import os
from pathlib import Path

from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.journal.locks import is_same_file


class Segment:
    """An open one. `size` is how many bytes were written to it, `number` which one it is."""

    __slots__ = ("_fd", "_path", "number", "size")

    def __init__(self, directory: Path, identity: str, number: int, head: bytes) -> None:
        """Make it. It has its name only when `head` is in it: who has seen a segment, and read the
        one before to its end, never looks into that again. Raises OSError: then there is none."""
        self.number = number
        self._path = path = segment_path(directory, identity, number)
        temporary = path.with_suffix(".new")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(temporary, flags, 0o600)
        self.size = 0
        try:
            self.append(head)
            temporary.rename(path)
        except OSError:
            os.close(self._fd)
            temporary.unlink(missing_ok=True)
            raise

    def append(self, data: bytes) -> None:
        """By one write(). Raises OSError: what is torn then stays, for to cut it off could erase
        what another thread has appended."""
        written = os.write(self._fd, data)
        self.size += written
        if written < len(data):
            raise OSError(errno.ENOSPC, f"{written} of {len(data)} bytes were written, no more")

    def content(self) -> bytes:
        """All of it, as it is on the disk. Raises OSError."""
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def is_removed(self) -> bool:
        """Whether somebody has removed it, or moved it away. Raises OSError."""
        return not is_same_file(self._path, self._fd)

    def descriptor(self) -> int:
        """A descriptor of it for the caller, who is to close it. Raises OSError."""
        return os.dup(self._fd)

    def sync(self) -> None:
        """Until it is on the disk, as far as fdatasync(2) knows. Raises OSError."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Nothing more is appended by this process."""
        os.close(self._fd)
