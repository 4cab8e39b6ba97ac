"""What the body of a PATCH changes, read as Glance reads it (glance 33.0.0, api/v2/images.py)."""

from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import images

_PATH_KEYS = ("path", "add", "remove", "replace")
"""The keys of a patch operation that can hold its path. Version 2.1 of the media type has `path`;
in version 2.0 the key names the kind of change, and its value is the path."""


def changed_fields(body: bytes) -> set[str]:
    """The first segments of all paths in a patch: the fields of the image record that it changes.

    `body` is what the application has read so far. The result is empty as long as that is not a
    whole patch. Raises RecursionError for a patch that is nested too deeply to be parsed.
    """
    if not body.rstrip().endswith(b"]"):
        return set()
    try:
        changes = images.parse_json(body)
    except ValueError:
        return set()
    return {
        _first_segment(change[key])
        for change in (changes if isinstance(changes, list) else ())
        if isinstance(change, Mapping)
        for key in _PATH_KEYS
        if key in change
    }


def _first_segment(path: Any) -> str:
    """Glance ignores slashes at the front, and blanks around a segment."""
    return str(path).lstrip("/").partition("/")[0].strip()
