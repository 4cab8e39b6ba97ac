"""A segment: a file that its process appends entries to, and no other process."""

import os
from pathlib import Path

from glance_notify_middleware.journal.files import short_write
from glance_notify_middleware.journal.layout import segment_path
from glance_notify_middleware.journal.locks import is_same_file


class Segment:
    """An open segment of this process.

    `number` is its place among the segments of its journal. In bytes: `size` is how much was
    written to it, `head_size` how much of that it was made with, `limit` the size from which on
    the next segment is begun.
    """

    __slots__ = ("_fd", "_path", "head_size", "limit", "number", "size")

    def __init__(self, directory: Path, identity: str, number: int, head: bytes) -> None:
        """Make the file, and write `head` to it. Raises OSError: then there is no such segment.

        The file gets its name when `head` is in it. A reader that sees a segment reads the one
        before it to the end, and never looks into that one again.
        """
        self.number = number
        self._path = path = segment_path(directory, identity, number)
        temporary = path.with_suffix(".new")
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._fd = os.open(temporary, flags, 0o600)
        self.size = self.limit = 0
        try:
            self.append(head)
            temporary.rename(path)
        except OSError:
            os.close(self._fd)
            temporary.unlink(missing_ok=True)
            raise
        self.head_size = self.size

    def append(self, data: bytes) -> None:
        """Append `data` by one write(2). Raises OSError.

        What a short write has left stays there: to truncate the file could erase what another
        thread has appended since.
        """
        written = os.write(self._fd, data)
        self.size += written
        if written < len(data):
            raise short_write(written, len(data), self._path)

    def content(self) -> bytes:
        """All bytes of the file. Raises OSError."""
        return os.pread(self._fd, os.fstat(self._fd).st_size, 0)

    def is_removed(self) -> bool:
        """Whether somebody has removed the file, or moved it away. Raises OSError."""
        return not is_same_file(self._path, self._fd)

    def descriptor(self) -> int:
        """A further descriptor of the file, which the caller closes. Raises OSError."""
        return os.dup(self._fd)

    def sync(self) -> None:
        """Wait until the content is on the disk, as far as fdatasync(2) knows. Raises OSError."""
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)
