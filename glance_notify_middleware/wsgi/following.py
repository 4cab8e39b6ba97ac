"""Follows what Glance works on after a 202 until it is known how it ended.

By the process that accepted it, in one thread, which begins with the first and does it all:
requests only hand over what they see. Glance works in threads of that process, too; neither goes on
when it dies. A process that ends in good order lets Glance's threads end first (`drain_workers` in
Glance 33): then all are looked at once more.
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

from glance_notify_middleware.runtime.own_log import log_error
from glance_notify_middleware.runtime.shutdown import at_process_end
from glance_notify_middleware.wsgi import judging
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.judging import Followed, Handed, Judge, Shown
from glance_notify_middleware.wsgi.lookup import Lookup, Record

_LAST_LOOK = 1.0  # seconds that the end of a process waits for


class Following:
    """Those that are followed in this process.

    `images` has the latest of each image, by the image's id. A forked child follows none of its
    parent's. What requests leave for the thread is bounded, for it can hang in a look-up: `maximum`
    operations, and for each of them its begin and one record (see `Handed`).
    """

    def __init__(
        self,
        look: Lookup,
        emitter: Emitter,
        limit: float,
        maximum: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`limit` is in seconds. `start` has a function run beside the requests, for good."""
        self._look = look
        self._emitter = emitter
        self._limit = limit
        self._maximum = maximum
        self._clock = clock
        self._start = start
        self._order = itertools.count()
        self._looks_at_the_end = False  # what a forked child does if its parent does
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._runs = False
        self._handed = Handed()
        self._judge = Judge(self._look, self._emitter, self._handed)
        self._seen: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Followed]] = []  # a heap
        self._open: set[Followed] = set()  # all that have not ended
        self.images: dict[str, Followed] = {}

    # -- on the threads of requests ---------------------------------------------------------

    def follow(self, followed: Followed) -> None:
        """Glance has just accepted it."""
        if self._pid != os.getpid():
            self._begin_anew()
        followed.until = self._clock() + self._limit
        with self._lock:
            has_room = len(self._open) < self._maximum
            earlier = self.images.get(followed.key)
            if has_room:
                self._open.add(followed)
                self.images[followed.key] = followed
        if not has_room:
            why = f"{self._maximum} others are followed already (follow_max)"
            self._judge.give_up(followed, why)
            return
        self._put(followed, functools.partial(self._begin, followed, earlier))
        with self._lock:
            if not self._runs:
                (self._start or self._start_thread)(self._run)
                self._runs = True

    def of(self, image_id: str | None) -> Followed | None:
        """What is followed of an image, by this process."""
        return self.images.get(str(image_id)) if self._pid == os.getpid() else None

    def look_first(self, followed: Followed) -> None:
        """Look it up before a request changes the image, for that may leave nothing to be seen."""
        shown = self._judge.look_first(followed)
        if shown is not None:
            self._hand_over(followed, shown)

    def saw(self, followed: Followed, record: Record) -> None:
        """The image's record, as it was shown to a client that asked after it was accepted."""
        self._hand_over(followed, Shown(record))

    def _hand_over(self, followed: Followed, shown: Shown) -> None:
        if not followed.ended and self._handed.put(followed, shown):
            self._put(followed, functools.partial(self._judge.judge_shown, followed))

    def _put(self, followed: Followed, step: Callable[[], None]) -> None:
        self._seen.put(functools.partial(self._try, followed, step))

    def _start_thread(self, run: Callable[[], None]) -> None:
        threading.Thread(target=run, name="glance-notify-following", daemon=True).start()
        if not self._looks_at_the_end:
            at_process_end(self.last_look)
            self._looks_at_the_end = True

    # -- at the end of the process ----------------------------------------------------------

    def last_look(self) -> None:
        """Look up all that are followed, now. Those that have not ended have their intents."""
        if self._pid != os.getpid():
            return
        done = threading.Event()
        self._seen.put(self._look_at_all)
        self._seen.put(done.set)
        done.wait(_LAST_LOOK)

    # -- in the thread ----------------------------------------------------------------------

    def _run(self) -> None:
        wait = None
        while True:
            with contextlib.suppress(queue.Empty):
                self._seen.get(timeout=wait)()
            wait = self.turn()

    def turn(self) -> float | None:
        """Judge what requests have seen, and look one record up if it is time.

        Returns the seconds to the next look-up, None: none is to come. Does not raise.
        """
        with contextlib.suppress(queue.Empty):
            while True:
                self._seen.get_nowait()()
        if self._due and self._due[0][0] <= self._clock():
            _, _, followed = heapq.heappop(self._due)
            self._try(followed, functools.partial(self._judge.look_at, followed))
            self._try(followed, functools.partial(self._look_again_later, followed))
        return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def _try(self, followed: Followed, step: Callable[[], None]) -> None:
        try:
            if not followed.ended:
                step()
        except Exception as error:
            if not followed.complained:
                followed.complained = True
                log_error("what Glance does after a 202 may not be told", error)
        if followed.ended:
            self._forget(followed)

    def _begin(self, followed: Followed, earlier: Followed | None) -> None:
        if earlier is not None:
            outlived = functools.partial(self._judge.is_outlived, earlier, followed)
            self._try(earlier, outlived)
        self._look_again_later(followed)

    def _look_at_all(self) -> None:
        for followed in list(self._open):
            followed.wait = judging.LONGEST_WAIT  # there is no later look at what hangs
            self._try(followed, functools.partial(self._judge.look_at, followed))

    def _look_again_later(self, followed: Followed) -> None:
        now = self._clock()
        if now >= followed.until:
            self._judge.give_up(followed, f"Glance had not ended it after {self._limit:g} s")
            return
        due = min(now + followed.wait, followed.until)
        followed.wait = min(2 * followed.wait, judging.LONGEST_WAIT)
        heapq.heappush(self._due, (due, next(self._order), followed))

    def _forget(self, followed: Followed) -> None:
        with self._lock:
            self._open.discard(followed)
            if self.images.get(followed.key) is followed:
                del self.images[followed.key]
        self._handed.take(followed)
        followed.snapshot = {}  # its turn in the heap can be to come
