"""Locks of files, which show whether a process lives: the kernel drops them when it dies.

They are POSIX locks (lockf), which belong to the process. Two things follow. When a process closes
any descriptor of a file, it loses its locks of that file: a descriptor that holds a lock is opened
once, and closed to give the lock up. And a second try of the same process always succeeds: a
process must not try a lock of its own. Locks of flock(2) would be worse: a forked child keeps them
after its parent has died.
"""

import fcntl
import os
import struct
from pathlib import Path

from glance_notify_middleware.journal.files import ForeignFileError, open_owned
from glance_notify_middleware.journal.layout import RELAY_LOCK

_FLOCK = struct.Struct("hhqqi0q")  # struct flock of fcntl(2): type, whence, start, length, pid


def is_locked(fd: int) -> bool:
    """Whether any process, this one too, has a lock of an open file. Takes no lock. Raises OSError.

    Asked as the owner of an open file description (F_OFD_GETLK of fcntl(2)): a process that asks
    as itself is not shown its own locks.
    """
    question = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    answer = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, question)
    return bool(_FLOCK.unpack(answer)[0] != fcntl.F_UNLCK)


def try_lock(fd: int) -> bool:
    """Lock an open file for this process alone; False where another process has a lock of it."""
    return _try(fd, fcntl.LOCK_EX)


def try_lock_shared(fd: int) -> bool:
    """Lock an open file together with other processes.

    False where another process has locked it for itself alone.
    """
    return _try(fd, fcntl.LOCK_SH)


def open_locked(path: Path) -> int | None:
    """Open a file that another process may have locked, and lock it; returns its descriptor.

    None: another process has the lock, or the file is missing or foreign. Not to be called for a
    file that this process has locked. Raises OSError.
    """
    try:
        fd = open_owned(path, os.O_RDWR)
    except (FileNotFoundError, ForeignFileError):
        return None
    if try_lock(fd):
        return fd
    os.close(fd)
    return None


def is_same_file(path: Path, fd: int) -> bool:
    """Whether `path` leads to the open file `fd`: nobody has removed or moved the file, or a
    directory above it. Raises OSError."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def is_led(directory: Path) -> bool:
    """Whether another process leads there. Not to be called in the leader. Raises OSError."""
    path = directory / RELAY_LOCK
    fd = open_locked(path)
    if fd is None:
        return path.exists()
    os.close(fd)
    return False


def _try(fd: int, how: int) -> bool:
    try:
        fcntl.lockf(fd, how | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN, EACCES: fcntl(2)
        return False
    return True
