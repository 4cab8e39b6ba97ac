"""The WSGI plumbing of one request: what passes between the server and the application.

It calls the hooks of an Observation: `start`; for a download `go_on_sending` and
`record_progress`, for any other body `response.add_chunk`; and `end` once.
"""

import threading
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from glance_notify_middleware.runtime.own_log import log_error
from glance_notify_middleware.wsgi import response_body
from glance_notify_middleware.wsgi.observation import Observation


class ApplicationCall(Observation):
    """A WSGI application for one request: the wrapped application, under observation.

    It is one object with its Observation, and its attributes have defaults in the class, as each
    request makes one. Status, headers and body pass as the application gives them, and when it
    gives them.
    """

    _body: response_body.CountedBody | None = None  # of a download
    _bytes_written = 0  # image data that the application gave to write()
    _start_response: StartResponse  # the server's
    _write: Callable[[bytes], object]  # the server's
    _has_ended: threading.Lock  # whoever sees the end first takes it, for good

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        self._start_response = start_response
        self._has_ended = threading.Lock()
        try:
            body = self._services.app(environ, self._pass_start)
        except BaseException as error:
            self._end(error, False)
            raise
        try:
            return self._watch(body)
        except Exception as error:
            log_error("notifications of a request may be missing", error)
            return body

    def _pass_start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        # A filter above may change the list.
        given = list(headers) if isinstance(headers, list) else []
        if exc_info is None:
            self._write = self._start_response(status, headers)
        else:
            self._write = self._start_response(status, headers, exc_info)
        self.start(status, given)
        return self._pass_write

    def _pass_write(self, data: bytes) -> None:
        if self.sends_data:
            self._write(data)
            self._bytes_written += len(data)
        else:
            self._add_chunk(data)
            self._write(data)

    def _watch(self, body: Iterable[bytes]) -> Iterable[bytes]:
        """What the server is given in the place of the application's `body`.

        The events of a small response are emitted before the client can have read all of it. Where
        all of it is known already, they are emitted at once, and the server is given `body`.
        """
        if self.sends_data:
            self._body = response_body.count(
                body, self._end, self._on_first_chunk, self._on_progress
            )
            return self._body
        response = self.response
        if response.status is not None and isinstance(body, (list, tuple)):
            for chunk in body:
                response.add_chunk(chunk)
            self._end(None, True)
            return body
        if response.is_complete:
            self._end(None, True)
            return body
        return response_body.watch(body, self._end, self._add_chunk)

    def _add_chunk(self, chunk: bytes) -> None:
        try:
            self.response.add_chunk(chunk)
            if self.response.is_complete:
                self._end(None, True)
        except Exception as error:
            log_error("notifications of a request may be missing", error)

    def _on_first_chunk(self) -> None:
        body = self._body  # another thread may see the end meanwhile
        if body is not None and body.bytes_sent != self.response.length:
            self.go_on_sending(body)

    def _on_progress(self) -> None:
        body = self._body  # another thread may see the end meanwhile
        if body is not None:
            self.record_progress(self._bytes_written + body.bytes_sent)

    def _end(self, error: BaseException | None, exhausted: bool) -> None:
        if not self._has_ended.acquire(blocking=False):
            return
        body, self._body = self._body, None  # the body refers to this object: leave no cycle
        bytes_sent = self._bytes_written + (0 if body is None else body.bytes_sent)
        self.end(error, exhausted, bytes_sent)
