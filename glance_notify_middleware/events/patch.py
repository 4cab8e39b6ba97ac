"""What the body of a PATCH names, read as Glance reads it (glance 33.0.0, api/v2/images.py)."""

from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import images

_PATHS = ("path", "add", "remove", "replace")
"""What holds the path of an operation: the first since version 2.1 of the media type, the others in
2.0, where they are what is to be done, too."""


def changed_fields(body: bytes) -> set[str]:
    """The first segments of the paths that the operations of a patch are on, wherever they stand.

    `body` is what was read of it so far: as long as that is not whole, or is no patch, it has none.
    Raises RecursionError where it is nested too deeply for us.
    """
    if not body.rstrip().endswith(b"]"):
        return set()
    try:
        operations = images.parse_json(body)
    except ValueError:
        return set()
    return {
        _root(operation[name])
        for operation in (operations if isinstance(operations, list) else ())
        if isinstance(operation, Mapping)
        for name in _PATHS
        if name in operation
    }


def _root(path: Any) -> str:
    """Slashes in front, and blanks around a segment, are none to Glance."""
    return str(path).lstrip("/").partition("/")[0].strip()
