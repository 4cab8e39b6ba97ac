"""The GET of an image record by a client, which shows how the background work on it is doing."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi import response_body
from glance_notify_middleware.wsgi.followed_work import FollowedWork
from glance_notify_middleware.wsgi.response import SeenResponse, pass_start_response

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
        start = functools.partial(pass_start_response, start_response, self._started)
        body = self._app(environ, start)
        watched = self._watch(body)
        return body if watched is None else watched

    @never_raises
    def _started(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._response.start(status, headers)

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
