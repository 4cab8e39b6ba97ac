"""Which notifications were there before: a repeat has the same message_id and the same time.

A million ids have to fit beside everything else. The files are nearly in the order of time, so the
ids of a few hours are kept as sets, and those of all other hours in eight bytes each.
"""

from array import array
from collections import OrderedDict

_MOST_OPEN = 8  # hours: log files of several nodes are read one after another
_LENGTH_OF_AN_HOUR = len("2026-11-01 12")


class DistinctIds:
    """The notifications that were seen. 100 million of them take less than a gigabyte.

    Of an id the 64 bits of Python's hash are kept (SipHash, with a key that each process makes). So
    a notification is taken for a repeat by mistake with a probability below 1e-10 in a month of a
    million notifications, and below 1e-6 in a month of 100 million.
    """

    def __init__(self) -> None:
        self._open: OrderedDict[str, set[int]] = OrderedDict()
        self._closed: dict[str, array[int]] = {}
        self.repeats = 0
        """How many notifications were there before."""

    def add(self, timestamp: str, message_id: str) -> bool:
        """Whether a notification is a new one. `timestamp` is text, as notifications have it."""
        hour = timestamp[:_LENGTH_OF_AN_HOUR]
        ids = self._open.get(hour)
        if ids is None:
            ids = self._reopened(hour)
        before = len(ids)
        ids.add(hash(message_id))
        if len(ids) == before:
            self.repeats += 1
            return False
        return True

    def _reopened(self, hour: str) -> set[int]:
        if len(self._open) >= _MOST_OPEN:
            oldest, ids = self._open.popitem(last=False)
            self._closed[oldest] = array("q", ids)
        self._open[hour] = set(self._closed.pop(hour, ()))
        return self._open[hour]
