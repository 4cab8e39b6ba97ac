"""One request/response pair: gathers its facts, makes the look-ups, and emits the events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from wsgiref.types import WSGIEnvironment

from glance_notify_middleware.events import background, identity, rules, tasks
from glance_notify_middleware.events.background import BackgroundWork
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Proxy, Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.operations import Action, Operation, as_download
from glance_notify_middleware.recorder import RunningDownload
from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.followed_work import FollowedWork
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.lookup import Lookup
from glance_notify_middleware.wsgi.placement import CACHE_KEY, Placement
from glance_notify_middleware.wsgi.plan import RoutePlan
from glance_notify_middleware.wsgi.request import SeenRequest
from glance_notify_middleware.wsgi.request_records import RequestRecords
from glance_notify_middleware.wsgi.response import SeenResponse
from glance_notify_middleware.wsgi.snapshot import take_snapshot

_NOBODY = Requester()


def may_be_cached(operation: Operation, environ: WSGIEnvironment) -> bool:
    """Whether Glance's cache filter may answer this upload, as a download.

    An upload by `?_method=` alone is a GET to the cache filter.
    """
    return operation.route.action is Action.UPLOAD and environ["REQUEST_METHOD"] == "GET"


@dataclass(frozen=True, slots=True)
class FilterServices:
    """What all observations of one filter share."""

    lookup: Lookup
    emitter: Emitter
    follower: Follower
    placement: Placement
    trusted_proxies: Sequence[Proxy]


class Observation:
    """Watches one operation, from before the application is called to the end of its response.

    `begin` is to be called first. An ApplicationCall calls the other hooks, in their order here.
    Events are emitted as they become known: most of them at the end, image.prepare in the middle of
    an upload. `sends_data`: the body is image data, or may be, while the status is not known.
    """

    __slots__ = (
        "_intent",
        "_may_be_cached",
        "_operation",
        "_plan",
        "_prepared",
        "_records",
        "_request",
        "_services",
        "response",
        "sends_data",
    )

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
        self._may_be_cached = may_be_cached(operation, environ)
        self._prepared = False  # image.prepare has been emitted
        self._intent: Intent | None = None

        self.sends_data = operation.route.action is Action.SEND
        may_send_data = self.sends_data or self._may_be_cached
        destination_ip = (
            identity.destination_ip(environ, services.trusted_proxies) if may_send_data else None
        )
        snapshot = take_snapshot(environ) if plan.needs_snapshot else {}
        self._request = SeenRequest(environ, destination_ip)
        self.response = SeenResponse()
        self._records = RequestRecords(services.lookup, plan.lookups, snapshot, self.response)

    # -- before the application is called ---------------------------------------------------

    def begin(self) -> None:
        """Watch the input, make the look-ups that come before the call, and record the intent."""
        services, request, operation = self._services, self._request, self._operation
        if CACHE_KEY in request.environ:
            services.placement.note_cache_keys(operation)
        if self._plan.input_kept:
            request.watch_input(self._on_read, self._plan.input_kept)
        self._records.look_before_call(operation, services.follower)
        requester = request.named_before or _NOBODY
        self._intent = services.emitter.begin(operation, requester, request.destination_ip)

    # -- while the application reads the request --------------------------------------------

    @never_raises
    def _on_read(self) -> bool:
        """Act on what was read so far; returns whether later reads do not matter."""
        seen, operation = self._request.input, self._operation
        if seen is None:
            return True
        if operation.route.action is Action.UPLOAD:
            if not seen.bytes_read or self._prepared:
                return self._prepared
            self._prepared = True
            if self._plan.lookups.record_at_prepare:
                prepare = rules.prepare_event(operation, self._records.now(operation))
                self._services.emitter.emit([prepare], self._request.requester())
        elif operation.route.action is Action.PATCH:
            if not seen.is_cut and not rules.may_change_locations(seen.head):
                return False
            self._records.look_before_locations(operation)
        return True

    # -- while the application answers ------------------------------------------------------

    @never_raises
    def start(self, status: str, headers: list[tuple[str, str]]) -> None:
        """The application has given its status line and headers, or with exc_info replaced them."""
        response = self.response
        response.start(status, headers)
        if self._may_be_cached and response.carries_data:
            self._operation = as_download(self._operation)
        is_download = self._operation.route.action is Action.SEND
        self.sends_data = is_download and response.carries_data

    def start_data(self, download: RunningDownload) -> None:
        """The body of a download is about to be given to the server."""
        if self._intent is not None:
            self._services.emitter.remind(download)

    @never_raises
    def look_while_sending(self) -> None:
        """The server has passed the first chunk of a download on, and asks for the next one."""
        self._records.look_while_sending(self._operation)

    @never_raises
    def record_progress(self, bytes_sent: int) -> None:
        """Record that so many bytes of a download have left, if it has an intent."""
        if self._intent is not None:
            owner = (self._records.owner_and_size(self._operation) or {}).get("owner")
            self._services.emitter.progress(self._intent, Progress(bytes_sent, owner))

    # -- at the end -------------------------------------------------------------------------

    @never_raises
    def end(self, error: BaseException | None, exhausted: bool, bytes_sent: int) -> None:
        """The response has ended; to be called once.

        `error` is the exception that ended it, if any. `exhausted` is false where the body was
        closed, or dropped, before its end. `bytes_sent` counts the image data of a download.
        """
        try:
            self._emit_end(error, exhausted, bytes_sent)
        finally:
            self._request.release()

    def _emit_end(self, error: BaseException | None, exhausted: bool, bytes_sent: int) -> None:
        services, operation, environ = self._services, self._operation, self._request.environ
        named_before = self._request.named_before
        if named_before is None:
            services.placement.note_no_context(environ, self.response.status)
        elif identity.was_passed_on(named_before, environ):
            services.placement.note_passed_on(operation)
            services.lookup.forget_owner(operation)
            services.emitter.emit([], named_before, self._intent)
            return
        request = self._request.facts(prepared=self._prepared)
        response = self._response_facts(error, exhausted, bytes_sent)
        exchange = Exchange(operation, request, response, self._records.before)
        if self._plan.follows and rules.goes_on_in_background(exchange):
            self._follow(request)
            return
        source = rules.record_source(exchange, services.emitter.wants)
        record = self._records.from_source(source, operation)
        events = rules.decide(exchange, record, _now)
        services.emitter.emit(events, request.requester, self._intent)
        if operation.route.action is not Action.SEND:
            services.lookup.forget_owner(operation)

    def _follow(self, request: RequestFacts) -> None:
        """Have the background work followed. Its intent stays open until its end is known."""
        if self._operation.action is Action.TASK and not self._has_task(request.requester):
            return
        requested = background.parse_import(request.body_start)
        before = background.needed_fields(self._records.before)
        followed = FollowedWork(
            BackgroundWork(self._operation, requested, before),
            request.requester,
            self._intent,
            self._records.lasting_snapshot(identity.glance_context(self._request.environ)),
            self._records.earlier_tasks,
        )
        self._services.follower.follow(followed)
        self._services.lookup.forget_owner(self._operation)

    def _has_task(self, requester: Requester) -> bool:
        """Whether the response names a task to follow.

        Then a new intent, which names the task, takes the place of the first one.
        """
        emitter, intent = self._services.emitter, self._intent
        task = self.response.record_in_body(self._operation.route.version) or {}
        task_id = task.get("id")
        if not tasks.may_make_image(task):
            emitter.emit([], requester, intent)
            return False
        if not isinstance(task_id, str):
            why = "Glance's answer does not name the task"
            unknown = background.unknown_outcome_event(self._operation, why)
            emitter.emit([unknown], requester, intent)
            return False
        self._operation = self._operation._replace(task_id=task_id)
        self._intent = emitter.begin(self._operation, requester, None)
        emitter.emit([], requester, intent)
        return True

    def _response_facts(
        self, error: BaseException | None, exhausted: bool, bytes_sent: int
    ) -> ResponseFacts:
        response, name = self.response, None if error is None else type(error).__name__
        status, reason = response.status, response.reason
        if self._operation.route.action is not Action.SEND:
            explanation = response.explanation() if response.is_refusal else ""
            return ResponseFacts(status, reason, explanation, name)
        kept = exhausted and self._keeps_promise(bytes_sent)
        return ResponseFacts(status, reason, error=name, bytes_sent=bytes_sent, kept=kept)

    def _keeps_promise(self, bytes_sent: int) -> bool:
        """Whether the response has promised this number of bytes of image data, or none at all."""
        if not self.response.carries_data:
            return True
        return self.response.promised_bytes(self._size) in (bytes_sent, None)

    def _size(self) -> int | None:
        return (self._records.owner_and_size(self._operation) or {}).get("size")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
