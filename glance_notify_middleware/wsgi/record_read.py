"""The GET of an image record by a client, which shows how the background work on it is doing."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi import response_body
from glance_notify_middleware.wsgi.followed_work import FollowedWork
from glance_notify_middleware.wsgi.response import SeenResponse

_API_VERSION = 2


class RecordRead:
    """A WSGI application for one request: the GET of the record of an image that is followed.

    `on_record` is called with the record once the body is exhausted. All that the application gives
    passes as it is, and when the application gives it.
    """

    def __init__(
        self,
        app: WSGIApplication,
        followed: FollowedWork,
        on_record: Callable[[FollowedWork, Mapping[str, Any]], None],
    ) -> None:
        self._app = app
        self._followed = followed
        self._on_record = on_record
        self._response = SeenResponse()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = self._app(environ, functools.partial(self._pass_start, start_response))
        watched = self._watch(body)
        return body if watched is None else watched

    def _pass_start(
        self,
        start_response: StartResponse,
        status: str,
        headers: list[tuple[str, str]],
        *exc_info: Any,
    ) -> Callable[[bytes], object]:
        write = start_response(status, headers, *exc_info)
        self._started(status)
        return write

    @never_raises
    def _started(self, status: str) -> None:
        self._response.start(status, ())

    @never_raises
    def _watch(self, body: Iterable[bytes]) -> Iterable[bytes]:
        if not isinstance(body, (list, tuple)):
            return response_body.watch(body, self._on_end, self._on_chunk)
        for chunk in body:
            self._response.add_chunk(chunk)
        self._on_end(None, True)
        return body

    @never_raises
    def _on_chunk(self, chunk: bytes) -> None:
        self._response.add_chunk(chunk)

    @never_raises
    def _on_end(self, error: BaseException | None, exhausted: bool) -> None:
        if exhausted and self._response.status == 200:
            record = self._response.record_in_body(_API_VERSION)
            if record is not None:
                self._on_record(self._followed, record)
