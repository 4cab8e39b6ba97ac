"""A bound for the length of texts that a client chooses and that this filter keeps."""

from typing import TypeVar

LONGEST_ID = 255
"""Characters. No id of Glance is longer: an image id has 36, a member id and an owner have up to
255 (glance 33.0.0, db/sqlalchemy/models.py)."""

_PREFIX = 200  # characters that are left of a longer text

_T = TypeVar("_T")


def bounded(text: _T) -> _T | str:
    """`text`, or its beginning and a note of its length when it is longer than LONGEST_ID.

    A value that is no text comes back unchanged.
    """
    if isinstance(text, str) and len(text) > LONGEST_ID:
        return f"{text[:_PREFIX]}[... of {len(text)} characters]"
    return text
