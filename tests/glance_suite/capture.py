"""Watches, inside one process, the events that the native notifier and the filter emit for each
request.

A shim above the filter marks for its thread which request is at work; an event belongs to the
request whose thread emitted it. Events of a thread without a request (imports, tasks) are left out.
"""

import contextlib
import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any, cast
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware import factory
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.recorder.logging_strategy import LoggerRecorder
from glance_notify_middleware.wsgi import lookup
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.agreement import native_notifier
from tests.agreement.observed import Event, Request


class Capture:
    """All events of a run. The runner of the tests sets `test`."""

    def __init__(self, *, compares: bool) -> None:
        self.test = ""
        self.recorded = 0
        self.requests: list[Request] = []
        self.during_look_ups: list[Event] = []
        self._compares = compares
        self._thread = threading.local()

    def install(self) -> None:
        """Count what the filter records from now on; when comparing, watch both sides.

        To be called once, when Glance can be imported.
        """
        count = self._count

        class CountingRecorder(LoggerRecorder):
            def record(self, notifications: Any, ends: Any = None) -> None:
                count(notifications)
                super().record(notifications, ends)

        cast(Any, factory).LoggerRecorder = CountingRecorder
        if not self._compares:
            return

        def filter_under_the_shim(*args: Any) -> WSGIApplication:
            return Shim(NotifyMiddleware(*args), self)

        cast(Any, factory).NotifyMiddleware = filter_under_the_shim
        native_notifier.watch(self._add)
        self._watch_look_ups()

    def as_json(self) -> dict[str, Any]:
        """The fields of all `Request` and `Event` objects, for the comparison."""
        return {
            "requests": [asdict(request) for request in self.requests],
            "during_look_ups": [asdict(event) for event in self.during_look_ups],
        }

    def begin(self, environ: WSGIEnvironment) -> Request:
        request = Request(
            test=self.test,
            seq=len(self.requests),
            method=environ["REQUEST_METHOD"],
            path=environ.get("PATH_INFO", ""),
        )
        self.requests.append(request)
        return request

    @contextlib.contextmanager
    def at_work(self, request: Request) -> Iterator[None]:
        """Events that this thread emits meanwhile belong to `request`."""
        outer = getattr(self._thread, "request", None)
        self._thread.request = request
        try:
            yield
        finally:
            self._thread.request = outer

    def _count(self, notifications: Iterable[Notification]) -> None:
        for notification in notifications:
            self.recorded += 1
            if self._compares:
                message = json.loads(notification.to_json())
                self._add(Event.of_filter(message))

    def _add(self, event: Event) -> None:
        request: Request | None = getattr(self._thread, "request", None)
        if getattr(self._thread, "looks_up", False):
            self.during_look_ups.append(event)
        elif request is not None:
            request.events.append(event)

    def _watch_look_ups(self) -> None:
        """Mark the filter's own look-ups, and note the status of each that gives no record."""
        make, record = lookup.Lookup.__init__, lookup.Lookup.record
        thread = self._thread

        def made(look: lookup.Lookup, app: WSGIApplication, *more: Any) -> None:
            def asked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
                def start(status: str, *rest: Any) -> Any:
                    thread.look_up_status = int(status.split()[0])
                    return start_response(status, *rest)

                return app(environ, cast(StartResponse, start))

            make(look, asked, *more)

        def marked(*args: Any) -> Any:
            thread.looks_up, thread.look_up_status = True, None
            try:
                found = record(*args)
            finally:
                thread.looks_up = False
            request: Request | None = getattr(thread, "request", None)
            if found is None and request is not None:
                request.failed_look_ups.append(thread.look_up_status)
            return found

        cast(Any, lookup.Lookup).__init__ = made
        cast(Any, lookup.Lookup).record = marked


class Shim:
    """Stands directly above the filter, and marks the begin and the end of each request."""

    def __init__(self, app: WSGIApplication, capture: Capture) -> None:
        self._app = app
        self._capture = capture

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = self._capture.begin(environ)

        def start(status: str, *rest: Any) -> Any:
            request.status = int(status.split()[0])
            return start_response(status, *rest)

        with self._capture.at_work(request):
            body = self._app(environ, cast(StartResponse, start))
        if isinstance(body, list | tuple):
            return body
        return _ShimBody(body, request, self._capture)


class _ShimBody:
    """A body: each of its steps, and its close, is work of its request."""

    def __init__(self, body: Iterable[bytes], request: Request, capture: Capture) -> None:
        self._body = body
        self._request = request
        self._capture = capture

    def __iter__(self) -> Iterator[bytes]:
        chunks = iter(self._body)
        while True:
            with self._capture.at_work(self._request):
                chunk = next(chunks, None)
            if chunk is None:
                return
            yield chunk

    def close(self) -> None:
        close = getattr(self._body, "close", None)
        if close is not None:
            with self._capture.at_work(self._request):
                close()
