"""Judges what is seen of an operation that Glance works on after its answer, and tells it.

All of it but `Judge.look_first` is called by the one thread that follows.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from glance_notify_middleware.events import background, tasks
from glance_notify_middleware.events.background import LOCK_KEY, BackgroundWork
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import ImageEvent
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.lookup import Lookup, Record, Snapshot

FIRST_WAIT = 0.5  # seconds from the answer to the first look-up; each further wait is twice as long
LONGEST_WAIT = 30.0
_GONE = (404, 410)

Listed = tuple[tasks.Task, ...]


class Shown(NamedTuple):
    """A record that a request has seen, and handed over. `listed` are Glance's tasks then.

    `is_own`: it was asked for as whoever began the operation. A client that asked for it may be
    shown less (property_protection_file).
    """

    record: Record
    listed: Listed | None = None
    is_own: bool = False


class Handed:
    """What requests have seen and the thread has not judged yet: one record for each operation.

    All of them together are bounded: while Glance's database hangs, and with it the thread,
    clients go on to ask. What has no room is left out; the thread looks for itself.
    """

    def __init__(self, most: int = 4 * 1024 * 1024) -> None:
        """`most` is in characters."""
        self._most = most
        self._held = 0
        self._lock = threading.Lock()
        self._shown: dict[Followed, tuple[Shown, int]] = {}

    def put(self, followed: "Followed", shown: Shown) -> bool:
        """Keep it; returns whether nothing was there before it. One that shows the end stays."""
        size = len(repr(shown))
        with self._lock:
            kept, freed = self._shown.get(followed, (None, 0))
            if kept is not None and _shows_the_end(followed, kept):
                return False
            if self._held - freed + size > self._most:
                return False
            self._shown[followed] = shown, size
            self._held += size - freed
            return kept is None

    def take(self, followed: "Followed") -> Shown | None:
        """What was put last; None: nothing since the last call."""
        with self._lock:
            shown, freed = self._shown.pop(followed, (None, 0))
            self._held -= freed
            return shown


@dataclass(slots=True, eq=False)
class Followed:
    """One operation that Glance has accepted, and what was seen of it so far.

    `snapshot` is `lookup.lasting`; `earlier_tasks` are the ids of the image's tasks from before,
    None: not known. What follows in the list belongs to the thread.
    """

    accepted: BackgroundWork
    who: Requester
    intent: Intent | None
    snapshot: Snapshot
    earlier_tasks: frozenset[str] | None = None
    until: float = 0.0  # of the clock: then it is given up
    wait: float = FIRST_WAIT
    task: object = None  # who was first seen to hold Glance's lock on the image
    prepared: bool = False
    ended: bool = False
    complained: bool = False  # something has failed, and the log says so

    @property
    def key(self) -> str:
        """What it is found by: the image's id; a task's record path, which no image's id can be."""
        operation = self.accepted.operation
        return operation.record_path if operation.image_id is None else operation.image_id


def _shows_the_end(followed: Followed, shown: Shown) -> bool:
    prepared, task = followed.prepared, followed.task
    return background.has_ended(followed.accepted, shown.record, task, prepared=prepared)


