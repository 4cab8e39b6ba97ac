"""Locks of open files: POSIX locks, which belong to the process that has taken them."""

import fcntl
import os
from pathlib import Path

from glance_notify_middleware.journal.files import ForeignFileError, open_owned
from glance_notify_middleware.journal.layout import RELAY_LOCK


def try_lock(fd: int) -> bool:
    """Try to lock the whole of an open file; False where another process has it.

    POSIX locks belong to the process: when it closes any descriptor of the file, the lock is gone,
    and its own second try always succeeds.
    """
    return _locked(fd, fcntl.LOCK_EX)


def try_lock_shared(fd: int) -> bool:
    """Hold the lock of an open file together with others; False where one has it for itself."""
    return _locked(fd, fcntl.LOCK_SH)


def is_same_file(path: Path, fd: int) -> bool:
    """Whether the path leads to this open file: nobody has removed or moved it, or a directory
    above it. Raises OSError."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def open_locked(path: Path) -> int | None:
    """Open and lock a live file of another process: its descriptor, if that process has died.

    None when it lives, or when the file is gone, or no file of this user. Never to be called for
    one's own: see `try_lock`.
    """
    try:
        fd = open_owned(path, os.O_RDWR)
    except (FileNotFoundError, ForeignFileError):
        return None
    if try_lock(fd):
        return fd
    os.close(fd)
    return None


def is_led(directory: Path) -> bool:
    """Whether another process relays what lies there. Not to be called in one that does: see
    `try_lock`. Raises OSError."""
    path = directory / RELAY_LOCK
    fd = open_locked(path)
    if fd is None:
        return path.exists()
    os.close(fd)
    return False


def _locked(fd: int, how: int) -> bool:
    try:
        fcntl.lockf(fd, how | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EAGAIN, EACCES: fcntl(2)
        return False
    return True
