"""Follows background work until it is known how it ended.

The process that accepted the work follows it, in one thread, which starts with the first piece of
work and does all look-ups: requests only hand over what they see. Glance works in threads of the
same process: when the process dies, both end. When the process ends in good order, Glance's threads
end first (`drain_workers` in Glance 33); then all followed work is looked up once more.
"""

import contextlib
import functools
import heapq
import itertools
import os
import queue
import threading
import time
from collections.abc import Callable

from glance_notify_middleware.recorder import Counted
from glance_notify_middleware.runtime.own_log import log_error
from glance_notify_middleware.runtime.shutdown import at_process_end
from glance_notify_middleware.wsgi import followed_work
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.followed_work import FollowedWork, SeenRecord, UnjudgedRecords
from glance_notify_middleware.wsgi.lookup import Lookup, Record
from glance_notify_middleware.wsgi.outcome import OutcomeJudge

_FINAL_LOOK = 1.0  # seconds that the end of the process waits for the final look-ups


class Follower:
    """The work that is followed in this process, and the thread that follows it.

    `latest` holds the latest work of each image, by `FollowedWork.key`. A forked child follows none
    of its parent's work. What requests leave for the thread is bounded, as the thread can hang in a
    look-up: at most `maximum` pieces of work, and for each of them its begin and one record (see
    `UnjudgedRecords`).
    """

    def __init__(
        self,
        lookup: Lookup,
        emitter: Emitter,
        limit: float,
        maximum: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`limit` is the time, in seconds, after which the outcome of work is unknown.

        `start` runs a function that never returns beside the requests (None: in a daemon thread).
        """
        self._lookup = lookup
        self._emitter = emitter
        self._limit = limit
        self._maximum = maximum
        self._clock = clock
        self._start = start
        self._order = itertools.count()
        self._looks_at_process_end = False  # a forked child does, too, if its parent does
        self._start_empty()

    def _start_empty(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._runs = False
        self._unjudged = UnjudgedRecords()
        self._judge = OutcomeJudge(self._lookup, self._emitter, self._unjudged)
        self._steps: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._due: list[tuple[float, int, FollowedWork]] = []  # a heap, by the time of the look-up
        self._open: set[FollowedWork] = set()  # all work that has not ended
        self.latest: dict[str, FollowedWork] = {}

    # -- on the threads of requests ---------------------------------------------------------

    def follow(self, followed: FollowedWork) -> None:
        """Follow work that Glance has just accepted.

        Beyond `maximum` the outcome of the work is unknown at once. Raises what the start of a
        thread raises; the next call tries to start it again.
        """
        if self._pid != os.getpid():
            self._start_empty()
        followed.deadline = self._clock() + self._limit
        with self._lock:
            has_room = len(self._open) < self._maximum
            earlier = self.latest.get(followed.key)
            if has_room:
                self._open.add(followed)
                self.latest[followed.key] = followed
                self._emitter.count(Counted.FOLLOWED)
        if not has_room:
            why = f"{self._maximum} others are followed already (follow_max)"
            self._judge.give_up(followed, why)
            return
        self._put(followed, functools.partial(self._begin, followed, earlier))
        with self._lock:
            if not self._runs:
                (self._start or self._start_thread)(self._run)
                self._runs = True

    def find(self, image_id: str | None) -> FollowedWork | None:
        """The latest work on the image that this process follows; None where there is none."""
        return self.latest.get(str(image_id)) if self._pid == os.getpid() else None

    def look_before_change(self, followed: FollowedWork) -> None:
        """Look the image up before a request changes it: the end of the work may be lost by that.

        The look-up is made on the calling thread. What it shows is judged by the thread that
        follows.
        """
        seen = self._judge.look_before_change(followed)
        if seen is not None:
            self._hand_over(followed, seen)

    def add_record(self, followed: FollowedWork, record: Record) -> None:
        """Hand over the image record that was shown to a client.

        The client must have asked for it after Glance had accepted the work.
        """
        self._hand_over(followed, SeenRecord(record))

    def _hand_over(self, followed: FollowedWork, seen: SeenRecord) -> None:
        if not followed.ended and self._unjudged.put(followed, seen):
            self._put(followed, functools.partial(self._judge.judge_seen, followed))

    def _put(self, followed: FollowedWork, step: Callable[[], None]) -> None:
        self._steps.put(functools.partial(self._try, followed, step))

    def _start_thread(self, run: Callable[[], None]) -> None:
        threading.Thread(target=run, name="glance-notify-following", daemon=True).start()
        if not self._looks_at_process_end:
            at_process_end(self.final_look)
            self._looks_at_process_end = True

    # -- at the end of the process ----------------------------------------------------------

    def final_look(self) -> None:
        """Look all followed work up, now. The intents of work that has not ended stay open."""
        if self._pid != os.getpid():
            return
        done = threading.Event()
        self._steps.put(self._look_all_up)
        self._steps.put(done.set)
        done.wait(_FINAL_LOOK)

    # -- in the thread ----------------------------------------------------------------------

    def _run(self) -> None:
        wait = None
        while True:
            with contextlib.suppress(queue.Empty):
                self._steps.get(timeout=wait)()
            wait = self.turn()

    def turn(self) -> float | None:
        """Do the steps that requests have left, and look one piece of work up if it is time.

        Returns the seconds to the next look-up; None where there is none to come. Does not raise.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._steps.get_nowait()()
        if self._due and self._due[0][0] <= self._clock():
            _, _, followed = heapq.heappop(self._due)
            self._try(followed, functools.partial(self._judge.look_up, followed))
            self._try(followed, functools.partial(self._schedule, followed))
        return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def _try(self, followed: FollowedWork, step: Callable[[], None]) -> None:
        """Do a step of work that has not ended; forget work that has. Does not raise."""
        try:
            if not followed.ended:
                step()
        except Exception as error:
            if not followed.failure_is_logged:
                followed.failure_is_logged = True
                log_error("notifications of background work may be missing", error)
        if followed.ended:
            self._forget(followed)

    def _begin(self, followed: FollowedWork, earlier: FollowedWork | None) -> None:
        if earlier is not None:
            self._try(earlier, functools.partial(self._judge.end_superseded, earlier, followed))
        self._schedule(followed)

    def _look_all_up(self) -> None:
        for followed in list(self._open):
            # No look-up comes later: with the longest wait this one checks for a stuck lock.
            followed.wait = followed_work.LONGEST_WAIT
            self._try(followed, functools.partial(self._judge.look_up, followed))

    def _schedule(self, followed: FollowedWork) -> None:
        """Have the work looked up after its wait, which doubles; give up at its deadline."""
        now = self._clock()
        if now >= followed.deadline:
            self._judge.give_up(followed, f"Glance had not ended it after {self._limit:g} s")
            return
        due = min(now + followed.wait, followed.deadline)
        followed.wait = min(2 * followed.wait, followed_work.LONGEST_WAIT)
        heapq.heappush(self._due, (due, next(self._order), followed))

    def _forget(self, followed: FollowedWork) -> None:
        with self._lock:
            if followed in self._open:
                self._open.discard(followed)
                self._emitter.count(Counted.FOLLOWED, -1)
            if self.latest.get(followed.key) is followed:
                del self.latest[followed.key]
        self._unjudged.take(followed)
        followed.snapshot = {}  # the heap may hold the work until its look-up would be due
