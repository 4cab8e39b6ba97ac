"""Background work that is followed, and the records of it that are still to be judged."""

import threading
from dataclasses import dataclass
from typing import NamedTuple

from glance_notify_middleware.events import background, tasks
from glance_notify_middleware.events.background import BackgroundWork
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.wsgi.lookup import Record
from glance_notify_middleware.wsgi.snapshot import Snapshot

FIRST_WAIT = 0.5
"""Seconds from the response to the first look-up. Each further wait is twice as long."""

LONGEST_WAIT = 30.0
"""Seconds between two look-ups, at most."""

TaskListing = tuple[tasks.Task, ...]


@dataclass(slots=True, eq=False)
class FollowedWork:
    """One piece of background work, and what was seen of it so far.

    `requester` and `intent` are those of the request that began the work. `snapshot` is a
    `lasting_snapshot`. `earlier_tasks` are the ids of the tasks that Glance listed for the image
    before the request; None where they are not known.

    The attributes below `earlier_tasks` belong to the thread that follows, and `deadline` to
    `Follower.follow` before that.
    """

    work: BackgroundWork
    requester: Requester
    intent: Intent | None
    snapshot: Snapshot
    earlier_tasks: frozenset[str] | None = None
    deadline: float = 0.0  # of the follower's clock, in seconds: then the outcome is unknown
    wait: float = FIRST_WAIT  # seconds to the next look-up
    lock_holder: object = None  # the task that was first seen to hold Glance's lock on the image
    prepared: bool = False  # image.prepare has been emitted
    ended: bool = False  # the events of the end have been emitted
    failure_is_logged: bool = False  # a look-up or a judgement has failed, and the log says so

    @property
    def key(self) -> str:
        """The image's id; for a task of the tasks API the path of the task record.

        No image's id can be such a path, as it contains slashes.
        """
        operation = self.work.operation
        return operation.record_path if operation.image_id is None else operation.image_id

    def has_ended_in(self, record: Record) -> bool:
        """Whether this image record shows that Glance has ended the work."""
        return background.has_ended(self.work, record, self.lock_holder, prepared=self.prepared)


class SeenRecord(NamedTuple):
    """An image record that a request, or a look-up, has seen.

    `tasks` is Glance's list of the image's tasks at that time; None where nobody asked for it.
    `is_own`: the record was looked up as the requester of the work. A client that asks for the
    record may be shown fewer properties (property_protection_file).
    """

    record: Record
    tasks: TaskListing | None = None
    is_own: bool = False


class UnjudgedRecords:
    """What requests have seen and the thread that follows has not judged yet.

    One record of each piece of work is kept. All records together are bounded: while Glance's
    database hangs, and with it the thread, clients still ask for records. A record that finds no
    room is dropped: the thread looks the image up itself.
    """

    def __init__(self, max_size: int = 4 * 1024 * 1024) -> None:
        """`max_size` is in characters of the records' repr."""
        self._max_size = max_size
        self._size = 0
        self._lock = threading.Lock()
        self._records: dict[FollowedWork, tuple[SeenRecord, int]] = {}

    def put(self, followed: FollowedWork, seen: SeenRecord) -> bool:
        """Keep the record in place of the one before it; a record that shows the end stays.

        Returns whether it was kept and there was none before it: then the thread is to be woken.
        """
        size = len(repr(seen))
        with self._lock:
            kept, freed = self._records.get(followed, (None, 0))
            if kept is not None and followed.has_ended_in(kept.record):
                return False
            if self._size - freed + size > self._max_size:
                return False
            self._records[followed] = seen, size
            self._size += size - freed
            return kept is None

    def take(self, followed: FollowedWork) -> SeenRecord | None:
        """The record that was put last; None where none was put since the last call."""
        with self._lock:
            seen, freed = self._records.pop(followed, (None, 0))
            self._size -= freed
            return seen
