"""Follows what Glance works on after a 202 until it is known how it ended.

By the process that accepted it: in one thread, which begins with the first. Glance works in threads
of that process, too; neither goes on when it dies.
"""

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glance_notify_middleware import asynchronous
from glance_notify_middleware.asynchronous import LOCK, Accepted
from glance_notify_middleware.events import ImageEvent
from glance_notify_middleware.harmless import harmless, log_error
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.intent import Intent
from glance_notify_middleware.lookup import Lookup, Record, Snapshot
from glance_notify_middleware.telling import Telling

_FIRST_WAIT = 0.5  # seconds from the 202 to the first look-up; each further wait is twice as long
_LONGEST_WAIT = 30.0
_GONE = (404, 410)


@dataclass(slots=True, eq=False)
class Followed:
    """One operation that Glance has accepted, and what was seen of it so far.

    `snapshot` is `lookup.lasting`. All that follows in the list changes under `telling`.
    """

    accepted: Accepted
    who: Receiver
    intent: Intent | None
    snapshot: Snapshot
    until: float = 0.0  # of the clock: then it is given up
    wait: float = _FIRST_WAIT
    task: object = None  # who was first seen to hold Glance's lock on the image
    prepared: bool = False
    ended: bool = False
    complained: bool = False  # a look-up has failed, and the log says so
    telling: threading.Lock = field(default_factory=threading.Lock)

    @property
    def image_id(self) -> str:
        return str(self.accepted.operation.image_id)


class Following:
    """Those that are followed in this process: one at most for each image.

    `images` has them by the image's id. A forked child follows none of its parent's.
    """

    def __init__(
        self,
        look: Lookup,
        telling: Telling,
        limit: float,
        maximum: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        """`limit` is in seconds. `start` has a function run beside the requests, for good."""
        self._look = look
        self._telling = telling
        self._limit = limit
        self._maximum = maximum
        self._clock = clock
        self._start = start or _start_thread
        self._order = itertools.count()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._changing = threading.Lock()
        self._wake = threading.Event()
        self._runs = False
        self._due: list[tuple[float, int, Followed]] = []
        self.images: dict[str, Followed] = {}

    # -- on the threads of requests ---------------------------------------------------------

    def follow(self, followed: Followed, before: Record | None) -> None:
        """Glance has just accepted it; `before` is the image's record from before, if known."""
        if self._pid != os.getpid():
            self._begin_anew()
        followed.until = self._clock() + self._limit
        with self._changing:
            earlier = self.images.pop(followed.image_id, None)
            is_full = len(self.images) >= self._maximum
            if not is_full:
                self.images[followed.image_id] = followed
                heapq.heappush(self._due, self._entry(followed))
        if earlier is not None:
            self._succeed(earlier, before)
        if is_full:
            self._give_up(followed, f"{self._maximum} others are followed already (follow_max)")
        with self._changing:
            if not self._runs:
                self._start(self._run)
                self._runs = True
        self._wake.set()

    def of(self, image_id: str | None) -> Followed | None:
        """What is followed of an image, by this process."""
        return self.images.get(str(image_id)) if self._pid == os.getpid() else None

    @harmless
    def saw(self, followed: Followed, record: Record) -> None:
        """The image's record, from a request that began after it was accepted."""
        accepted = followed.accepted
        with followed.telling:
            if followed.ended:
                return
            if asynchronous.has_settled(accepted, record, followed.task):
                told = asynchronous.events(accepted, record, prepared=followed.prepared)
                self._end(followed, told)
                return
            followed.task = followed.task or record.get(LOCK)
            if not followed.prepared and asynchronous.has_begun(accepted, record):
                followed.prepared = True
                self._telling.tell([asynchronous.prepare(accepted, record)], followed.who)

    def _succeed(self, earlier: Followed, before: Record | None) -> None:
        """Glance accepts another operation only when the earlier one has ended.

        Of an image that has data already that is a copy, and the record before it is known. Else
        the earlier one has failed.
        """
        with earlier.telling:
            if not earlier.ended:
                accepted, prepared = earlier.accepted, earlier.prepared
                self._end(earlier, asynchronous.events(accepted, before or {}, prepared=prepared))

    # -- in the thread ----------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.clear()
            self._wake.wait(self.turn())

    def turn(self) -> float | None:
        """Look one record up, if it is time; returns the seconds to the next, None: there is none.

        Does not raise.
        """
        followed = self._pop()
        if followed is not None and not followed.ended:
            try:
                self._look_at(followed)
            except Exception as error:
                if not followed.complained:
                    followed.complained = True
                    log_error("what Glance does after a 202 cannot be followed", error)
            self._look_again_later(followed)
        with self._changing:
            return max(0.0, self._due[0][0] - self._clock()) if self._due else None

    def _pop(self) -> Followed | None:
        with self._changing:
            if self._due and self._due[0][0] <= self._clock():
                return heapq.heappop(self._due)[2]
        return None

    def _look_at(self, followed: Followed) -> None:
        operation = followed.accepted.operation
        found = self._look.found(operation, followed.snapshot, quietly=followed.complained)
        if found.record is not None:
            self.saw(followed, found.record)
        elif found.status in _GONE:
            self._give_up(followed, "the image is gone")
        elif found.status is None:
            followed.complained = True

    def _look_again_later(self, followed: Followed) -> None:
        if followed.ended:
            return
        if self._clock() >= followed.until:
            self._give_up(followed, f"Glance had not ended it after {self._limit:g} s")
            return
        with self._changing:
            heapq.heappush(self._due, self._entry(followed))

    def _entry(self, followed: Followed) -> tuple[float, int, Followed]:
        due = min(self._clock() + followed.wait, followed.until)
        followed.wait = min(2 * followed.wait, _LONGEST_WAIT)
        return due, next(self._order), followed

    # -- on any thread ----------------------------------------------------------------------

    @harmless
    def _give_up(self, followed: Followed, why: str) -> None:
        with followed.telling:
            if not followed.ended:
                self._end(followed, [asynchronous.unknown(followed.accepted.operation, why)])

    def _end(self, followed: Followed, told: Sequence[ImageEvent]) -> None:
        followed.ended = True
        with self._changing:
            if self.images.get(followed.image_id) is followed:
                del self.images[followed.image_id]
        self._telling.tell(told, followed.who, followed.intent)


def _start_thread(run: Callable[[], None]) -> None:
    threading.Thread(target=run, name="glance-notify-following", daemon=True).start()
