"""The sequence of a message: by it a reader finds out whether a message is missing.

Each process numbers the notifications that it records, from 0 on, in a journal of its own. The
message of a notification names its journal and number, and the number of the message before it in
that journal which the same target gets. So a reader that has all messages finds each `after` among
the numbers that it has.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

KEY = "_sequence"
"""The key of the plain JSON. A notification that has no number lacks the key."""

PARTS = ("journal", "number", "after")
"""The keys of its value."""

LONGEST = 128
"""Bytes that the key and its value have at most."""


class MessageSequence(NamedTuple):
    """The place of a message among those of one target.

    `journal` is the identity of the journal, 16 hexadecimal digits. `number` counts the
    notifications in it, from 0 on. `after` is the number of the message before this one; None where
    none is known to be before it.
    """

    journal: str
    number: int
    after: int | None

    def put_into(self, plain: bytes) -> bytes:
        """The plain JSON of a notification, with the key for this sequence."""
        after = b"null" if self.after is None else b"%d" % self.after
        return b'%b,"_sequence":{"journal":"%b","number":%d,"after":%b}}' % (
            plain[:-1],
            self.journal.encode(),
            self.number,
            after,
        )


def known(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The value of the key in the JSON of a message, by PARTS; empty where the key is missing."""
    found = fields.get(KEY)
    return dict(found) if isinstance(found, Mapping) else {}
