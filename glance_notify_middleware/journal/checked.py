"""Small files of JSON whose first line is a checksum of the rest: whole, or known not to be."""

import json
import os
import zlib
from pathlib import Path
from typing import Any


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
    """The content of the file at `path`; None where it is missing or damaged. Raises OSError."""
    try:
        return loads(path.read_bytes())
    except FileNotFoundError:
        return None


def replace(path: Path, content: dict[str, Any]) -> None:
    """Put a file at `path`, in one step: a reader finds the old one or the new. Raises OSError."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(dumps(content))
    temporary.replace(path)
