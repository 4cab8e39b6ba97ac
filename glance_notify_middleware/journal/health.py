"""Whether entries can be written at present: asked by each request, found out once a second."""

import math
import time

_MAINTAINED = 10.0  # seconds after which a journal that was maintained does not count as such


class Health:
    """The health of one journal.

    `is_full`: nothing can be recorded, as the bound or the disk is full, or as a write has failed.
    `trouble`: why a write has failed; empty while none has.
    """

    def __init__(self) -> None:
        self.is_full = False
        self.trouble = ""
        self._maintained_at = -math.inf  # by the monotonic clock

    def maintained(self) -> None:
        """A thread maintains the journal, and has begun to do so again at this moment."""
        self._maintained_at = time.monotonic()

    def failed(self, error: OSError) -> None:
        """A write has failed with `error`.

        Where a thread maintains the journal, requests do not try to write until that thread has
        written. Elsewhere each request tries, as nothing else would find that the trouble is over.
        """
        if time.monotonic() - self._maintained_at < _MAINTAINED:
            self.trouble = reason(error)
            self.is_full = True

    def why_full(self) -> tuple[str, str]:
        """Why nothing can be recorded: the name of a counter, and a text."""
        return ("disk", self.trouble) if self.trouble else ("full", "the journal is full")


def reason(error: OSError) -> str:
    """A text for an error of a write."""
    return f"the journal cannot be written: {error.strerror or error}"
