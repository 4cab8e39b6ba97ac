"""How full a journal's directory is, against its bound, and how long a segment may become.

What every strategy has been sent does not count: it goes as soon as its segment is no longer
written. So that little of that kind lies there, the segments that are written take a part of the
bound together: the more processes there are, the shorter is each.
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
"""Bytes free on a disk that counts as no longer full."""

MIN_SEGMENT = 16 * 1024
"""Bytes of a segment, however many processes there are: each new one costs a file."""

_PART = 4  # the segments that are written take a fourth of the bound
_LEFT_FULL = 0.9  # of the bound: below that a full journal takes records again

# What a strategy takes within this time is no backlog, however much it is.
_LOOKS = 10
_BETWEEN_LOOKS = 0.1  # seconds


class Capacity:
    """Of one directory, as a process sees it once a second.

    `is_full`: no more may be recorded. `is_short`: there is less room than there could be, if
    what is delivered went. `share`: bytes after which a segment of this process is to end.
    """

    def __init__(self, directory: Path, max_size: int, segment_size: int) -> None:
        """`max_size` bounds the directory, `segment_size` each segment; bytes. Looks at nothing."""
        self.is_full = self.is_short = False
        self._directory = directory
        self._max_size = max_size
        self._segment_size = segment_size
        self.share = self._share_of(1)

    def measure(self) -> None:
        """Raises OSError. Takes a second where the bound is reached, to see whether it stays so."""
        found = file_sizes(self._directory)
        self.share = self._share_of(sum(name.endswith(".live") for name in found))
        disk_is_full = _free(self._directory) < MIN_FREE
        self.is_short = disk_is_full or sum(found.values()) >= self._max_size
        self.is_full = disk_is_full or self._is_reached(found)

    def _share_of(self, processes: int) -> int:
        share = self._max_size // _PART // max(processes, 1)
        return min(self._segment_size, max(share, MIN_SEGMENT))

    def _is_reached(self, found: Mapping[str, int]) -> bool:
        bound = self._max_size * (_LEFT_FULL if self.is_full else 1)
        used = sum(found.values())
        if used < bound:
            return False
        for look in range(1 if self.is_full else _LOOKS):
            if look:
                time.sleep(_BETWEEN_LOOKS)
            if used - _delivered(found, delivered_positions(self._directory)) < bound:
                return False
        return True


def _free(directory: Path) -> int:
    """Bytes that this process may still write on that disk, as the disk says. Raises OSError."""
    disk = os.statvfs(directory)
    return disk.f_bavail * disk.f_frsize


def probe_writing(directory: Path) -> None:
    """See that files can be made there, and written: free bytes tell nothing of inodes, quotas or a
    disk that is read-only. Leaves nothing. Raises OSError."""
    if _free(directory) < MIN_FREE:
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


def _delivered(found: Mapping[str, int], places: Mapping[str, Position]) -> int:
    """How many bytes, of files that had these sizes, are of records before these places."""
    total = 0
    for name, size in found.items():
        identity, _, rest = name.partition(".")
        number, _, kind = rest.partition(".")
        place = places.get(identity)
        if place is None or kind != "seg" or not number.isdecimal():
            continue
        if int(number) < place.segment:
            total += size
        elif int(number) == place.segment:
            total += min(size, place.offset)
    return total
