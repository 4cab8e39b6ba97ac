"""Decides from what was seen of background work whether it has ended, and how; emits the events."""

from collections.abc import Sequence

from glance_notify_middleware.events import background, tasks
from glance_notify_middleware.events.background import LOCK_KEY
from glance_notify_middleware.events.notification import ImageEvent
from glance_notify_middleware.recorder import Counted
from glance_notify_middleware.wsgi import followed_work
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.followed_work import (
    FollowedWork,
    SeenRecord,
    TaskListing,
    UnjudgedRecords,
)
from glance_notify_middleware.wsgi.lookup import Lookup, Record

_GONE = (404, 410)


class OutcomeJudge:
    """Judges background work by look-ups of its own and by the records that requests have seen.

    `look_before_change` is called on the threads of requests; all other methods on the one thread
    that follows (`give_up` on a request's thread, too, for work that is not followed).
    """

    def __init__(self, lookup: Lookup, emitter: Emitter, unjudged: UnjudgedRecords) -> None:
        self._lookup = lookup
        self._emitter = emitter
        self._unjudged = unjudged

    # -- on the thread of a request -----------------------------------------------------------

    def look_before_change(self, followed: FollowedWork) -> SeenRecord | None:
        """What a look-up shows before a request changes the image; None where it shows nothing."""
        record = self._lookup.record(followed.work.operation, followed.snapshot)
        if record is None:
            return None
        may_be_later_data = background.may_hold_later_data(record, followed.lock_holder)
        listing = self._listing(followed) if may_be_later_data else None
        return SeenRecord(record, listing, is_own=True)

    # -- on the thread that follows -------------------------------------------------------------

    def look_up(self, followed: FollowedWork) -> None:
        """Look the image, or the task, up, and emit what follows from it."""
        operation = followed.work.operation
        found = self._lookup.ask(operation, followed.snapshot, quietly=followed.failure_is_logged)
        if found.record is not None and operation.image_id is None:
            self._judge_task(followed, found.record)
        elif found.record is not None:
            self._judge(followed, SeenRecord(found.record))
            self._check_for_stuck_lock(followed, found.record)
        elif found.status in _GONE:
            self.judge_seen(followed)  # by what a request saw before it was gone
            what = "task" if operation.image_id is None else "image"
            if not followed.ended:
                self.give_up(followed, f"the {what} is gone")
        elif found.status is None:
            followed.failure_is_logged = True

    def judge_seen(self, followed: FollowedWork) -> None:
        """Judge by the unjudged record of the work, if there is one.

        The record that a client was shown says when to look. The events carry what the requester
        of the work may read, where a look-up as that requester gives a record.
        """
        seen = self._unjudged.take(followed)
        if seen is None:
            return
        work = followed.work
        if not seen.is_own and (
            followed.has_ended_in(seen.record)
            or (not followed.prepared and background.has_begun(work, seen.record))
        ):
            found = self._lookup.ask(work.operation, followed.snapshot, quietly=True)
            seen = seen if found.record is None else SeenRecord(found.record)
        self._judge(followed, seen)

    def end_superseded(self, earlier: FollowedWork, later: FollowedWork) -> None:
        """End the `earlier` work, as Glance has accepted the `later` work on the same image.

        Glance accepts another operation on an image only when the earlier one has ended. It
        accepts an import, or a location, only for an image without data: then an import before it
        has failed. It accepts a copy only for an image with data: then an import before it has
        succeeded. How a copy ended is shown by Glance's list of tasks alone, once another one has
        begun. Where the look-up before `later` failed, nothing is inferred.
        """
        self.judge_seen(earlier)
        if earlier.ended:
            return
        listing = self._listing(earlier)
        if listing is not None and later.earlier_tasks is not None:
            listing = tuple(task for task in listing if task.id in later.earlier_tasks)
        status = self._task_status(earlier, listing)
        failed: bool | None = None
        if status in (tasks.FAILURE, tasks.SUCCESS):
            failed = status == tasks.FAILURE
        elif later.work.before is not None and not earlier.work.is_copy:
            failed = not later.work.is_copy
        if failed is None:
            self.give_up(earlier, "another has begun, and no look-up shows how this one ended")
            return
        found = self._lookup.record(earlier.work.operation, earlier.snapshot)
        record = background.without_pending_stores(found or later.work.before or {})
        self._end_by(record, earlier, failed=failed)

    def give_up(self, followed: FollowedWork, why: str) -> None:
        """End the work with the ERROR that its outcome is unknown, for the reason `why`."""
        event = background.unknown_outcome_event(followed.work.operation, why)
        if self._emitter.wants(event.event_type, event.priority):
            self._emitter.count(Counted.UNKNOWN)
        self._end(followed, [event])

    def _judge(self, followed: FollowedWork, seen: SeenRecord) -> None:
        work, record = followed.work, seen.record
        if followed.has_ended_in(record):
            failed: bool | None = None
            if background.may_hold_later_data(record, followed.lock_holder):
                failed = self._task_has_failed(followed, seen.tasks) or None
            self._end_by(record, followed, failed=failed)
            return
        followed.lock_holder = followed.lock_holder or record.get(LOCK_KEY)
        if not followed.prepared and background.has_begun(work, record):
            followed.prepared = True
            self._emitter.emit([background.prepare_event(work, record)], followed.requester)

    def _judge_task(self, followed: FollowedWork, task: Record) -> None:
        """Judge by the record of a task of the tasks API."""
        operation = followed.work.operation
        if not tasks.may_make_image(task):
            self._end(followed, [])
        elif task.get("status") == tasks.FAILURE:
            self._end(followed, tasks.failure_events(operation, task))
        elif task.get("status") == tasks.SUCCESS:
            of_image = operation._replace(image_id=tasks.created_image_id(task))
            if of_image.image_id is None:
                self.give_up(followed, "Glance says that it has ended well, and names no image")
                return
            quietly = followed.failure_is_logged
            found = self._lookup.ask(of_image, followed.snapshot, quietly=quietly)
            if found.status is None:
                followed.failure_is_logged = True  # the next turn looks it up again
            else:
                self._end(followed, tasks.success_events(of_image, task, found.record))

    def _check_for_stuck_lock(self, followed: FollowedWork, record: Record) -> None:
        """End the work that has failed although its record is still locked.

        Glance 33 leaves the lock on the image when an import fails before it has begun, or while
        the process ends. Glance's list of tasks is asked for only at the longest wait.
        """
        at_longest_wait = followed.wait == followed_work.LONGEST_WAIT
        if at_longest_wait and not followed.ended and self._task_has_failed(followed):
            self._end_by(record, followed, failed=True)

    def _task_has_failed(self, followed: FollowedWork, listing: TaskListing | None = None) -> bool:
        """Whether Glance lists the task of this work as failed.

        False where the requester may not see the tasks. Without `listing` Glance is asked for it.
        """
        if listing is None:
            listing = self._listing(followed)
        return self._task_status(followed, listing) == tasks.FAILURE

    def _listing(self, followed: FollowedWork) -> TaskListing | None:
        operation = followed.work.operation
        listing = self._lookup.task_listing(operation, followed.snapshot)
        return tasks.parse_listing(listing, operation.action)

    def _task_status(self, followed: FollowedWork, listing: TaskListing | None) -> str | None:
        """The status of the work's own task: the first task after the earlier ones.

        Where that is not clear: the task that was seen to hold the lock. None where neither is
        listed.
        """
        if listing is None:
            return None
        earlier = followed.earlier_tasks
        own_id = None if earlier is None else tasks.first_new_id(listing, earlier)
        return tasks.status_of(listing, own_id or followed.lock_holder)

    def _end_by(self, record: Record, followed: FollowedWork, *, failed: bool | None) -> None:
        """End the work with the events that `record` shows.

        `failed` None: the record shows, too, whether the work has failed.
        """
        prepared = followed.prepared
        events = background.end_events(followed.work, record, prepared=prepared, failed=failed)
        self._end(followed, events)

    def _end(self, followed: FollowedWork, events: Sequence[ImageEvent]) -> None:
        followed.ended = True
        self._emitter.emit(events, followed.requester, followed.intent)
