"""The time that a request has: as a whole, and for its phases."""

import time

from glance_notify_middleware.strategies.deadline import Deadline


class Phases(Deadline):
    """When the present phase of a request ends: in its own time, and never after the whole."""

    def __init__(self, whole: float) -> None:
        """`whole`: seconds that a request has, from its connection to the end of the answer."""
        super().__init__(whole)
        self._whole = whole
        self._end = 0.0

    def begin(self) -> None:
        """A request begins now."""
        self._end = time.monotonic() + self._whole
        self.rest()

    def phase(self, seconds: float) -> None:
        """A phase begins that has so many seconds."""
        left = self._end - time.monotonic()
        self.patience = seconds if seconds < left else self._whole
        self.within(min(seconds, left))

    def rest(self) -> None:
        """A phase begins that has what is left of the whole."""
        self.phase(self._whole)
