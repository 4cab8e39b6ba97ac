"""Places of the filter: among nodes that pass requests on, and where it cannot do its work."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from tests.wsgi.doubles import (
    FILE,
    IMAGE,
    FakeGlance,
    ListRecorder,
    Server,
    answering,
    environ,
    with_filter,
)

ONE = f"/v2/images/{IMAGE}"
NOBODY = "nobody is known who made a request that Glance granted"
CACHE_ABOVE = "the filter stands below Glance's cache filter"
IDENTITY = ("HTTP_X_IDENTITY_STATUS", "HTTP_X_PROJECT_ID", "HTTP_X_USER_ID")


@dataclass
class Context:
    request_id: str
    project_id: str = "p"
    user_id: str = "u"


def with_context(method: str, path: str, **more: Any) -> WSGIEnvironment:
    return environ(method, path, **{"webob.adhoc_attrs": {"context": Context("req-1")}, **more})


def without_identity(method: str, path: str, **more: Any) -> WSGIEnvironment:
    given = environ(method, path, **more)
    return {key: value for key, value in given.items() if key not in IDENTITY}


def passing_on(status: str, request_id: str) -> WSGIApplication:
    """An application that has another node do the work, as Glance does."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["webob.adhoc_attrs"]["context"].request_id = request_id
        return answering(status, [b"{}"])(environ, start_response)

    return app


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", ONE),
        ("PUT", f"{ONE}/tags/t"),
        ("PUT", f"{ONE}/stage"),
        ("POST", "/v2/images"),
        ("PATCH", ONE),
        ("POST", f"{ONE}/members"),
        ("DELETE", f"/v2/stores/s/{IMAGE}"),
    ],
)
@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "500 Error"])
def test_operation_of_another_node_is_counted_and_no_event_here(
    status: str, method: str, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    recorder = ListRecorder()
    for request_id in ("req-2", "req-3"):
        app = with_filter(FakeGlance(passing_on(status, request_id)), recorder)
        Server().serve(app, with_context(method, path))
        assert caplog.messages[-1].endswith("another node did it, and emits its events (1 so far)")
    assert recorder.events == []
    Server().serve(
        with_filter(FakeGlance(passing_on(status, "req-1")), recorder), with_context(method, path)
    )
    assert len(recorder.events) == 1


def test_delete_passed_on_to_another_node_drops_the_cached_owner() -> None:
    recorder = ListRecorder()
    deleting = passing_on("204 No Content", "req-2")
    sending = answering("200 OK", [b"0123456789"])

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        chosen = deleting if environ["REQUEST_METHOD"] == "DELETE" else sending
        return chosen(environ, start_response)

    glance = FakeGlance(app)
    app_in_filter = with_filter(glance, recorder)
    for method, path in (("GET", FILE), ("GET", FILE), ("DELETE", ONE), ("GET", FILE)):
        Server().serve(app_in_filter, with_context(method, path))
    assert recorder.events == ["image.send INFO"] * 3
    assert len(glance.lookups) == 2


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_cache_filter_above_is_logged_once_with_what_to_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = with_filter(FakeGlance(answering("200 OK", [b"0123456789"])), ListRecorder())
    keys: dict[str, Any] = {
        "api.cache.image_id": IMAGE,
        "api.cache.method": "GET",
        "api.cache.version": "v2",
    }
    for _ in range(3):
        Server().serve(app, environ("GET", FILE, **keys))
    (said,) = warnings_in(caplog)
    assert said.startswith(CACHE_ABOVE)
    assert "put it directly before `cache` in the pipeline" in said


def test_cache_filter_below_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def cache(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["api.cache.image_id"] = IMAGE
        return answering("200 OK", [b"0123456789"])(environ, start_response)

    Server().serve(with_filter(FakeGlance(cache), ListRecorder()), environ("GET", FILE))
    assert warnings_in(caplog) == []


def test_request_of_nobody_is_logged_once_with_what_to_change(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("204 No Content")), recorder)
    for _ in range(3):
        Server().serve(app, without_identity("DELETE", ONE))
    (said,) = warnings_in(caplog)
    assert said.startswith(NOBODY)
    assert "put the filter directly after `context` in the pipeline" in said
    assert recorder.events == ["image.delete INFO"] * 3


def makes_a_context(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    environ["webob.adhoc_attrs"] = {"context": Context("req-1")}
    return answering("204 No Content")(environ, start_response)


@pytest.mark.parametrize(
    ("app", "given"),
    [
        (answering("401 Unauthorized"), without_identity("DELETE", ONE)),
        (answering("204 No Content"), environ("DELETE", ONE)),
        (answering("204 No Content"), environ("DELETE", ONE, HTTP_X_IDENTITY_STATUS="Invalid")),
        (answering("204 No Content"), with_context("DELETE", ONE)),
        (makes_a_context, without_identity("DELETE", ONE)),
    ],
    ids=["refused", "headers", "headers of nobody", "a context", "a context below"],
)
def test_request_whose_user_was_checked_logs_nothing(
    app: WSGIApplication, given: WSGIEnvironment, caplog: pytest.LogCaptureFixture
) -> None:
    Server().serve(with_filter(FakeGlance(app), ListRecorder()), given)
    assert warnings_in(caplog) == []
