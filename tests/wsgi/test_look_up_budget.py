"""How many look-ups each operation makes: those of the table in docs/guarantees.md by default, and
none that only unwanted events need."""

import json
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import pytest

from glance_notify_middleware.events.operations import ROUTES, Action, Route
from glance_notify_middleware.wsgi import middleware
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.look_up_table import look_up_table
from tests.wsgi.doubles import (
    FILE,
    IMAGE,
    RECORD,
    FakeGlance,
    ListRecorder,
    Server,
    answering,
    environ,
    with_filter,
)

ONE = f"/v2/images/{IMAGE}"
TEN = [("Content-Length", "10")]
CALLS = {
    f"{route.method} /v2/{route.path.replace('{image}', '{id}')}": route
    for route in ROUTES
    if route.version == 2
}
BODIES = {
    Action.UPLOAD: b"data",
    Action.STAGE: b"data",
    Action.PATCH: b'[{"op": "replace", "path": "/name", "value": "n"}]',
    Action.TASK: b'{"type": "import"}',
}
STATUSES = {
    Action.CREATE: "201 Created",
    Action.IMPORT: "202 Accepted",
    Action.ADD_LOCATION: "202 Accepted",
    Action.TASK: "201 Created",
    Action.SEND: "200 OK",
    Action.PATCH: "200 OK",
    Action.MEMBER_CREATE: "200 OK",
    Action.MEMBER_UPDATE: "200 OK",
}
"""The others are answered with 204."""


def done(route: Route) -> WSGIApplication:
    """An application that does what the route asks for."""
    status = STATUSES.get(route.action, "204 No Content")
    body = b"" if status.startswith("204") else json.dumps(RECORD).encode()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        start_response(status, [("Content-Length", str(len(body)))])
        return iter([body[:7], body[7:]])

    return app


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """How many look-ups a filter makes for a request; without those of the thread that follows."""

    def follower(*args: Any) -> Follower:
        return Follower(*args, start=lambda run: None)

    def count(app: WSGIApplication, route: Route, **record: Any) -> int:
        glance = FakeGlance(app, {**RECORD, **record})
        path = "/v2/" + route.path.format(image=IMAGE, tag="t", store="s", member="m")
        request = environ(route.method, path, BODIES.get(route.action, b""))
        Server().serve(with_filter(glance, ListRecorder()), request)
        return len(glance.lookups)

    monkeypatch.setattr(middleware, "Follower", follower)
    return count


def test_table_has_every_api_call() -> None:
    assert list(look_up_table()) == list(CALLS)


@pytest.mark.parametrize("call", CALLS)
def test_operation_makes_the_look_ups_of_the_table(call: str, look_ups: Callable[..., int]) -> None:
    route = CALLS[call]
    status = "deactivated" if route.action is Action.REACTIVATE else "active"
    refused = answering("403 Forbidden", iter([b"no"]), [("Content-Length", "2")])
    found = (look_ups(done(route), route, status=status), look_ups(refused, route, status=status))
    assert found == look_up_table()[call]


def filtered(app: WSGIApplication, **options: str) -> tuple[FakeGlance, NotifyMiddleware]:
    glance = FakeGlance(app)
    return glance, with_filter(glance, ListRecorder(), **options)


UPLOAD = CALLS["PUT /v2/images/{id}/file"]
DOWNLOAD = CALLS["GET /v2/images/{id}/file"]


@pytest.mark.parametrize(
    ("method", "path", "app", "options", "expected"),
    [
        ("PUT", FILE, done(UPLOAD), {"disabled_notifications": "image.prepare"}, 1),
        ("PUT", FILE, done(UPLOAD), {"disabled_notifications": "image.upload"}, 2),
        ("PUT", FILE, done(UPLOAD), {"disabled_notifications": "image.upload, image.activate"}, 1),
        ("PUT", FILE, done(UPLOAD), {"priorities": "error"}, 0),
        ("PUT", FILE, answering("410 Gone"), {"disabled_notifications": "image.prepare"}, 0),
        ("PUT", FILE, answering("410 Gone"), {"disabled_notifications": "image.activate"}, 1),
        ("GET", FILE, done(DOWNLOAD), {"priorities": "warn"}, 0),
        ("GET", FILE, done(DOWNLOAD), {"priorities": "warn, error"}, 0),
        ("GET", FILE, done(DOWNLOAD), {"priorities": "info"}, 1),
        ("GET", FILE, answering("200 OK", [b"short"], TEN), {"priorities": "warn, error"}, 1),
        ("GET", FILE, answering("200 OK", [], TEN), {"priorities": "info"}, 0),
        ("GET", FILE, answering("200 OK", [b"0123456789"]), {"priorities": "error"}, 1),
        ("GET", FILE, answering("200 OK", [b"0123456789"]), {"priorities": "warn"}, 0),
        ("POST", f"{ONE}/actions/deactivate", answering("204 No"), {"priorities": "error"}, 0),
        ("DELETE", f"{ONE}/members/m", answering("204 No"), {"priorities": "warn"}, 0),
        ("PUT", f"{ONE}/tags/t", answering("204 No"), {"priorities": "warn, error"}, 0),
    ],
)
def test_look_up_that_only_unwanted_events_need_is_not_made(
    method: str, path: str, app: WSGIApplication, options: dict[str, str], expected: int
) -> None:
    glance, app = filtered(app, **options)
    Server().serve(app, environ(method, path, b"data"))
    assert len(glance.lookups) == expected


