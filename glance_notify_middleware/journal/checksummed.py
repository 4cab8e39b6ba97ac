"""Small files of JSON. Their first line is a checksum of the second, so that damage is seen."""

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
    """The bytes of a file with this content."""
    text = json.dumps(content).encode()
    return b"%08x\n%s\n" % (zlib.crc32(text), text)


def loads(data: bytes) -> dict[str, Any] | None:
    """The content of a file with these bytes; None: it is damaged, or of another kind."""
    first, _, text = data.partition(b"\n")
    text = text.partition(b"\n")[0]
    try:
        content = json.loads(text) if int(first, 16) == zlib.crc32(text) else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def load(path: Path) -> dict[str, Any] | None:
    """The content of the file at `path`; None: it is missing, damaged or foreign.

    Raises OSError.
    """
    try:
        return loads(read_owned(path))
    except (FileNotFoundError, ForeignFileError):
        return None


def replace(path: Path, content: dict[str, Any], *, durable: bool = False) -> None:
    """Put a file at `path` in one step: a reader finds the old file or the new. Raises OSError.

    With `durable` the new file survives a power cut. The temporary name is random: processes of
    two containers can have the same pid, and can make the file at the same moment.
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
        _rename(temporary, path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        sync_directory(path.parent)


def _rename(temporary: Path, path: Path) -> None:
    try:
        temporary.replace(path)
    except IsADirectoryError:
        move_away(path)
        temporary.replace(path)
