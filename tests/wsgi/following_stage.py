"""A fake Glance that accepts imports, and the filter over it with a clock that a test moves."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events import background
from glance_notify_middleware.wsgi import middleware
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.wsgi.doubles import IMAGE, ListRecorder, Server, answering, environ, with_filter

ONE = f"/v2/images/{IMAGE}"
LOCK, LISTS = (
    background.LOCK_KEY,
    {"os_glance_importing_to_stores": "", "os_glance_failed_import": ""},
)
QUEUED = {"status": "queued", LOCK: "task-1"}
IMPORTING = {"status": "importing", LOCK: "task-1", **LISTS}
ACTIVE = {"status": "active", "stores": "fast", **LISTS}
FAILED = {"status": "queued", **LISTS}
UPLOADED = ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]
BROKEN = ["image.prepare INFO", "image.upload ERROR"]


class Context:
    """A context like Glance's: who makes the request, and a token."""

    def __init__(self, request_id: str = "req-1") -> None:
        self.project_id, self.user_id, self.request_id = "the-project", "the-user", request_id
        self.auth_token: str | None = "secret-token"
        self.service_token: str | None = "secret-token"
        self.roles = ["member"]


class ImportingGlance:
    """Accepts imports, and shows the image record that a test has set.

    `response_status` is the status line of all requests but GET. `before` is what a GET shows while
    a Stage serves such a request, `shows` what it shows otherwise: a record, a status line, or an
    exception that is raised. `tasks` is Glance's list of the image's tasks.
    """

    def __init__(self) -> None:
        self.response_status = "202 Accepted"
        self.before: Any = {"status": "queued"}
        self.shows: Any = QUEUED
        self.lookups: list[WSGIEnvironment] = []
        self.tasks: list[dict[str, str]] = []

    def add_task(self, status: str = "processing", request_id: str = "req-1") -> None:
        """Have Glance list one task more: task-1, task-2, and so on."""
        number = len(self.tasks) + 1
        made = {"id": f"task-{number}", "created_at": f"2026-11-29T12:00:{number:02}"}
        self.tasks.append({**made, "status": status, "request_id": request_id})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            environ["wsgi.input"].read()
            if self.response_status.startswith("202"):
                self.add_task()
            return answering(self.response_status, [b""])(environ, start_response)
        if environ["PATH_INFO"].endswith("/tasks"):
            return answering("200 OK", [json.dumps({"tasks": self.tasks}).encode()])(
                environ, start_response
            )
        self.lookups.append(environ)
        if isinstance(self.shows, Exception):
            raise self.shows
        if isinstance(self.shows, str):
            return answering(self.shows)(environ, start_response)
        image_id = environ["PATH_INFO"].partition("images/")[2].partition("/")[0]
        body = json.dumps({"id": image_id, **self.shows}).encode()
        return answering("200 OK", iter([body[:5], body[5:]]))(environ, start_response)


class Stage:
    """The filter over an ImportingGlance. The clock, and the thread that follows, are the test's.

    `started` has the functions that were to run in a thread. `look_ups_before` counts the look-ups
    during the last request that was no GET.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.started: list[Callable[[], None]] = []
        self.glance, self.recorder = ImportingGlance(), ListRecorder()
        self._monkeypatch = monkeypatch
        self.app = self.make_filter()

    def make_filter(self, **options: str) -> NotifyMiddleware:
        def follower(*args: Any) -> Follower:
            self.follower = Follower(*args, clock=lambda: self.now, start=self.started.append)
            return self.follower

        self._monkeypatch.setattr(middleware, "Follower", follower)
        self.app = with_filter(self.glance, self.recorder, **options)
        return self.app

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Server:
        data = b"" if body is None else json.dumps(body).encode()
        given = {"webob.adhoc_attrs": {"context": Context()}, "HTTP_X_AUTH_TOKEN": "secret-token"}
        request = environ(method, path, data, **(given | more))
        if method == "GET":
            return Server().serve(self.app, request)
        shows, lookups = self.glance.shows, self.glance.lookups
        self.glance.shows, self.glance.lookups = self.glance.before, []
        served = Server().serve(self.app, request)
        self.look_ups_before = len(self.glance.lookups)
        self.glance.shows, self.glance.lookups = shows, lookups
        return served

    def import_image(
        self, image_id: str = IMAGE, name: str = "web-download", **asked: Any
    ) -> Server:
        body = {"method": {"name": name, "uri": "http://secret"}, **asked}
        return self.request("POST", f"/v2/images/{image_id}/import", body)

    def advance(self, seconds: float) -> None:
        """Move the clock by `seconds`, and do what the thread would have done meanwhile."""
        until = self.now + seconds
        while (wait := self.follower.turn()) is not None and self.now + wait <= until:
            self.now += wait
        self.now = until
