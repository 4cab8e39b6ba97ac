"""One request/response pair: everything that is seen of it, until its events are told."""

import functools
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.events import background, identity, rules, tasks
from glance_notify_middleware.events.background import BackgroundWork
from glance_notify_middleware.events.exchange import (
    DATA_STATUSES,
    Exchange,
    RequestFacts,
    ResponseFacts,
)
from glance_notify_middleware.events.identity import Proxy, Requester
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.operations import Action, Operation, Source, as_download
from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi import response_body
from glance_notify_middleware.wsgi.emitting import Emitter
from glance_notify_middleware.wsgi.followed_work import FollowedWork
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.lookup import Lookup, Record
from glance_notify_middleware.wsgi.placement import CACHE_KEY, Placement
from glance_notify_middleware.wsgi.plan import RoutePlan
from glance_notify_middleware.wsgi.request_input import InputTally, unwatch_input, watch_input
from glance_notify_middleware.wsgi.response import SeenResponse, pass_start_response
from glance_notify_middleware.wsgi.snapshot import lasting_snapshot, take_snapshot

Body = Iterable[bytes]

_NOBODY = Requester()


def may_be_cached(operation: Operation, environ: WSGIEnvironment) -> bool:
    """Whether an upload is one by its `_method` alone: to Glance's cache filter it is a GET."""
    return operation.action is Action.UPLOAD and environ["REQUEST_METHOD"] == "GET"


@dataclass(frozen=True, slots=True)
class Equipment:
    """What all observations of a filter have in common."""

    app: WSGIApplication
    lookup: Lookup
    emitter: Emitter
    follower: Follower
    trusted_proxies: Sequence[Proxy]
    placement: Placement


