"""Counts what becomes of messages that are set aside: each once, though the journal has it, too.

A message stands in the journal and in an aside file until the cursor of the journal has passed it.
It may be sent from the aside file before that. Should the leader die in between, the next one reads
it in the journal again: so it counts when the cursor of the journal passes it.
"""

from collections import deque

from glance_notify_middleware.delivery.aside.marks import Mark
from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.delivery.window import Pending
from glance_notify_middleware.events.notification import Priority


class AsideCounts:
    """The messages that are set aside and still in the window, in the order of their entries."""

    def __init__(self, cursors: Cursors) -> None:
        """`cursors` have the counts, and how far the journal's cursor has come in aside files."""
        self._cursors = cursors
        self._in_window: dict[Priority, deque[Pending]] = {}

    def added(self, pending: Pending) -> None:
        """A message of the window was set aside; its entry ends at `pending.aside_end`."""
        waiting = self._in_window.setdefault(pending.message.priority, deque())
        self._drop_passed(pending.message.priority, waiting)
        waiting.append(pending)

    def passed(self, priority: Priority, end: int, mark: int, done: Done | None) -> None:
        """The cursor in the aside file of `priority` passes the entry that ends at `end`."""
        if mark == Mark.SENT_AGAIN:
            self._cursors.counts.sent_again += done is Done.TAKEN
        elif mark == Mark.ORDINARY:
            waiting = self._in_window.get(priority, deque())
            self._drop_passed(priority, waiting)
            while waiting and waiting[0].aside_end < end:
                waiting.popleft()  # its entry was damaged
            if waiting and waiting[0].aside_end == end:
                waiting.popleft().done = done
            else:
                self._cursors.counts.count(done)

    def forget(self, priority: Priority) -> None:
        """The aside file of `priority` is removed."""
        self._in_window.pop(priority, None)

    def _drop_passed(self, priority: Priority, waiting: deque[Pending]) -> None:
        passed = self._cursors.aside_passed_in(priority)
        while waiting and waiting[0].aside_end <= passed:
            waiting.popleft()
