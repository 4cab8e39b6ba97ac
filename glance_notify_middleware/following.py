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
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from glance_notify_middleware import asynchronous
from glance_notify_middleware.asynchronous import LOCK, Accepted
from glance_notify_middleware.ending import at_the_end
from glance_notify_middleware.events import ImageEvent
from glance_notify_middleware.harmless import log_error
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.intent import Intent
from glance_notify_middleware.lookup import Lookup, Record, Snapshot
from glance_notify_middleware.telling import Telling

_FIRST_WAIT = 0.5  # seconds from the 202 to the first look-up; each further wait is twice as long
_LONGEST_WAIT = 30.0
_LAST_LOOK = 1.0  # seconds that the end of a process waits for
_GONE = (404, 410)


@dataclass(slots=True, eq=False)
class Followed:
    """One operation that Glance has accepted, and what was seen of it so far.

    `snapshot` is `lookup.lasting`. What follows it in the list belongs to the thread.
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
    complained: bool = False  # something has failed, and the log says so

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
        self._start = start
        self._order = itertools.count()
        self._looks_at_the_end = False  # what a forked child does if its parent does
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._pid = os.getpid()
        self._starting = threading.Lock()
        self._runs = False
        self._seen: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._due: list[tuple[float, int, Followed]] = []  # a heap
        self.images: dict[str, Followed] = {}

    # -- on the threads of requests ---------------------------------------------------------

    def follow(self, followed: Followed, before: Record | None) -> None:
        """Glance has just accepted it; `before` is the image's record from before, if known."""
        if self._pid != os.getpid():
            self._begin_anew()
        followed.until = self._clock() + self._limit
        self._put(followed, functools.partial(self._begin, followed, before))
        with self._starting:
            if not self._runs:
                (self._start or self._start_thread)(self._run)
                self._runs = True

    def of(self, image_id: str | None) -> Followed | None:
        """What is followed of an image, by this process."""
        return self.images.get(str(image_id)) if self._pid == os.getpid() else None

    def saw(self, followed: Followed, record: Record) -> None:
        """The image's record, as it was shown to a client that asked after it was accepted."""
        self._put(followed, functools.partial(self._saw, followed, record))

    def _put(self, followed: Followed, step: Callable[[], None]) -> None:
        self._seen.put(functools.partial(self._try, followed, step))

    def _start_thread(self, run: Callable[[], None]) -> None:
        threading.Thread(target=run, name="glance-notify-following", daemon=True).start()
        if not self._looks_at_the_end:
            at_the_end(self.last_look)
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
            self._try(followed, functools.partial(self._look_at, followed))
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

    def _begin(self, followed: Followed, before: Record | None) -> None:
        earlier = self.images.pop(followed.image_id, None)
        if earlier is not None:
            self._try(earlier, functools.partial(self._succeed, earlier, before))
        if len(self.images) >= self._maximum:
            self._give_up(followed, f"{self._maximum} others are followed already (follow_max)")
            return
        self.images[followed.image_id] = followed
        self._look_again_later(followed)

    def _succeed(self, earlier: Followed, before: Record | None) -> None:
        """Glance accepts another operation only when the earlier one has ended.

        An import or a location is accepted only of an image without data, and then the earlier
        one has failed; a copy only of one that has data, as the record before it shows.
        """
        self._settle(earlier, before or {})

    def _look_at_all(self) -> None:
        for followed in list(self.images.values()):
            followed.wait = _LONGEST_WAIT  # there is no later look at what hangs
            self._try(followed, functools.partial(self._look_at, followed))

    def _look_at(self, followed: Followed) -> None:
        operation = followed.accepted.operation
        found = self._look.found(operation, followed.snapshot, quietly=followed.complained)
        if found.record is not None:
            self._judge(followed, found.record)
            self._see_whether_it_hangs(followed, found.record)
        elif found.status in _GONE:
            self._give_up(followed, "the image is gone")
        elif found.status is None:
            followed.complained = True

    def _saw(self, followed: Followed, shown: Record) -> None:
        """It tells when to look. The client may be shown less than whoever made the request
        (property_protection_file): what is told is theirs, if we are shown anything as them."""
        accepted = followed.accepted
        record = shown
        settled = asynchronous.has_settled(
            accepted, shown, followed.task, prepared=followed.prepared
        )
        if settled or (not followed.prepared and asynchronous.has_begun(accepted, shown)):
            found = self._look.found(accepted.operation, followed.snapshot, quietly=True)
            record = shown if found.record is None else found.record
        self._judge(followed, record)

    def _judge(self, followed: Followed, record: Record) -> None:
        accepted = followed.accepted
        if asynchronous.has_settled(accepted, record, followed.task, prepared=followed.prepared):
            self._settle(followed, record)
            return
        followed.task = followed.task or record.get(LOCK)
        if not followed.prepared and asynchronous.has_begun(accepted, record):
            followed.prepared = True
            self._telling.tell([asynchronous.prepare(accepted, record)], followed.who)

    def _see_whether_it_hangs(self, followed: Followed, record: Record) -> None:
        """What fails before it has begun, or while the process ends, Glance 33 leaves locked."""
        if followed.wait == _LONGEST_WAIT and not followed.ended and self._has_failed(followed):
            self._tell_end(followed, record, failed=True)

    def _settle(self, followed: Followed, record: Record) -> None:
        failed = asynchronous.may_be_anothers(record) and self._has_failed(followed)
        self._tell_end(followed, record, failed=failed)

    def _has_failed(self, followed: Followed) -> bool:
        tasks = self._look.tasks(followed.accepted.operation, followed.snapshot)
        return asynchronous.has_failed(tasks or {}, followed.who.request_id)

    def _tell_end(self, followed: Followed, record: Record, *, failed: bool) -> None:
        prepared = followed.prepared
        told = asynchronous.events(followed.accepted, record, prepared=prepared, failed=failed)
        self._end(followed, told)

    def _look_again_later(self, followed: Followed) -> None:
        now = self._clock()
        if now >= followed.until:
            self._give_up(followed, f"Glance had not ended it after {self._limit:g} s")
            return
        due = min(now + followed.wait, followed.until)
        followed.wait = min(2 * followed.wait, _LONGEST_WAIT)
        heapq.heappush(self._due, (due, next(self._order), followed))

    def _give_up(self, followed: Followed, why: str) -> None:
        self._end(followed, [asynchronous.unknown(followed.accepted.operation, why)])

    def _end(self, followed: Followed, told: Sequence[ImageEvent]) -> None:
        followed.ended = True
        if self.images.get(followed.image_id) is followed:
            del self.images[followed.image_id]
        self._telling.tell(told, followed.who, followed.intent)