class Judge:
    """What look-ups and requests have seen -> whether it has ended, and how; told at once."""

    def __init__(self, look: Lookup, emitter: Emitter, handed: Handed) -> None:
        self._look = look
        self._emitter = emitter
        self._handed = handed

    # -- on the thread of a request -----------------------------------------------------------

    def look_first(self, followed: Followed) -> Shown | None:
        """What is to be seen before a request changes the image; None: nothing is."""
        record = self._look.record(followed.accepted.operation, followed.snapshot)
        if record is None:
            return None
        may_be_anothers = background.may_hold_later_data(record, followed.task)
        listed = self._tasks(followed) if may_be_anothers else None
        return Shown(record, listed, is_own=True)

    # -- on the thread that follows -------------------------------------------------------------

    def look_at(self, followed: Followed) -> None:
        """Look it up, and tell what has come of it."""
        operation = followed.accepted.operation
        found = self._look.found(operation, followed.snapshot, quietly=followed.complained)
        if found.record is not None and operation.image_id is None:
            self._judge_task(followed, found.record)
        elif found.record is not None:
            self._judge(followed, Shown(found.record))
            self._see_whether_it_hangs(followed, found.record)
        elif found.status in _GONE:
            self.judge_shown(followed)  # by what a request saw before it was gone
            what = "task" if operation.image_id is None else "image"
            if not followed.ended:
                self.give_up(followed, f"the {what} is gone")
        elif found.status is None:
            followed.complained = True

    def judge_shown(self, followed: Followed) -> None:
        """By the record that was handed over, if there is one that was not judged yet.

        A client's tells when to look: what is told is what whoever began it may read, where that
        is to be had.
        """
        shown = self._handed.take(followed)
        if shown is None:
            return
        accepted = followed.accepted
        if not shown.is_own and (
            _shows_the_end(followed, shown)
            or (not followed.prepared and background.has_begun(accepted, shown.record))
        ):
            found = self._look.found(accepted.operation, followed.snapshot, quietly=True)
            shown = shown if found.record is None else Shown(found.record)
        self._judge(followed, shown)

    def is_outlived(self, earlier: Followed, later: Followed) -> None:
        """Glance accepts another operation of an image only when the earlier one has ended.

        An import, or a location, is accepted only of an image without data: then an import before
        it has failed; a copy only of one that has data. How a copy ended shows in nothing but
        Glance's list of tasks, once there is another. Where `later` could not look before, nothing
        is inferred.
        """
        self.judge_shown(earlier)
        if earlier.ended:
            return
        listed = self._tasks(earlier)
        if listed is not None and later.earlier_tasks is not None:
            listed = tuple(task for task in listed if task.id in later.earlier_tasks)
        status = self._status(earlier, listed)
        failed: bool | None = None
        if status in (tasks.FAILURE, tasks.SUCCESS):
            failed = status == tasks.FAILURE
        elif later.accepted.before is not None and not earlier.accepted.is_copy:
            failed = not later.accepted.is_copy
        if failed is None:
            self.give_up(earlier, "another has begun, and no look-up shows how this one ended")
            return
        found = self._look.record(earlier.accepted.operation, earlier.snapshot)
        record = background.without_pending_stores(found or later.accepted.before or {})
        self._tell_end(earlier, record, failed=failed)

    def give_up(self, followed: Followed, why: str) -> None:
        """Tell that nobody knows how it ended, and no more."""
        self._end(followed, [background.unknown_outcome_event(followed.accepted.operation, why)])

    def _judge(self, followed: Followed, shown: Shown) -> None:
        accepted, record = followed.accepted, shown.record
        if _shows_the_end(followed, shown):
            self._settle(followed, shown)
            return
        followed.task = followed.task or record.get(LOCK_KEY)
        if not followed.prepared and background.has_begun(accepted, record):
            followed.prepared = True
            self._emitter.emit([background.prepare_event(accepted, record)], followed.who)

    def _judge_task(self, followed: Followed, task: Record) -> None:
        """By the record of a task of the tasks API."""
        operation = followed.accepted.operation
        if not tasks.may_make_image(task):
            self._end(followed, [])
        elif task.get("status") == tasks.FAILURE:
            self._end(followed, tasks.failure_events(operation, task))
        elif task.get("status") == tasks.SUCCESS:
            of_image = operation._replace(image_id=tasks.created_image_id(task))
            if of_image.image_id is None:
                self.give_up(followed, "Glance says that it has ended well, and names no image")
                return
            found = self._look.found(of_image, followed.snapshot, quietly=followed.complained)
            if found.status is None:
                followed.complained = True  # it is looked up again
            else:
                self._end(followed, tasks.success_events(of_image, task, found.record))

    def _see_whether_it_hangs(self, followed: Followed, record: Record) -> None:
        """What fails before it has begun, or while the process ends, Glance 33 leaves locked."""
        if followed.wait == LONGEST_WAIT and not followed.ended and self._has_failed(followed):
            self._tell_end(followed, record, failed=True)

    def _settle(self, followed: Followed, shown: Shown) -> None:
        may_be_anothers = background.may_hold_later_data(shown.record, followed.task)
        failed = True if may_be_anothers and self._has_failed(followed, shown.listed) else None
        self._tell_end(followed, shown.record, failed=failed)

    def _has_failed(self, followed: Followed, listed: Listed | None = None) -> bool:
        """Whether Glance says so of its own task. Where the user may not see it: not."""
        if listed is None:
            listed = self._tasks(followed)
        return self._status(followed, listed) == tasks.FAILURE

    def _tasks(self, followed: Followed) -> Listed | None:
        operation = followed.accepted.operation
        return tasks.parse_listing(self._look.tasks(operation, followed.snapshot), operation.action)

    def _status(self, followed: Followed, listed: Listed | None) -> str | None:
        """How its own task is doing: that which was not there before it, or which held the lock."""
        if listed is None:
            return None
        earlier = followed.earlier_tasks
        own = None if earlier is None else tasks.first_new_id(listed, earlier)
        return tasks.status_of(listed, own or followed.task)

    def _tell_end(self, followed: Followed, record: Record, *, failed: bool | None) -> None:
        prepared = followed.prepared
        told = background.end_events(followed.accepted, record, prepared=prepared, failed=failed)
        self._end(followed, told)

    def _end(self, followed: Followed, told: Sequence[ImageEvent]) -> None:
        followed.ended = True
        self._emitter.emit(told, followed.who, followed.intent)
