"""The WSGI plumbing of one request: what passes between the server and the application.

It calls the hooks of an Observation: `start`; for a download `start_data`, `look_while_sending`
and `record_progress`, for any other body `response.add_chunk`; and `end` once.
"""

import functools
import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi import response_body
from glance_notify_middleware.wsgi.observation import Observation
from glance_notify_middleware.wsgi.response import pass_start_response


class ApplicationCall:
    """A WSGI application for one request: the wrapped application, under observation.

    Status, headers and body pass as the application gives them, and when it gives them.
    """

    __slots__ = ("_app", "_body", "_bytes_written", "_has_ended", "_observation")

    def __init__(self, app: WSGIApplication, observation: Observation) -> None:
        self._app = app
        self._observation = observation
        self._body: response_body.CountedBody | None = None  # of a download
        self._bytes_written = 0  # image data that the application gave to write()
        self._has_ended = threading.Lock()  # whoever sees the end first takes it, for good

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            body = self._app(environ, functools.partial(self._start_response, start_response))
        except BaseException as error:
            self._end(error, False)
            raise
        watched = self._watch(body)
        return body if watched is None else watched

    def _start_response(
        self,
        start_response: StartResponse,
        status: str,
        headers: list[tuple[str, str]],
        exc_info: Any = None,
    ) -> Callable[[bytes], object]:
        started = self._observation.start
        write = pass_start_response(start_response, started, status, headers, exc_info)
        return functools.partial(self._write, write)

    def _write(self, write: Callable[[bytes], object], data: bytes) -> None:
        if self._observation.sends_data:
            write(data)
            self._bytes_written += len(data)
        else:
            self._add_chunk(data)
            write(data)

    @never_raises
    def _watch(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """What the server is given in the place of the application's `body`.

        The events of a small response are emitted before the client can have read all of it. Where
        all of it is known already, they are emitted at once, and the server is given `body`.
        """
        observation = self._observation
        if observation.sends_data:
            self._body = response_body.count(
                body, self._end, observation.look_while_sending, self._on_progress
            )
            observation.start_data(self._body)
            return self._body
        response = observation.response
        if response.status is not None and isinstance(body, (list, tuple)):
            for chunk in body:
                response.add_chunk(chunk)
            self._end(None, True)
            return body
        if response.is_complete:
            self._end(None, True)
            return body
        return response_body.watch(body, self._end, self._add_chunk)

    @never_raises
    def _add_chunk(self, chunk: bytes) -> None:
        response = self._observation.response
        response.add_chunk(chunk)
        if response.is_complete:
            self._end(None, True)

    def _on_progress(self) -> None:
        body = self._body  # another thread may see the end meanwhile
        if body is not None:
            self._observation.record_progress(self._bytes_written + body.bytes_sent)

    def _end(self, error: BaseException | None, exhausted: bool) -> None:
        if not self._has_ended.acquire(blocking=False):
            return
        body, self._body = self._body, None  # the body refers to this object: leave no cycle
        bytes_sent = self._bytes_written + (0 if body is None else body.bytes_sent)
        self._observation.end(error, exhausted, bytes_sent)
