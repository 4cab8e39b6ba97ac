"""How a file of the journal is opened: a regular file of this process's user, and nothing else.

A link would lead elsewhere, a FIFO or a device could wait for ever, and what another user has
written is not the journal's.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path

from glance_notify_middleware.runtime.own_log import log_error


class ForeignFileError(OSError):
    """Under a name of the journal lies something else than a regular file of this user."""


def is_foreign(path: Path) -> bool:
    """Whether something else lies there than a regular file of this user. Raises OSError."""
    try:
        return not _is_owned(path.lstat())
    except FileNotFoundError:
        return False


def open_owned(path: Path, flags: int) -> int:
    """Open a file of the journal as open(2) does with `flags`, made for its owner alone; returns
    the descriptor. Raises ForeignFileError and OSError."""
    try:
        # Of a regular file O_NONBLOCK means nothing; a FIFO would else be waited for.
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
    """Like `open_owned`, with O_CREAT; what is in the way, or not to be opened by its owner, is
    moved away, and that is told. Raises OSError."""
    try:
        return open_owned(path, flags)
    except (ForeignFileError, PermissionError) as error:
        if not os.path.lexists(path):
            raise  # it is the directory that cannot be written
        kept = move_away(path)
        log_error(f"what lies there is kept as {kept}, and another file is begun", error)
        return open_owned(path, flags)


def read_owned(path: Path, offset: int = 0) -> bytes:
    """What stands in a file of the journal from `offset` on. Raises as `open_owned` does."""
    with os.fdopen(open_owned(path, os.O_RDONLY), "rb", buffering=0) as file:
        file.seek(offset)
        return file.readall()


def move_away(path: Path) -> Path:
    """Give what lies there a name that the journal does not use, where people find it; returns
    that. Raises OSError."""
    kept = path.with_name(f"{path.name}.{secrets.token_hex(4)}.kept")
    with contextlib.suppress(FileNotFoundError):  # another process was faster
        path.rename(kept)
    return kept


def sync(path: Path) -> None:
    """Have what was written to a file of the journal, and its name, survive a power cut. Raises
    ForeignFileError and OSError."""
    fd = open_owned(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def sync_directory(directory: os.PathLike[str]) -> None:
    """Have what was made, renamed or removed in it survive a power cut. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _is_owned(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _foreign(path: Path) -> ForeignFileError:
    return ForeignFileError(f"{path} is no regular file of user {os.geteuid()}")
