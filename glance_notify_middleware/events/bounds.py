"""A bound for the length of texts that a client chooses and that this filter keeps."""

from typing import TypeVar

LONGEST_ID = 255
"""Characters. No id of Glance is longer: an image id has 36, a member id and an owner have up to
255 (glance 33.0.0, db/sqlalchemy/models.py)."""

LONGEST_USER_AGENT = 200
"""Characters that are kept of a User-Agent header."""

LONGEST_PATH = 512
"""Bytes that are kept of the path of a request. A path of version 2 with three ids of LONGEST_ID
characters would be longer; ids of images and projects have 36 and 32."""

_PREFIX = 200  # characters that are left of a longer text

_T = TypeVar("_T")


def bounded(text: _T) -> _T | str:
    """`text`, or its beginning and a note of its length when it is longer than LONGEST_ID.

    A value that is no text comes back unchanged.
    """
    if isinstance(text, str) and len(text) > LONGEST_ID:
        return f"{text[:_PREFIX]}[... of {len(text)} characters]"
    return text
