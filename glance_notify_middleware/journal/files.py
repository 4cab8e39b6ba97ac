"""How a file of the journal is opened, written and synced.

A file is *owned* when it is a regular file of this process's user. Everything else under a name of
the journal is *foreign*, and is not opened: a symbolic link could lead elsewhere, a FIFO or a
device could block for ever, and what another user has written is not the journal's.
"""

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path

from glance_notify_middleware.runtime.own_log import log_error


class ForeignFileError(OSError):
    """Something else than a regular file of this user lies under a name of the journal."""


def is_foreign(path: Path) -> bool:
    """Whether something lies at `path` that is not a regular file of this user. Raises OSError."""
    try:
        return not _is_owned(path.lstat())
    except FileNotFoundError:
        return False


def open_owned(path: Path, flags: int) -> int:
    """Open a file of the journal; returns its descriptor. Raises ForeignFileError and OSError.

    `flags` are those of open(2). With O_CREAT a missing file is made, with mode 0600.
    """
    try:
        # O_NONBLOCK has no effect on a regular file; without it the open of a FIFO would block.
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        raise
    except OSError as error:
        if is_foreign(path):
            raise _foreign(path) from error
        raise
    if _is_owned(os.fstat(fd)):
        return fd
    os.close(fd)
    raise _foreign(path)


def open_or_replace(path: Path, flags: int) -> int:
    """Open a file as `open_owned` does; `flags` have O_CREAT. Raises OSError.

    What cannot be opened because it is foreign, or because its mode forbids it, is moved away and
    logged, and a new file is made.
    """
    try:
        return open_owned(path, flags)
    except (ForeignFileError, PermissionError) as error:
        if not os.path.lexists(path):
            raise  # the directory is what cannot be written
        kept = move_away(path)
        log_error(f"what lies there is kept as {kept}, and another file is begun", error)
        return open_owned(path, flags)


def read_owned(path: Path, offset: int = 0) -> bytes:
    """The content of a file of the journal from `offset` on. Raises as `open_owned` does."""
    with os.fdopen(open_owned(path, os.O_RDONLY), "rb", buffering=0) as file:
        file.seek(offset)
        return file.readall()


def write_whole(fd: int, data: bytes, path: Path) -> None:
    """Write `data` by one write(2). Raises OSError, also when only a part of it was written.

    `path` is named in that error.
    """
    written = os.write(fd, data)
    if written < len(data):
        raise short_write(written, len(data), path)


def short_write(written: int, size: int, path: Path) -> OSError:
    """The error for a write(2) that wrote fewer bytes than asked: the disk is full.

    A quota and RLIMIT_FSIZE have the same effect. What was written stays in the file.
    """
    text = f"{written} of {size} bytes were written: the disk is full"
    return OSError(errno.ENOSPC, text, str(path))


def move_away(path: Path) -> Path:
    """Rename what lies at `path` to a name that the journal does not use; returns that name.

    People find it there. Raises OSError.
    """
    kept = path.with_name(f"{path.name}.{secrets.token_hex(4)}.kept")
    with contextlib.suppress(FileNotFoundError):  # another process was faster
        path.rename(kept)
    return kept


def sync(path: Path) -> None:
    """Sync a file of the journal and its name: a power cut takes neither after that.

    Raises ForeignFileError and OSError.
    """
    fd = open_owned(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def sync_directory(directory: os.PathLike[str]) -> None:
    """Sync the names in a directory: what was made, renamed or removed there. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_owned(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _foreign(path: Path) -> ForeignFileError:
    return ForeignFileError(f"{path} is no regular file of user {os.geteuid()}")
