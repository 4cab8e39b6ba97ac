"""One request/response pair: everything that is seen of it, until its events are told."""

import functools
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware import events, identity, lookup, streams
from glance_notify_middleware.answer import Answer
from glance_notify_middleware.config import Settings
from glance_notify_middleware.events import ImageEvent, Records, RequestFacts, ResponseFacts
from glance_notify_middleware.harmless import harmless
from glance_notify_middleware.identity import Receiver
from glance_notify_middleware.notification import EventType, Priority
from glance_notify_middleware.operations import Action, Operation, Source, as_download
from glance_notify_middleware.surroundings import CACHE_KEY, Surroundings

_INPUT_TELLS = (
    *(Action.UPLOAD, Action.STAGE, Action.PATCH),
    *(Action.CREATE_V1, Action.UPDATE_V1, Action.MEMBERS_V1),
)
_WITHOUT_LOOK_UP = (None, Source.ANSWER, Source.HEADERS)

Body = Iterable[bytes]
Tell = Callable[[list[ImageEvent], Receiver], None]


def may_be_cached(operation: Operation, environ: WSGIEnvironment) -> bool:
    """Whether an upload is one by its `_method` alone: to Glance's cache filter it is a GET."""
    return operation.action is Action.UPLOAD and environ["REQUEST_METHOD"] == "GET"


def _may_look_up(operation: Operation) -> bool:
    """Whether the answer alone may not tell all: of an upload and a patch it never does."""
    by_look_up = operation.route.source not in _WITHOUT_LOOK_UP
    return by_look_up or operation.action in (Action.UPLOAD, Action.PATCH)


