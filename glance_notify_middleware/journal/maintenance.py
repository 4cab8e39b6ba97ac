"""What is done for a journal once a second, on a thread of its own: no request pays for it."""

import contextlib
import threading

from glance_notify_middleware.journal.capacity import Capacity, probe_writing
from glance_notify_middleware.journal.entries import NO_INTENT, Kind
from glance_notify_middleware.journal.health import Health
from glance_notify_middleware.journal.recovery import Recovery
from glance_notify_middleware.journal.segment_writer import SegmentWriter


class Maintenance:
    """Measures the directory, sees that the process counts as alive and that its files are there,
    and writes what requests could not."""

    def __init__(
        self,
        writer: SegmentWriter,
        recovery: Recovery,
        capacity: Capacity,
        health: Health,
        pending_ends: list[bytes],
        lock: threading.Lock,
    ) -> None:
        """`pending_ends` are the keys of intents whose end could not be written; `lock` is the
        journal's."""
        self._writer = writer
        self._recovery = recovery
        self._capacity = capacity
        self._health = health
        self._pending_ends = pending_ends
        self._lock = lock

    def run(self) -> None:
        """Do all of it once. Raises OSError."""
        self._writer.directory.mkdir(mode=0o700, exist_ok=True)
        try:
            self._update_health()
        finally:
            self._recovery.check_live_file()
        self._recovery.record_again()
        if self._writer.live is None:
            return
        self._recovery.replace_removed_segment()
        self._write_pending_ends()
        with self._lock:  # whoever begins the next segment writes the counters, too
            self._writer.turn_over_in_time()
            self._writer.write_counters()

    def _update_health(self) -> None:
        capacity, share = self._capacity, self._capacity.share
        capacity.measure()
        if capacity.share != share:
            with self._lock:
                self._writer.plan_turnover()
        if capacity.is_short:
            self._turn_over_early()
        if self._health.trouble:
            self._try_to_write()
        self._health.is_full = capacity.is_full

    def _try_to_write(self) -> None:
        """In the place of requests: the trouble may have passed. Raises OSError if it has not."""
        probe_writing(self._writer.directory)
        with self._lock:
            try:
                self._writer.append(Kind.END, NO_INTENT)
            except OSError:
                if self._writer.segment is None:
                    raise
                self._writer.turn_over(self._writer.segment)
            self._health.trouble = ""

    def _turn_over_early(self) -> None:
        """Begin another segment, unless the newest segment has nothing but its head.

        The newest segment of a journal is never removed, even when all of it is delivered: so the
        one that was the newest can go. Where no segment can be begun, the journal goes on with the
        one that it has.
        """
        with contextlib.suppress(OSError), self._lock:
            segment = self._writer.segment
            if segment is not None and segment.size > segment.head_size:
                self._writer.turn_over(segment)

    def _write_pending_ends(self) -> None:
        while self._pending_ends:
            with self._lock:
                self._writer.append(Kind.END, self._pending_ends[-1])
                self._writer.intents.end(self._pending_ends.pop())
