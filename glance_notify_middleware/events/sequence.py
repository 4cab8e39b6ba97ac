"""The sequence of a message: by it a reader finds out whether a message is missing.

Each process numbers the notifications that it records, from 0 on, in a journal of its own. The
message of a notification names its journal and number, and the number of the message before it in
that journal which the same target gets. So a reader that has all messages finds each `after` among
the numbers that it has.
"""

from collections.abc import Mapping
from typing import Any

KEY = "_sequence"
"""The key of the plain JSON. A notification that has no number lacks the key."""

PARTS = ("journal", "number", "after")
"""The keys of its value."""

LONGEST = 128
"""Bytes that the key and its value have at most."""


def put_into(plain: bytes, journal: str, number: int, after: int | None) -> bytes:
    """The plain JSON of a notification, with the key for its place.

    `journal` is the identity of the journal, 16 hexadecimal digits. `number` counts the
    notifications in it, from 0 on. `after` is the number of the message before this one which the
    same target gets; None where none is known to be before it.
    """
    before = "null" if after is None else after
    place = f',"_sequence":{{"journal":"{journal}","number":{number},"after":{before}}}}}'
    return plain[:-1] + place.encode()


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The value of the key in the JSON of a message, by PARTS; empty where the key is missing."""
    found = fields.get(KEY)
    return dict(found) if isinstance(found, Mapping) else {}
