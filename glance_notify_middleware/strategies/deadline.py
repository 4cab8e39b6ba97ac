"""When a wait ends."""

import math
import time


class Deadline:
    """When the peer must have answered, whatever it sends in the meantime."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._at = math.inf

    def renew(self) -> None:
        """From now on it may take all of our patience again."""
        self.within(self.patience)

    def within(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds. Raises TimeoutError when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise self.missed()
        return left

    def missed(self) -> TimeoutError:
        return TimeoutError(f"no answer within {self.patience:g} s")
