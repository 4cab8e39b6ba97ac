"""How much of its bound a journal's directory takes, and how long a segment may become.

What every strategy has been sent does not count: it is removed as soon as its segment is not
written to any more. So that little of that kind is left, all segments that are written to take a
part of the bound together: the more processes there are, the shorter is each segment.
"""

import errno
import os
import secrets
import time
from collections.abc import Mapping
from pathlib import Path

from glance_notify_middleware.journal.layout import file_sizes
from glance_notify_middleware.journal.positions import Position, delivered_positions

MIN_FREE = 1024 * 1024
"""Bytes that are free on a disk that does not count as full."""

MIN_SEGMENT = 16 * 1024
"""Bytes that a segment has at least, however many processes there are: each one costs a file."""

_PART = 4  # the segments that are written to take a fourth of the bound
_NOT_FULL = 0.9  # of the bound: a full journal accepts entries again below that

# What the strategies take within this time is no backlog, however much it is.
_LOOKS = 10
_BETWEEN_LOOKS = 0.1  # seconds


class Capacity:
    """The capacity of one directory, as a process measures it once a second.

    `is_full`: no more may be recorded. `is_short`: the disk is full, or all files together,
    delivered or not, reach the bound: what is delivered should be removed. `share`: bytes after
    which a segment of this process is to end.
    """

    def __init__(self, directory: Path, max_size: int, segment_size: int) -> None:
        """Measures nothing. `max_size` bounds the directory, `segment_size` a segment; bytes."""
        self.is_full = self.is_short = False
        self._directory = directory
        self._max_size = max_size
        self._segment_size = segment_size
        self.share = self._share_of(1)

    def measure(self) -> None:
        """Look at the directory and the disk. Raises OSError.

        Takes a second where the bound is reached: what is delivered in that second does not count.
        """
        found = file_sizes(self._directory)
        self.share = self._share_of(sum(name.endswith(".live") for name in found))
        disk_is_full = free_bytes(self._directory) < MIN_FREE
        self.is_short = disk_is_full or sum(found.values()) >= self._max_size
        self.is_full = disk_is_full or self._is_reached(found)

    def _share_of(self, processes: int) -> int:
        share = self._max_size // _PART // max(processes, 1)
        return min(self._segment_size, max(share, MIN_SEGMENT))

    def _is_reached(self, found: Mapping[str, int]) -> bool:
        bound = self._max_size * (_NOT_FULL if self.is_full else 1)
        used = sum(found.values())
        if used < bound:
            return False
        for look in range(1 if self.is_full else _LOOKS):
            if look:
                time.sleep(_BETWEEN_LOOKS)
            if used - _delivered(found, delivered_positions(self._directory)) < bound:
                return False
        return True


def counted_bytes(directory: Path) -> int:
    """How many bytes there count against journal_max_size. Raises OSError."""
    found = file_sizes(directory)
    return sum(found.values()) - _delivered(found, delivered_positions(directory))


def probe_writing(directory: Path) -> None:
    """Check that a file of MIN_FREE bytes can be written there; leaves nothing. Raises OSError.

    The number of free bytes does not show that there are no inodes, that a quota is reached, or
    that the disk is read-only.
    """
    if free_bytes(directory) < MIN_FREE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    path = directory / f"{secrets.token_hex(8)}.tmp"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        left = MIN_FREE
        while left:
            left -= os.write(fd, bytes(left))
    finally:
        os.close(fd)
        path.unlink()


def free_bytes(directory: Path) -> int:
    """Bytes that this process may still write on its disk, by statvfs(3). Raises OSError."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def _delivered(found: Mapping[str, int], positions: Mapping[str, Position]) -> int:
    """How many bytes before `positions` there are in files of these sizes."""
    total = 0
    for name, size in found.items():
        identity, _, rest = name.partition(".")
        number, _, kind = rest.partition(".")
        position = positions.get(identity)
        if position is None or kind != "seg" or not number.isdecimal():
            continue
        if int(number) < position.segment:
            total += size
        elif int(number) == position.segment:
            total += min(size, position.offset)
    return total