class Observation:
    """Watches one operation, from before the application is called to the end of its answer.

    `tell` takes the events as they become known: most at the end, image.prepare in the
    middle of an upload.
    """

    def __init__(
        self,
        app: WSGIApplication,
        look: lookup.Lookup,
        settings: Settings,
        surroundings: Surroundings,
        tell: Tell,
        operation: Operation,
        environ: WSGIEnvironment,
    ) -> None:
        self._app = app
        self._look = look
        self._settings = settings
        self._surroundings = surroundings
        self._tell = tell
        self._operation = operation
        self._environ = environ

        self._wants_success = any(
            settings.wants(event_type, Priority.INFO) for event_type in operation.route.events
        )
        # Glance reads a chunked body with uwsgi.chunked_read(), past wsgi.input.
        self._reads_are_hidden = (
            "uwsgi.version" in environ
            and environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked"
        )
        self._may_be_cached = may_be_cached(operation, environ)
        self._snapshot = lookup.snapshot(environ) if _may_look_up(operation) else {}
        self._context = identity.from_context(environ)
        self._destination_ip = identity.destination_ip(environ, settings.trusted_proxies)

        self._input: streams.InputTally | None = None
        self._prepared = False  # image.prepare was told
        self._names_locations = False  # the patch is about locations
        self._before: lookup.Record | None = None
        self._owner_asked = False
        self._owner_record: lookup.Record | None = None
        self._answer = Answer()
        self._body: streams.WatchedBody | None = None
        self._bytes_written = 0  # image data given to write()
        self._ended = threading.Lock()  # taken by whoever sees the end first, and kept

    def call_app(self, start_response: StartResponse) -> Body:
        """Call the application, once, and return its body under watch."""
        self._begin()
        try:
            body = self._app(self._environ, self._start(start_response))
        except BaseException as error:
            self._end(error, False)
            raise
        watched = self._watched(body)
        return body if watched is None else watched

    # -- before the application is called ---------------------------------------------------

    @harmless
    def _begin(self) -> None:
        if CACHE_KEY in self._environ:
            self._surroundings.saw_cache_above(self._operation)
        if self._operation.action in _INPUT_TELLS and "wsgi.input" in self._environ:
            named = self._operation.action is Action.MEMBERS_V1
            kept = streams.MEMBERS if named else streams.HEAD
            self._input = streams.watch_input(self._environ, self._on_read, kept)
        if self._wants_success and events.looks_before(self._operation):
            self._before = self._look.record(self._operation, self._snapshot)

    # -- while it reads the request ---------------------------------------------------------

    @harmless
    def _on_read(self) -> None:
        seen = self._input
        if seen is None or self._prepared or self._names_locations:
            return
        if self._operation.action is Action.UPLOAD and seen.bytes_read:
            self._prepared = True
            if self._settings.wants(EventType.PREPARE, Priority.INFO):
                record = self._look.record(self._operation, self._snapshot)
                self._tell([events.prepare(self._operation, record)], self._who())
        elif self._operation.action is Action.PATCH and events.names_locations(seen.head):
            self._names_locations = True
            if self._settings.wants(EventType.ACTIVATE, Priority.INFO):
                self._before = self._look.record(self._operation, self._snapshot)

    # -- while it answers -------------------------------------------------------------------

    def _start(self, start_response: StartResponse) -> StartResponse:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None
        ) -> Callable[[bytes], object]:
            # As the application gave them: a filter above may edit the list.
            given = list(headers) if isinstance(headers, list) else []
            if exc_info is None:
                write = start_response(status, headers)
            else:
                write = start_response(status, headers, exc_info)
            self._started(status, given)
            return functools.partial(self._write, write)

        return start

    @harmless
    def _started(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._answer.started(status, headers)
        if self._may_be_cached and self._answer.status in events.DATA_STATUSES:
            self._operation = as_download(self._operation)

    def _write(self, write: Callable[[bytes], object], data: bytes) -> None:
        if self._sends_data():
            write(data)
            self._bytes_written += len(data)
        else:
            self._saw(data)
            write(data)

    @harmless
    def _watched(self, body: Body) -> Body:
        """What to give to the server in place of the application's `body`.

        The event of a small answer is told before the client can have read all of it. When all
        of it is there already, that is now, and the body goes on untouched.
        """
        if self._sends_data():
            if self._answer.status is not None:
                self._owner()
            self._body = streams.watched(body, self._end)
            return self._body
        if self._answer.status is not None and isinstance(body, list | tuple):
            for chunk in body:
                self._answer.saw(chunk)
            self._end(None, True)
            return body
        if self._answer.is_complete:
            self._end(None, True)
            return body
        return streams.watched(body, self._end, self._saw)

    @harmless
    def _saw(self, chunk: bytes) -> None:
        self._answer.saw(chunk)
        if self._answer.is_complete:
            self._end(None, True)

    def _sends_data(self) -> bool:
        return self._operation.action is Action.SEND and self._answer.carries_data

    # -- at the end -------------------------------------------------------------------------

    @harmless
    def _end(self, error: BaseException | None, exhausted: bool) -> None:
        if not self._ended.acquire(blocking=False):
            return
        try:
            self._tell_end(error, exhausted)
        finally:  # what the server still holds must not hold the request
            streams.unwatch_input(self._environ)
            self._environ, self._input, self._body = {}, None, None

    def _tell_end(self, error: BaseException | None, exhausted: bool) -> None:
        if self._context is None:
            self._surroundings.saw_no_context(self._environ, self._answer.status)
        elif identity.was_passed_on(self._context, self._environ):
            self._surroundings.saw_passed_on(self._operation)
            self._look.forget(self._operation)
            return
        request = self._request_facts()
        response = self._response_facts(error, exhausted)
        source = events.source_wanted(self._operation, request, response, self._before)
        records = Records(told=self._found(source), before=self._before)
        now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        told = events.decide(self._operation, request, response, records, now)
        self._tell(told, request.receiver)
        if self._operation.action is not Action.SEND:
            self._look.forget(self._operation)

    def _found(self, source: Source | None) -> lookup.Record | None:
        match source:
            case Source.ANSWER:
                return self._answer.record(self._operation.route.version)
            case Source.BEFORE:
                return self._before
            case Source.OWNER | Source.HEADERS:
                return self._owner()
            case Source.AFTER if self._wants_success:
                return self._look.record(self._operation, self._snapshot)
            case _:
                return None

    def _owner(self) -> lookup.Record | None:
        """Owner and size of the image that is sent; asked for once."""
        if self._operation.route.source is Source.HEADERS:
            return self._answer.record_in_headers()
        if not self._owner_asked:
            self._owner_asked = True
            self._owner_record = self._look.owner_and_size(self._operation, self._snapshot)
        return self._owner_record

    def _request_facts(self) -> RequestFacts:
        seen = self._input
        return RequestFacts(
            receiver=self._who(),
            destination_ip=self._destination_ip,
            bytes_read=None if self._reads_are_hidden else seen.bytes_read if seen else 0,
            body_start=seen.head if seen and seen.touched else None,
            prepared=self._prepared,
        )

    def _who(self) -> Receiver:
        """Who asks; a filter below may have made the context after the application was called."""
        return (
            self._context
            or identity.from_context(self._environ)
            or identity.from_headers(self._environ)
        )

    def _response_facts(self, error: BaseException | None, exhausted: bool) -> ResponseFacts:
        sent = self._bytes_written + (self._body.bytes_sent if self._body else 0)
        return ResponseFacts(
            status=self._answer.status,
            reason=self._answer.reason,
            explanation=self._explanation(),
            error=type(error).__name__ if error is not None else None,
            bytes_sent=sent,
            kept=exhausted and self._promise() in (sent, None),
        )

    def _explanation(self) -> str:
        """What Glance explained of a refusal, for the events that tell a text."""
        return "" if self._operation.action is Action.SEND else self._answer.explanation()

    def _promise(self) -> int | None:
        """How many bytes of data the answer promised; None when any number keeps it."""
        if not self._sends_data():
            return None
        return self._answer.promised_data((self._owner() or {}).get("size"))
