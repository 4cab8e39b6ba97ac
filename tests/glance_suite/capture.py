"""Watches, inside one process, what the native notifier and our filter tell of each request.

A shim above the filter marks, for the thread that runs it, the request at work; an event
belongs to the request whose thread emitted it. What a thread without a request emits
(imports, tasks) is left out.
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
from tests.agreement import native
from tests.agreement.told import Event, Request


class Capture:
    """Everything that was told in a run. `test` is set by whoever runs the tests."""

    def __init__(self, *, compares: bool) -> None:
        self.test = ""
        self.recorded = 0
        self.requests: list[Request] = []
        self.during_look_ups: list[Event] = []
        self._compares = compares
        self._thread = threading.local()

    def install(self) -> None:
        """From now on, count what the filter records; when comparing, watch both sides.

        To be called once, when Glance can be imported.
        """
        recorded = self._recorded

        class CountingRecorder(LoggerRecorder):
            def record(self, notifications: Any, ends: Any = None) -> None:
                recorded(notifications)
                super().record(notifications, ends)

        cast(Any, factory).LoggerRecorder = CountingRecorder
        if not self._compares:
            return

        def filter_under_the_shim(*args: Any) -> WSGIApplication:
            return Shim(NotifyMiddleware(*args), self)

        cast(Any, factory).NotifyMiddleware = filter_under_the_shim
        native.watch(self._told)
        self._watch_look_ups()

    def as_json(self) -> dict[str, Any]:
        """What was seen, as `Request` and `Event` fields, for agreement to judge."""
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
        """What this thread emits meanwhile is of `request`."""
        outer = getattr(self._thread, "request", None)
        self._thread.request = request
        try:
            yield
        finally:
            self._thread.request = outer

    def _recorded(self, notifications: Iterable[Notification]) -> None:
        for notification in notifications:
            self.recorded += 1
            if self._compares:
                # As it goes over the wire.
                told = json.loads(notification.to_json())
                self._told(Event.of_ours(told))

    def _told(self, event: Event) -> None:
        request: Request | None = getattr(self._thread, "request", None)
        if getattr(self._thread, "looks_up", False):
            self.during_look_ups.append(event)
        elif request is not None:
            request.events.append(event)

    def _watch_look_ups(self) -> None:
        """Tell the filter's own requests from those it watches, and note which are refused."""
        make, record = lookup.Lookup.__init__, lookup.Lookup.record
        thread = self._thread

        def made(look: lookup.Lookup, app: WSGIApplication) -> None:
            def asked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
                def start(status: str, *rest: Any) -> Any:
                    thread.look_up_status = int(status.split()[0])
                    return start_response(status, *rest)

                return app(environ, cast(StartResponse, start))

            make(look, asked)

        def marked(*args: Any) -> Any:
            thread.looks_up, thread.look_up_status = True, None
            try:
                found = record(*args)
            finally:
                thread.looks_up = False
            request: Request | None = getattr(thread, "request", None)
            if found is None and request is not None:
                request.look_ups_without.append(thread.look_up_status)
            return found

        cast(Any, lookup.Lookup).__init__ = made
        cast(Any, lookup.Lookup).record = marked


class Shim:
    """Stands directly above the filter; marks the begin and the end of each request."""

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
    """A body whose every step, and its close, is work of its request."""

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
