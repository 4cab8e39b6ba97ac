"""One operation, up to its response: gathers the facts of the request, and makes its look-ups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from glance_notify_middleware.events import addresses, identity, rules
from glance_notify_middleware.events.addresses import Proxy
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.operations import Action, Operation, Source, as_download
from glance_notify_middleware.recorder import RunningDownload
from glance_notify_middleware.runtime.own_log import log_error, never_raises
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.lookup import Lookup, Record
from glance_notify_middleware.wsgi.placement import CACHE_KEY, Placement
from glance_notify_middleware.wsgi.plan import RoutePlan
from glance_notify_middleware.wsgi.request import SeenRequest
from glance_notify_middleware.wsgi.request_records import RequestRecords
from glance_notify_middleware.wsgi.response import SeenResponse
from glance_notify_middleware.wsgi.snapshot import copy_environ

_NOBODY = Requester()


def may_be_cached(operation: Operation, environ: WSGIEnvironment) -> bool:
    """Whether Glance's cache filter may answer this upload, as a download.

    An upload by `?_method=` alone is a GET to the cache filter.
    """
    return operation.route.action is Action.UPLOAD and environ["REQUEST_METHOD"] == "GET"


@dataclass(frozen=True, slots=True)
class FilterServices:
    """What all observations of one filter share."""

    app: WSGIApplication
    lookup: Lookup
    emitter: Emitter
    follower: Follower
    placement: Placement
    trusted_proxies: Sequence[Proxy]


class SeenOperation(SeenRequest):
    """One operation, from before the application is called until its response is under way.

    `begin` is to be called first. An ApplicationCall calls the other hooks, in their order here.
    `sends_data`: the body is image data, or may be, while the status is not known.

    The attributes that most requests do not need have their defaults in the class.
    """

    _may_be_cached = False  # Glance's cache filter may answer: see `may_be_cached`
    _prepared = False  # image.prepare has been emitted
    _intent: Intent | None = None
    _environ_before: Mapping[str, Any] = {}  # where a look-up can be made
    _made_records: RequestRecords | None = None
    _cached_owner: Record | None = None  # owner and size of the image, as cached before the call
    sends_data = False

    def __init__(
        self,
        services: FilterServices,
        plan: RoutePlan,
        operation: Operation,
        environ: WSGIEnvironment,
    ) -> None:
        self._services = services
        self._plan = plan
        self._operation = operation
        self.environ = environ
        self.named_before = identity.from_context(environ)
        self.response = SeenResponse()
        if operation.route.source is Source.OWNER:
            self._cached_owner = services.lookup.cached_owner(operation)
        if plan.looks_up and self._cached_owner is None:
            self._environ_before = copy_environ(environ)
        if plan.may_send_data:
            self.sends_data = operation.route.action is Action.SEND
            self._may_be_cached = not self.sends_data and may_be_cached(operation, environ)
            if self.sends_data or self._may_be_cached:
                proxies = services.trusted_proxies
                self.destination_ip = addresses.destination_ip(environ, proxies)

    @property
    def _records(self) -> RequestRecords:
        """The records of this request; most requests that need no look-up need no such object."""
        made = self._made_records
        if made is None:
            made = RequestRecords(
                self._services.lookup,
                self._plan.lookups,
                self._environ_before,
                self.response,
                self._cached_owner,
            )
            self._made_records = made
        return made

    def _owner_and_size(self) -> Record | None:
        """A record with owner and size of the image that is sent."""
        return self._cached_owner or self._records.owner_and_size(self._operation)

    # -- before the application is called ---------------------------------------------------

    def begin(self) -> None:
        """Watch the input, make the look-ups that come before the call, and record the intent."""
        services, plan = self._services, self._plan
        operation = self._operation
        if self.sends_data and CACHE_KEY in self.environ:
            services.placement.note_cache_keys()
        if plan.input_kept:
            self.watch_input(self._on_read, plan.input_kept)
        if plan.looks_first or services.follower.latest:
            self._records.look_before_call(operation, services.follower)
        if plan.begins:
            requester = self.named_before or _NOBODY
            self._intent = services.emitter.begin(operation, requester, self.destination_ip)

    # -- while the application reads the request --------------------------------------------

    @never_raises
    def _on_read(self) -> bool:
        """Act on what was read so far; returns whether later reads do not matter."""
        seen, operation = self.input, self._operation
        if seen is None:
            return True
        if operation.route.action is Action.UPLOAD:
            if not seen.bytes_read or self._prepared:
                return self._prepared
            self._prepared = True
            if self._plan.lookups.record_at_prepare:
                prepare = rules.prepare_event(operation, self._records.now(operation))
                self._services.emitter.emit([prepare], self.requester())
        elif operation.route.action is Action.PATCH:
            if not seen.is_cut and not rules.may_change_locations(seen.head):
                return False
            self._records.look_before_locations(operation)
        return True

    # -- while the application answers ------------------------------------------------------

    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        """The application has given its status line and headers, or with exc_info replaced them."""
        try:
            self.response.start(status, headers)
            if self._plan.may_send_data:
                self._start_maybe_data()
        except Exception as error:
            log_error("notifications of a request may be missing", error)

    def _start_maybe_data(self) -> None:
        carries_data = self.response.carries_data
        if self._may_be_cached and carries_data:
            self._operation = as_download(self._operation)
        self.sends_data = carries_data and self._operation.route.action is Action.SEND

    def go_on_sending(self, download: RunningDownload) -> None:
        """The server has passed the first chunk of a download on, and there are more to come."""
        try:
            if self._cached_owner is None:
                self._records.look_while_sending(self._operation)
            if self._intent is not None:
                self._services.emitter.remind(download)
        except Exception as error:
            log_error("notifications of a request may be missing", error)

    @never_raises
    def record_progress(self, bytes_sent: int) -> None:
        """Record that so many bytes of a download have left, if it has an intent."""
        if self._intent is not None:
            owner = (self._owner_and_size() or {}).get("owner")
            self._services.emitter.progress(self._intent, Progress(bytes_sent, owner))