@pytest.mark.parametrize("query", ["", "_method=PUT"])
def test_first_chunk_of_a_download_waits_for_no_look_up(query: str) -> None:
    glance, app = filtered(answering("200 OK", iter([b"01234", b"56789"]), TEN))
    body = iter(app(environ("GET", FILE, QUERY_STRING=query), Server()._start_response))
    assert (next(body), len(glance.lookups)) == (b"01234", 0)
    assert (next(body), len(glance.lookups)) == (b"56789", 1)
    assert (list(body), len(glance.lookups)) == ([], 1)


@pytest.mark.parametrize(
    ("taken", "owner"), [(1, None), (2, "the-owner")], ids=["first chunk", "second chunk"]
)
def test_owner_of_an_image_that_is_deleted_while_it_is_sent_is_known_from_the_second_chunk_on(
    taken: int, owner: str | None
) -> None:
    recorder = ListRecorder()
    is_there = True

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == FILE:
            return answering("200 OK", iter([b"01234", b"56789"]), TEN)(environ, start_response)
        found = answering("200 OK", [json.dumps(RECORD).encode()])
        return (found if is_there else answering("404 Not Found"))(environ, start_response)

    body = iter(with_filter(app, recorder)(environ("GET", FILE), Server()._start_response))
    for _ in range(taken):
        next(body)
    is_there = False
    list(body)
    assert recorder.sent == [("INFO", 10)]
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert payload["owner_id"] == owner


@pytest.mark.parametrize("time", ["0", "10m"])
def test_download_of_a_remembered_image_makes_no_look_up(time: str) -> None:
    glance, app = filtered(answering("200 OK", [b"0123456789"], TEN), owner_cache_time=time)
    for _ in range(3):
        Server().serve(app, environ("GET", FILE))
    assert len(glance.lookups) == (3 if time == "0" else 1)


def test_remembered_owner_of_an_image_that_is_deleted_while_it_is_sent_is_known() -> None:
    recorder = ListRecorder()
    is_there = True

    def app(given: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if given["REQUEST_METHOD"] == "DELETE":
            return answering("204 No Content")(given, start_response)
        if given["PATH_INFO"] == FILE:
            return answering("200 OK", iter([b"01234", b"56789"]), TEN)(given, start_response)
        found = answering("200 OK", [json.dumps(RECORD).encode()])
        return (found if is_there else answering("404 Not Found"))(given, start_response)

    filtered_app = with_filter(app, recorder)
    Server().serve(filtered_app, environ("GET", FILE))
    body = iter(filtered_app(environ("GET", FILE), Server()._start_response))
    next(body)
    Server().serve(filtered_app, environ("DELETE", ONE))
    is_there = False
    list(body)
    payloads = [each.payload for each in recorder.notifications if each.event_type == "image.send"]
    assert [isinstance(each, dict) and each["owner_id"] for each in payloads] == ["the-owner"] * 2


@pytest.mark.parametrize("disabled", ["image.create", "image.update, image.activate"])
def test_owner_is_forgotten_with_a_change_whether_or_not_its_events_are_wanted(
    disabled: str,
) -> None:
    glance, app = filtered(
        answering("200 OK", [b"0123456789"], TEN), disabled_notifications=disabled
    )
    for request in (("GET", FILE), ("PATCH", ONE), ("GET", FILE)):
        Server().serve(app, environ(*request))
    assert len(glance.lookups) == 2


def test_owner_of_a_look_up_during_which_the_image_was_changed_is_not_remembered() -> None:
    looked_up: list[str] = []

    def glance(given: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if given["PATH_INFO"] == FILE:
            return answering("200 OK", [b"0123456789"], TEN)(given, start_response)
        if given["REQUEST_METHOD"] == "GET":
            looked_up.append(given["PATH_INFO"])
            if len(looked_up) == 1:
                Server().serve(app, environ("PATCH", ONE))
        return answering("200 OK", [json.dumps(RECORD).encode()])(given, start_response)

    app = with_filter(glance, ListRecorder())
    for _ in range(3):
        Server().serve(app, environ("GET", FILE))
    assert looked_up == [ONE, ONE]
