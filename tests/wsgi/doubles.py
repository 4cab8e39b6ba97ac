"""Test doubles: a recorder that keeps lists, a fake Glance, and a server that keeps a trace.

Besides: the environ of a request, an application that always gives the same response, and the
filter around an application.
"""

import io
import json
import weakref
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware import config
from glance_notify_middleware.events.deferred import DeferredNotification
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.recorder import Counted, Recorder, RunningDownload
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.notification_schema import hold_to_schema

IMAGE = "2b1c1b5e-0000-4000-8000-000000000001"
FILE = f"/v2/images/{IMAGE}/file"
RECORD = {"id": IMAGE, "owner": "the-owner", "status": "active", "size": 10, "tags": []}


class ListRecorder:
    """A recorder that keeps all that it is given in lists, and holds notifications to their schema.

    `begun` and `ended` are the intents, `progressed` the progress of downloads, `running` the
    downloads that are to be reminded of their progress, `counted` what was counted.
    """

    def __init__(self) -> None:
        self.notifications: list[Notification] = []
        self.begun: list[Intent] = []
        self.progressed: list[Progress] = []
        self.running: weakref.WeakSet[RunningDownload] = weakref.WeakSet()
        self.ended: list[Intent] = []
        self.counted: Counter[Counted] = Counter()

    def begin(self, begun: Intent) -> None:
        self.begun.append(begun)

    def progress(self, running: Intent, progress: Progress) -> None:
        self.progressed.append(progress)

    def remind(self, running: RunningDownload) -> None:
        self.running.add(running)

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        for notification in notifications:
            hold_to_schema(json.loads(notification.to_json()))
        self.notifications.extend(notifications)
        if ends is not None:
            self.ended.append(ends)

    def record_deferred(self, deferred: DeferredNotification, ends: Intent | None = None) -> None:
        self.record([deferred.made()], ends)

    def count(self, what: Counted, change: int = 1) -> None:
        self.counted[what] += change

    def refuses(self) -> bool:
        return False

    @property
    def events(self) -> list[str]:
        """`image.send INFO` and the like, in order."""
        return [
            f"{notification.event_type} {notification.priority}"
            for notification in self.notifications
        ]

    @property
    def sent(self) -> list[tuple[str, int]]:
        """Priority and bytes_sent of each image.send."""
        return [
            (str(notification.priority), notification.payload["bytes_sent"])
            for notification in self.notifications
            if not isinstance(notification.payload, str) and "bytes_sent" in notification.payload
        ]


def with_filter(app: WSGIApplication, recorder: Recorder, **options: str) -> NotifyMiddleware:
    """`app` behind the filter, with these options."""
    return NotifyMiddleware(app, config.read(options, "this-host"), recorder)


class FakeGlance:
    """Answers look-ups of IMAGE with its image record, and gives all other requests to `app`.

    `record` is that image record (None: RECORD). The environs of both are kept, as `lookups` and
    `requests`.
    """

    def __init__(self, app: WSGIApplication, record: dict[str, Any] | None = None) -> None:
        self._app = app
        self.record = RECORD if record is None else record
        self.lookups: list[WSGIEnvironment] = []
        self.requests: list[WSGIEnvironment] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        in_images = path.startswith(f"/v2/images/{IMAGE}") and not path.endswith("/file")
        if environ["REQUEST_METHOD"] == "GET" and in_images:
            self.lookups.append(environ)
            return answering("200 OK", [json.dumps(self.record).encode()])(environ, start_response)
        self.requests.append(environ)
        return self._app(environ, start_response)


def answering(
    status: str, body: Iterable[bytes] = (), headers: Sequence[tuple[str, str]] = ()
) -> WSGIApplication:
    """An application that always gives this response, with exactly these `headers`."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response(status, list(headers))
        return body

    return app


def environ(method: str, path: str, body: bytes = b"", **more: Any) -> WSGIEnvironment:
    """A request's environ as a server makes it; `more` adds keys and replaces values."""
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_IDENTITY_STATUS": "Confirmed",
        "HTTP_X_PROJECT_ID": "the-project",
        "HTTP_X_USER_ID": "the-user",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **more,
    }


class Server:
    """Serves one request as PEP 3333 asks of a server, and keeps a trace of each call in order.

    `chunks` is the number of chunks that the client takes before it goes away (None: all of them).
    """

    def __init__(self, chunks: int | None = None) -> None:
        self.trace: list[Any] = []
        self._chunks = chunks

    def serve(self, app: WSGIApplication, environ: WSGIEnvironment) -> "Server":
        try:
            body = app(environ, self._start_response)
            self.trace.append("returned")
            try:
                self._send(body)
            finally:
                close = getattr(body, "close", None)
                if close is not None:
                    close()
        except Exception as error:
            self.trace.append(("raised", type(error).__name__, str(error)))
        return self

    def _send(self, body: Iterable[bytes]) -> None:
        if self._chunks == 0:
            return
        for taken, chunk in enumerate(body, 1):
            self.trace.append(("chunk", chunk))
            if taken == self._chunks:
                return
        self.trace.append("exhausted")

    def _start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        self.trace.append(("start", status, list(headers), exc_info and exc_info[0]))
        return lambda data: self.trace.append(("write", data))