class Observation:
    """Watches one operation, from before the application is called to the end of its answer.

    Events are told as they become known: most at the end, image.prepare in the middle of an
    upload.
    """

    def __init__(
        self,
        equipment: Equipment,
        plan: RoutePlan,
        operation: Operation,
        environ: WSGIEnvironment,
    ) -> None:
        self._app = equipment.app
        self._lookup = equipment.lookup
        self._placement = equipment.placement
        self._emitter = equipment.emitter
        self._follower = equipment.follower
        self._plan = plan
        self._operation = operation
        self._environ = environ

        self._may_be_cached = may_be_cached(operation, environ)
        self._snapshot = take_snapshot(environ) if plan.may_look_up else {}
        self._context = identity.from_context(environ)
        self._destination_ip = (
            identity.destination_ip(environ, equipment.trusted_proxies)
            if operation.action is Action.SEND or self._may_be_cached
            else None
        )

        self._intent: Intent | None = None
        self._input: InputTally | None = None
        self._prepared = False  # image.prepare was told
        self._may_change_locations = False  # the patch is, or may be, about locations
        self._before: Record | None = None
        self._earlier_tasks: frozenset[str] | None = None
        self._owner_asked = False
        self._owner_record: Record | None = None
        self._response = SeenResponse()
        self._body: response_body.WatchedBody | None = None
        self._bytes_written = 0  # image data given to write()
        self._ended = threading.Lock()  # taken by whoever sees the end first, and kept

    def call_app(self, start_response: StartResponse) -> Body:
        """Call the application, once, and return its body under watch."""
        try:
            body = self._app(self._environ, functools.partial(self._start, start_response))
        except BaseException as error:
            self._end(error, False)
            raise
        watched = self._watched(body)
        return body if watched is None else watched

    # -- before the application is called ---------------------------------------------------

    def begin(self) -> None:
        """To be called before anything else."""
        if CACHE_KEY in self._environ:
            self._placement.note_cache_keys(self._operation)
        if self._plan.input_kept and "wsgi.input" in self._environ:
            kept = self._plan.input_kept
            self._input = watch_input(self._environ, self._on_read, kept)
        operation = self._operation
        if self._follower.latest and operation.action is not Action.SEND:
            followed = self._follower.find(operation.image_id)
            if followed is not None:
                self._follower.look_before_change(followed)
        if self._plan.looks_before:
            self._before = self._lookup.record(operation, self._snapshot)
        if self._plan.lists_tasks:
            listed = self._lookup.task_listing(operation, self._snapshot)
            self._earlier_tasks = tasks.ids_to_keep(tasks.parse_listing(listed, operation.action))
        self._intent = self._emitter.begin(
            operation, self._context or _NOBODY, self._destination_ip
        )

    # -- while it reads the request ---------------------------------------------------------

    @never_raises
    def _on_read(self) -> None:
        seen = self._input
        if seen is None or self._prepared or self._may_change_locations:
            return
        if self._operation.action is Action.UPLOAD and seen.bytes_read:
            self._prepared = True
            if self._plan.wants_prepare:
                record = self._lookup.record(self._operation, self._snapshot)
                self._emitter.emit([rules.prepare_event(self._operation, record)], self._who())
        elif self._operation.action is Action.PATCH and (
            seen.is_cut or rules.may_change_locations(seen.head)
        ):
            self._may_change_locations = True
            if self._plan.wants_activate:
                self._before = self._lookup.record(self._operation, self._snapshot)

    # -- while it answers -------------------------------------------------------------------

    def _start(
        self,
        start_response: StartResponse,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        """In the place of `start_response`."""
        write = pass_start_response(start_response, self._started, status, headers, exc_info)
        return functools.partial(self._write, write)

    @never_raises
    def _started(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._response.start(status, headers)
        if self._may_be_cached and self._response.status in DATA_STATUSES:
            self._operation = as_download(self._operation)

    def _write(self, write: Callable[[bytes], object], data: bytes) -> None:
        if self._sends_data():
            write(data)
            self._bytes_written += len(data)
        else:
            self._saw(data)
            write(data)

    @never_raises
    def _watched(self, body: Body) -> Body:
        """What to give to the server in place of the application's `body`.

        The event of a small answer is told before the client can have read all of it. When all
        of it is there already, that is now, and the body goes on untouched.
        """
        if self._sends_data():
            if self._response.status is not None:
                self._owner()
            if self._intent is None:
                self._body = response_body.watch(body, self._end)
            else:
                self._body = response_body.watch(body, self._end, on_progress=self._went_on)
                self._emitter.remind(self._body)
            return self._body
        if self._response.status is not None and isinstance(body, (list, tuple)):
            for chunk in body:
                self._response.add_chunk(chunk)
            self._finish(None, True)
            return body
        if self._response.is_complete:
            self._finish(None, True)
            return body
        return response_body.watch(body, self._end, self._saw)

    @never_raises
    def _saw(self, chunk: bytes) -> None:
        self._response.add_chunk(chunk)
        if self._response.is_complete:
            self._finish(None, True)

    @never_raises
    def _went_on(self) -> None:
        body = self._body
        if self._intent is not None and body is not None:
            sent = self._bytes_written + body.bytes_sent
            owner = (self._owner() or {}).get("owner")
            self._emitter.progress(self._intent, Progress(sent, owner))

    def _sends_data(self) -> bool:
        return self._operation.action is Action.SEND and self._response.carries_data

    # -- at the end -------------------------------------------------------------------------

    @never_raises
    def _end(self, error: BaseException | None, exhausted: bool) -> None:
        self._finish(error, exhausted)

    def _finish(self, error: BaseException | None, exhausted: bool) -> None:
        if not self._ended.acquire(blocking=False):
            return
        try:
            self._tell_end(error, exhausted)
        finally:  # what the server still holds must not hold the request
            if self._input is not None:
                unwatch_input(self._environ)
            self._environ, self._input, self._body = {}, None, None

    def _tell_end(self, error: BaseException | None, exhausted: bool) -> None:
        if self._context is None:
            self._placement.note_no_context(self._environ, self._response.status)
        elif identity.was_passed_on(self._context, self._environ):
            self._placement.note_passed_on(self._operation)
            self._lookup.forget_owner(self._operation)
            self._emitter.emit([], self._context, self._intent)
            return
        request = self._request_facts()
        response = self._response_facts(error, exhausted)
        exchange = Exchange(self._operation, request, response, self._before)
        if self._plan.follows and rules.goes_on_in_background(exchange):
            self._follow(request)
            return
        found = self._found(rules.record_source(exchange))
        told = rules.decide(exchange, found, _now)
        self._emitter.emit(told, request.requester, self._intent)
        if self._operation.action is not Action.SEND:
            self._lookup.forget_owner(self._operation)

    def _follow(self, request: RequestFacts) -> None:
        """Have it followed: its intent stands until that is known."""
        if self._operation.action is Action.TASK and not self._names_task(request.requester):
            return
        asked = background.parse_import(request.body_start)
        accepted = BackgroundWork(self._operation, asked, background.needed_fields(self._before))
        snapshot = lasting_snapshot(self._snapshot, identity.glance_context(self._environ))
        who, intent = request.requester, self._intent
        self._follower.follow(FollowedWork(accepted, who, intent, snapshot, self._earlier_tasks))
        self._lookup.forget_owner(self._operation)

    def _names_task(self, who: Requester) -> bool:
        """Whether the answer names a task that is to be followed: then the intent names it, too."""
        task = self._response.record_in_body(self._operation.route.version) or {}
        task_id, begun = task.get("id"), self._intent
        if not tasks.may_make_image(task):
            self._emitter.emit([], who, begun)
            return False
        if not isinstance(task_id, str):
            why = "Glance's answer does not name the task"
            self._emitter.emit([background.unknown_outcome_event(self._operation, why)], who, begun)
            return False
        self._operation = self._operation._replace(task_id=task_id)
        self._intent = self._emitter.begin(self._operation, who, None)
        self._emitter.emit([], who, begun)
        return True

    def _found(self, source: Source | None) -> Record | None:
        match source:
            case Source.ANSWER:
                return self._response.record_in_body(self._operation.route.version)
            case Source.BEFORE:
                return self._before
            case Source.OWNER | Source.HEADERS:
                return self._owner()
            case Source.AFTER if self._plan.wants_success:
                return self._lookup.record(self._operation, self._snapshot)
            case _:
                return None

    def _owner(self) -> Record | None:
        """Owner and size of the image that is sent; asked for once."""
        if self._operation.route.source is Source.HEADERS:
            return self._response.record_in_headers()
        if not self._owner_asked:
            self._owner_asked = True
            self._owner_record = self._lookup.owner_and_size(self._operation, self._snapshot)
        return self._owner_record

    def _request_facts(self) -> RequestFacts:
        seen = self._input
        return RequestFacts(
            requester=self._who(),
            destination_ip=self._destination_ip,
            bytes_read=None if self._reads_are_hidden() else seen.bytes_read if seen else 0,
            body_start=seen.head if seen and seen.touched else None,
            prepared=self._prepared,
        )

    def _reads_are_hidden(self) -> bool:
        """Glance reads a chunked body with uwsgi.chunked_read(), past wsgi.input."""
        environ = self._environ
        return (
            "uwsgi.version" in environ
            and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        )

    def _who(self) -> Requester:
        """Who asks; a filter below may have made the context after the application was called."""
        return (
            self._context
            or identity.from_context(self._environ)
            or identity.from_headers(self._environ)
        )

    def _response_facts(self, error: BaseException | None, exhausted: bool) -> ResponseFacts:
        response = self._response
        failed = None if error is None else type(error).__name__
        if self._operation.action is not Action.SEND:
            return ResponseFacts(response.status, response.reason, response.explanation(), failed)
        sent = self._bytes_written + (self._body.bytes_sent if self._body else 0)
        kept = exhausted and self._promise() in (sent, None)
        return ResponseFacts(
            response.status, response.reason, error=failed, bytes_sent=sent, kept=kept
        )

    def _promise(self) -> int | None:
        """How many bytes of data the answer promised; None when any number keeps it."""
        if not self._response.carries_data:
            return None
        return self._response.promised_bytes((self._owner() or {}).get("size"))


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
