"""Small files of JSON whose first line is a checksum of the rest: whole, or known not to be."""

import json
import os
import secrets
import zlib
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal.files import (
    ForeignFileError,
    move_away,
    read_owned,
    sync_directory,
    write_whole,
)


def dumps(content: dict[str, Any]) -> bytes:
    """The bytes of such a file."""
    text = json.dumps(content).encode()
    return b"%08x\n%s\n" % (zlib.crc32(text), text)


def loads(data: bytes) -> dict[str, Any] | None:
    """The content of such a file; None where it is damaged, or of another kind."""
    first, _, text = data.partition(b"\n")
    text = text.partition(b"\n")[0]
    try:
        content = json.loads(text) if int(first, 16) == zlib.crc32(text) else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def load(path: Path) -> dict[str, Any] | None:
    """The content of the file at `path`; None where it is missing, damaged, or no file of this
    user. Raises OSError."""
    try:
        return loads(read_owned(path))
    except (FileNotFoundError, ForeignFileError):
        return None


def replace(path: Path, content: dict[str, Any], *, durable: bool = False) -> None:
    """Put a file at `path`, in one step: a reader finds the old one or the new. Raises OSError.

    With `durable` a power cut afterwards does not bring the old one back. The temporary name is
    drawn: processes of two containers can have the same pid, and make it in the same moment.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_whole(fd, dumps(content), temporary)
            if durable:
                os.fsync(fd)
        finally:
            os.close(fd)
        _put(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def _put(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except IsADirectoryError:
        move_away(path)
        temporary.replace(path)
