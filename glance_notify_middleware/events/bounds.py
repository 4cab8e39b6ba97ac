"""What a client chooses, at a length that can be kept."""

from typing import TypeVar

LONGEST_ID = 255
"""Characters. No id of Glance's is longer: an image's has 36, a member's and an owner's 255
(glance 33.0.0, db/sqlalchemy/models.py)."""

_KEPT = 200

_T = TypeVar("_T")


def bounded(text: _T) -> _T | str:
    """`text`, or its beginning and a note of its length where it is longer than any id.

    What is no text comes back as it is.
    """
    if isinstance(text, str) and len(text) > LONGEST_ID:
        return f"{text[:_KEPT]}[... of {len(text)} characters]"
    return text
