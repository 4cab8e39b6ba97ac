"""What a living process does when its files were removed, or when it was taken for dead.

Both can cost repeats, and no event: what is not known to be delivered is recorded again.
"""

import contextlib
import threading

from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.group_sync import GroupSync
from glance_notify_middleware.journal.live_file import LiveFile
from glance_notify_middleware.journal.sealed import Remainder
from glance_notify_middleware.journal.segment import Segment
from glance_notify_middleware.journal.segment_writer import SegmentWriter
from glance_notify_middleware.journal.totals import ADDED, settled_steps


class Recovery:
    """Looks after one journal, once a second."""

    def __init__(
        self,
        writer: SegmentWriter,
        counters: Counters,
        lock: threading.Lock,
        group_sync: GroupSync | None,
    ) -> None:
        """`lock` is the journal's; `group_sync` is None where entries are not synced."""
        self._writer = writer
        self._counters = counters
        self._lock = lock
        self._group_sync = group_sync
        self._rewritten = 0  # entries up to the last one that was recorded again, and is not synced

    def check_live_file(self) -> None:
        """See whether the process counts as alive, and act where it does not. Raises OSError.

        Where another process holds the lock of its live file, or has settled it, that process has
        taken it for dead: the journal begins anew, under a new identity. Else somebody has removed
        the live file, or the directory: the live file is made again.
        """
        with self._lock:
            writer, live, segment = self._writer, self._writer.live, self._writer.segment
            if live is None or segment is None or writer.is_known_to_live():
                return
            if not live.relock():
                self._begin_anew(live, segment, is_counted=True)
                return
            steps = settled_steps(writer.directory, str(writer.identity))
            if steps:
                self._begin_anew(live, segment, is_counted=ADDED in steps)
            else:
                live.restore()

    def record_again(self) -> None:
        """Record what is to be recorded again. Raises OSError: then the rest is tried later."""
        with self._lock:
            self._append_remainders()
            rewritten, self._rewritten = self._rewritten, 0
        if self._group_sync is not None and rewritten:
            self._group_sync.wait(rewritten)

    def replace_removed_segment(self) -> None:
        """If somebody has removed the newest segment, go on in another. Raises OSError."""
        with self._lock:
            segment = self._writer.segment
            if segment is not None and segment.is_removed():
                self._writer.turn_over(segment)

    def _begin_anew(self, live: LiveFile, segment: Segment, *, is_counted: bool) -> None:
        """Go on under another identity. Raises OSError: then that is tried again later.

        What is not known to be delivered is recorded again, so it may be sent twice; intents that
        are open go on. `is_counted`: the totals get what was counted so far.
        """
        writer = self._writer
        position = writer.delivered()
        before = [*writer.sealed.take_all(), segment]
        writer.remainders += [Remainder.behind(position, each) for each in before]
        live.close()
        writer.segment = writer.live = None
        if is_counted:
            self._counters.clear()
        writer.begin()
        with contextlib.suppress(OSError):
            writer.end_copies(segment)
            writer.write_counters()
        self._append_remainders()

    def _append_remainders(self) -> None:
        writer = self._writer
        while writer.remainders:
            remainder = writer.remainders[0]
            for entry in remainder.entries():
                # With a count of 0: the notifications were counted when they were recorded first.
                writer.append(Kind.EVENTS, entry.body)
            writer.remainders.popleft()
            remainder.segment.close()
            self._rewritten = writer.written
