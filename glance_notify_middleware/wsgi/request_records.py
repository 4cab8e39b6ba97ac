"""The records of one request: those of its response, and those of look-ups as its plan states."""

from collections.abc import Mapping
from typing import Any

from glance_notify_middleware.events import tasks
from glance_notify_middleware.events.operations import Operation, Source
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.lookup import Lookup, Record
from glance_notify_middleware.wsgi.plan import LookupPlan
from glance_notify_middleware.wsgi.response import SeenResponse
from glance_notify_middleware.wsgi.snapshot import Snapshot, lasting_snapshot, take_snapshot

_NOT_LOOKED_UP: Record = {}


class RequestRecords:
    """Looks records up as the requester, and finds them in `response`.

    `before` is the record that the operation is about, as it was before the operation.
    `earlier_tasks` are the ids of the tasks that Glance listed for the image then. Each is None
    where the plan does not ask for it, or where Glance did not give it.
    """

    _owner: Record | None = _NOT_LOOKED_UP
    _taken: Snapshot | None = None  # the snapshot, once a look-up has needed it
    before: Record | None = None
    earlier_tasks: frozenset[str] | None = None

    def __init__(
        self,
        lookup: Lookup,
        plan: LookupPlan,
        environ_before: Mapping[str, Any],
        response: SeenResponse,
        cached_owner: Record | None = None,
    ) -> None:
        """`environ_before` is made by `copy_environ`; empty where the plan has no look-ups.
        `cached_owner` has owner and size of the image that is sent, if they are known already."""
        self._lookup = lookup
        self._plan = plan
        self._environ_before = environ_before
        self._response = response
        if cached_owner is not None:
            self._owner = cached_owner

    @property
    def _snapshot(self) -> Snapshot:
        if self._taken is None:
            self._taken = take_snapshot(self._environ_before)
        return self._taken

    def look_before_call(self, operation: Operation, follower: Follower) -> None:
        """Make the look-ups that come before the application is called."""
        plan = self._plan
        if plan.followed_work and follower.latest:
            followed = follower.find(operation.image_id)
            if followed is not None:
                follower.look_before_change(followed)
        if plan.record_before:
            self.before = self._lookup.record(operation, self._snapshot)
        if plan.task_listing:
            listing = self._lookup.task_listing(operation, self._snapshot)
            self.earlier_tasks = tasks.ids_to_keep(tasks.parse_listing(listing, operation.action))

    def look_before_locations(self, operation: Operation) -> None:
        """Make the look-up that comes before a patch changes locations; it is still being read."""
        if self._plan.record_before_locations:
            self.before = self._lookup.record(operation, self._snapshot)

    def now(self, operation: Operation) -> Record | None:
        """The record that the operation is about, as it is now."""
        return self._lookup.record(operation, self._snapshot)

    def look_while_sending(self, operation: Operation) -> None:
        """Make the look-up of owner and size, if most downloads need it; the body is being sent.

        The client has the first chunk by now. A look-up before it would delay the client, and one
        at the end would find nothing of an image that was deleted meanwhile.
        """
        if self._plan.owner_early:
            self.owner_and_size(operation)

    def owner_and_size(self, operation: Operation) -> Record | None:
        """A record with owner and size of the image that is sent; looked up once."""
        if operation.route.source is Source.HEADERS:
            return self._response.record_in_headers()
        if self._owner is _NOT_LOOKED_UP and self._plan.owner:
            self._owner = None
            self._owner = self._lookup.owner_and_size(operation, self._snapshot)
        return self._owner

    def from_source(self, source: Source | None, operation: Operation) -> Record | None:
        """The record that the payload is made of; None where it is not to be had."""
        match source:
            case Source.ANSWER:
                return self._response.record_in_body(operation.route.version)
            case Source.BEFORE:
                return self.before
            case Source.OWNER | Source.HEADERS:
                return self.owner_and_size(operation)
            case Source.AFTER:
                return self._lookup.record(operation, self._snapshot)
            case _:
                return None

    def lasting_snapshot(self, context: Any) -> Snapshot:
        """What look-ups for hours need; `context` is Glance's, None where there is none."""
        return lasting_snapshot(self._snapshot, context)
