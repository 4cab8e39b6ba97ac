"""A record that somebody asked for, on its way to the client: it tells how an image is doing."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.runtime.own_log import never_raises
from glance_notify_middleware.wsgi import streams
from glance_notify_middleware.wsgi.answer import Answer, hand_on
from glance_notify_middleware.wsgi.judging import Followed

_API_VERSION = 2


class RecordRead:
    """The GET of a record; `saw` is given it when the client has (or could have) all of it.

    What the application gives passes as it is, and when it is given.
    """

    def __init__(
        self,
        app: WSGIApplication,
        environ: WSGIEnvironment,
        followed: Followed,
        saw: Callable[[Followed, Mapping[str, Any]], None],
    ) -> None:
        self._app = app
        self._environ = environ
        self._followed = followed
        self._saw = saw
        self._answer = Answer()

    def call_app(self, start_response: StartResponse) -> Iterable[bytes]:
        """Call the application, once."""
        start = functools.partial(hand_on, start_response, self._started)
        body = self._app(self._environ, start)
        watched = self._watched(body)
        return body if watched is None else watched

    @never_raises
    def _started(self, status: str, headers: list[tuple[str, str]]) -> None:
        self._answer.started(status, headers)

    @never_raises
    def _watched(self, body: Iterable[bytes]) -> Iterable[bytes]:
        if not isinstance(body, (list, tuple)):
            return streams.watched(body, self._ended, self._chunk)
        for chunk in body:
            self._answer.saw(chunk)
        self._ended(None, True)
        return body

    @never_raises
    def _chunk(self, chunk: bytes) -> None:
        self._answer.saw(chunk)

    @never_raises
    def _ended(self, error: BaseException | None, exhausted: bool) -> None:
        if exhausted and self._answer.status == 200:
            record = self._answer.record(_API_VERSION)
            if record is not None:
                self._saw(self._followed, record)
