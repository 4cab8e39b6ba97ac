"""A point in time at which a wait for a peer ends."""

import math
import time


class Deadline:
    """When the peer must have answered, whatever it sends in the meantime. Infinity at first."""

    def __init__(self, patience: float) -> None:
        """`patience`: seconds that the peer may take for an answer."""
        self.patience = patience
        self._at = math.inf

    def renew(self) -> None:
        """The peer has all of the patience again, from now on."""
        self.within(self.patience)

    def within(self, seconds: float) -> None:
        """The wait ends in so many seconds."""
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """The seconds that are left, more than 0. Raises TimeoutError where there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> TimeoutError:
        """The error when the deadline has passed."""
        return TimeoutError(f"no answer within {self.patience:g} s")
