"""The events of each operation, when they are emitted, and the look-ups that they cost."""

import json
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

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
PATCH = b'[{"op": "replace", "path": "/name", "value": "n"}]'
PLACE = b'[{"op": "add", "path": "/locations/-", "value": {"url": "file:///secret"}}]'
QUEUED = {**RECORD, "status": "queued"}
SPELLED = (
    b'[%s, {"op": "add", "value": {"url": "http://u"}, "path": "\\u002flocations/-"}]' % PATCH[1:-1]
)
LONG = b'[{"op": "add", "path": "/name", "value": "%s"}, %s]' % (b"n" * 70_000, SPELLED[1:-1])
ACTIVATED = ["image.update INFO", "image.activate INFO"]
UPLOADED = ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]


def reading(status: str, body: bytes = b"") -> Callable[..., Iterable[bytes]]:
    """An application that reads its whole input, and gives this response."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read()
        start_response(status, [("Content-Length", str(len(body)))])
        return iter([body])

    return app


RECORD_BODY = json.dumps(RECORD).encode()


@pytest.mark.parametrize(
    ("method", "path", "body", "app", "record", "events", "lookups"),
    [
        ("POST", "/v2/images", b"{}", reading("201 Created", RECORD_BODY), RECORD, ["image.create INFO"], 0),
        ("POST", "/v2/images", b"{}", reading("403 Forbidden"), RECORD, ["image.create WARN"], 0),
        ("PUT", FILE, b"data", reading("204 No Content"), RECORD, UPLOADED, 2),
        ("PUT", FILE, b"", reading("204 No Content"), RECORD, UPLOADED, 1),
        ("PUT", FILE, b"data", answering("409 Conflict"), RECORD, ["image.upload WARN"], 0),
        ("PUT", FILE, b"data", reading("413 Too Large"), RECORD, ["image.prepare INFO", "image.upload ERROR"], 1),
        ("PUT", FILE, b"data", answering("410 Gone"), RECORD, ["image.prepare INFO", "image.upload ERROR"], 1),
        ("PUT", f"{ONE}/stage", b"data", reading("204 No Content"), RECORD, ["image.update INFO"], 1),
        ("PUT", f"{ONE}/stage", b"data", reading("413 Too Large"), RECORD, ["image.update ERROR"], 0),
        ("PATCH", ONE, PATCH, reading("200 OK", RECORD_BODY), RECORD, ["image.update INFO"], 0),
        ("PATCH", ONE, b" [ ] ", reading("200 OK", RECORD_BODY), RECORD, ["image.update INFO"], 0),
        ("PATCH", ONE, b" []\n", reading("200 OK", RECORD_BODY), RECORD, [], 0),
        ("PATCH", ONE, PLACE, reading("200 OK", RECORD_BODY), QUEUED, ["image.update INFO", "image.activate INFO"], 1),
        ("PATCH", ONE, PLACE, reading("200 OK", RECORD_BODY), RECORD, ["image.update INFO"], 1),
        ("PATCH", ONE, PATCH.replace(b'"n"', b'"%s"' % (b"n" * 60_000)), reading("200 OK", RECORD_BODY), QUEUED, ["image.update INFO"], 0),
        ("PATCH", ONE, SPELLED, reading("200 OK", RECORD_BODY), QUEUED, ACTIVATED, 1),
        ("PATCH", ONE, LONG, reading("200 OK", RECORD_BODY), QUEUED, ACTIVATED, 1),
        ("PATCH", ONE, LONG, reading("200 OK", RECORD_BODY), RECORD, ["image.update INFO"], 1),
        ("POST", f"{ONE}/actions/deactivate", b"", answering("204 No Content"), RECORD, ["image.update INFO"], 2),
        ("POST", f"{ONE}/actions/reactivate", b"", answering("204 No Content"), RECORD, [], 1),
        ("PUT", f"{ONE}/tags/t", b"", answering("204 No Content"), RECORD, ["image.update INFO"], 1),
        ("DELETE", f"{ONE}/tags/t", b"", answering("204 No Content"), RECORD, ["image.update INFO"], 1),
        ("DELETE", f"{ONE}/tags/t", b"", answering("404 Not Found"), RECORD, ["image.update WARN"], 0),
        ("DELETE", f"/v2/stores/s/{IMAGE}", b"", answering("204 No Content"), RECORD, ["image.update INFO"], 1),
        ("DELETE", ONE, b"", answering("204 No Content"), RECORD, ["image.delete INFO"], 0),
        ("POST", f"{ONE}/members", b"{}", reading("200 OK", b"{}"), RECORD, ["image.member.create INFO"], 0),
        ("PUT", f"{ONE}/members/m", b"{}", reading("200 OK", b"{}"), RECORD, ["image.member.update INFO"], 0),
        ("DELETE", f"{ONE}/members/m", b"", answering("204 No Content"), RECORD, ["image.member.delete INFO"], 1),
    ],
)  # fmt: skip
def test_operation_emits_its_events_within_its_budget_of_look_ups(
    method: str, path: str, body: bytes, app: Any, record: Any, events: list[str], lookups: int
) -> None:
    recorder = ListRecorder()
    glance = FakeGlance(app, record)
    Server().serve(with_filter(glance, recorder), environ(method, path, body))
    assert recorder.events == events
    assert len(glance.lookups) == lookups


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("body", [PLACE, SPELLED], ids=["plain", "spelled"])
def test_patch_read_in_pieces_is_looked_up_before_glance_acts_on_it(body: bytes, size: int) -> None:
    recorder = ListRecorder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        while environ["wsgi.input"].read(size):
            pass
        assert len(glance.lookups) == 1
        start_response("200 OK", [])
        return [RECORD_BODY]

    glance = FakeGlance(app, QUEUED)
    Server().serve(with_filter(glance, recorder), environ("PATCH", ONE, body))
    assert recorder.events == ACTIVATED
    assert len(glance.lookups) == 1


def test_event_is_emitted_before_the_server_has_the_last_promised_byte() -> None:
    recorder = ListRecorder()
    body = json.dumps(RECORD).encode()
    app = with_filter(FakeGlance(reading("201 Created", body)), recorder)
    for chunk in app(environ("POST", "/v2/images", b"{}"), Server()._start_response):
        assert chunk == body
        assert recorder.events == ["image.create INFO"]


@pytest.mark.parametrize("body", [[], iter(())], ids=["list", "iterator"])
def test_event_of_an_empty_response_is_emitted_before_the_iterable_is_returned(body: Any) -> None:
    recorder = ListRecorder()
    with_filter(FakeGlance(answering("204 No Content", body)), recorder)(
        environ("DELETE", ONE), Server()._start_response
    )
    assert recorder.events == ["image.delete INFO"]


def test_event_of_a_response_without_a_length_is_emitted_before_the_iteration_ends() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("201 Created", iter([b"{", b"}"]))), recorder)
    chunks = iter(app(environ("POST", "/v2/images"), Server()._start_response))
    assert (next(chunks), recorder.events) == (b"{", [])
    assert list(chunks) == [b"}"]
    assert recorder.events == ["image.create INFO"]


def test_event_is_emitted_before_the_server_has_what_was_given_to_write() -> None:
    recorder = ListRecorder()
    seen: list[list[str]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("201 Created", [("Content-Length", "2")])(b"{}")
        return []

    def start_response(*_: Any) -> Callable[[bytes], object]:
        return lambda data: seen.append(list(recorder.events))

    list(with_filter(FakeGlance(app), recorder)(environ("POST", "/v2/images"), start_response))
    assert seen == [["image.create INFO"]]


def test_prepare_is_emitted_while_the_data_is_read() -> None:
    recorder = ListRecorder()
    seen: list[list[str]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append(list(recorder.events))
        environ["wsgi.input"].read(1)
        seen.append(list(recorder.events))
        start_response("204 No Content", [])
        return []

    Server().serve(with_filter(FakeGlance(app), recorder), environ("PUT", FILE, b"data"))
    assert seen == [[], ["image.prepare INFO"]]


def test_chunked_upload_that_uwsgi_hides_is_judged_by_its_status() -> None:
    for status, event in (("415 No", "image.upload WARN"), ("413 No", "image.upload ERROR")):
        recorder = ListRecorder()
        given = environ("PUT", FILE, HTTP_TRANSFER_ENCODING="chunked") | {"uwsgi.version": b"2"}
        Server().serve(with_filter(FakeGlance(answering(status)), recorder), given)
        assert recorder.events[-1] == event


def test_refused_look_up_costs_neither_the_event_nor_the_request() -> None:
    recorder = ListRecorder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refused = environ["REQUEST_METHOD"] == "GET"
        start_response("403 Forbidden" if refused else "204 No Content", [])
        return []

    server = Server().serve(with_filter(app, recorder), environ("PUT", f"{ONE}/tags/t"))
    assert server.trace[0][1] == "204 No Content"
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert payload["id"] == IMAGE
    assert payload["owner"] is None


def test_look_up_that_raises_costs_no_event_and_logs_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    recorder = ListRecorder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "GET":
            raise OSError("mysql://glance:secret@db")
        start_response("204 No Content", [])
        return []

    Server().serve(with_filter(app, recorder), environ("PUT", f"{ONE}/tags/t"))
    assert recorder.events == ["image.update INFO"]
    assert "OSError" in caplog.text
    assert "secret" not in caplog.text


def test_delete_with_metadata_looks_the_image_up_before_it_deletes() -> None:
    recorder = ListRecorder()
    glance = FakeGlance(answering("204 No Content"))
    app = with_filter(glance, recorder, image_delete_payload="metadata")
    Server().serve(app, environ("DELETE", ONE))
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert (payload["owner"], payload["status"], payload["deleted"]) == (
        "the-owner",
        "deleted",
        True,
    )
    assert len(glance.lookups) == 1


def test_created_image_without_a_visible_record_is_named_by_its_location() -> None:
    recorder = ListRecorder()
    app = answering(
        "201 Created", [], [("Location", f"http://glance{ONE}"), ("Content-Length", "9")]
    )
    Server().serve(with_filter(FakeGlance(app), recorder), environ("POST", "/v2/images"))
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert payload["id"] == IMAGE


def test_unwanted_priorities_are_neither_emitted_nor_looked_up() -> None:
    recorder = ListRecorder()
    glance = FakeGlance(reading("204 No Content"))
    app = with_filter(glance, recorder, priorities="warn, error", image_delete_payload="metadata")
    for method, path in (("PUT", FILE), ("DELETE", ONE), ("POST", f"{ONE}/actions/deactivate")):
        Server().serve(app, environ(method, path, b"data"))
    assert recorder.events == []
    assert glance.lookups == []
    refusing = with_filter(FakeGlance(answering("403 Forbidden")), recorder, priorities="warn")
    Server().serve(refusing, environ("DELETE", ONE))
    assert recorder.events == ["image.delete WARN"]


def test_look_up_carries_the_snapshot_and_nothing_that_the_client_asked_for() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["api.cache.image_id"] = IMAGE
        environ["webob.adhoc_attrs"]["response"] = "the application's own"
        return reading("204 No Content")(environ, start_response)

    class Context:
        project_id, user_id, request_id = "context-project", "context-user", "req-1"

    glance = FakeGlance(app)
    recorder = ListRecorder()
    context = Context()
    given = environ(
        "PUT",
        FILE,
        b"data",
        QUERY_STRING="a=b",
        CONTENT_TYPE="application/octet-stream",
        HTTP_RANGE="bytes=1-2",
        HTTP_IF_NONE_MATCH="x",
        HTTP_ACCEPT="text/html",
        HTTP_ACCEPT_ENCODING="gzip",
        HTTP_COOKIE="secret",
        HTTP_X_ROLES="member",
        HTTP_X_IMAGE_META_STORE="s",
        **{"webob.adhoc_attrs": {"context": context}, "api.version": 2, "wsgi.odd": "kept"},
    )
    Server().serve(with_filter(glance, recorder), given)
    before, after = glance.lookups
    for lookup in (before, after):
        assert lookup["PATH_INFO"] == ONE
        assert lookup["QUERY_STRING"] == ""
        assert lookup["webob.adhoc_attrs"]["context"] is context
        assert "response" not in lookup["webob.adhoc_attrs"]
        assert lookup["wsgi.input"].read() == b""
        assert (lookup["HTTP_X_ROLES"], lookup["api.version"], lookup["wsgi.odd"]) == (
            "member",
            2,
            "kept",
        )
        travelled = " ".join(lookup)
        for word in ("CONTENT_", "RANGE", "IF_", "ACCEPT", "COOKIE", "IMAGE_META", "api.cache"):
            assert word not in travelled
    assert recorder.notifications[-1].request_id == "req-1"
    assert recorder.notifications[-1].project_id == "context-project"


ASKED: dict[str, Any] = {
    "HTTP_USER_AGENT": "python-glanceclient",
    "SCRIPT_NAME": "/image",
    "QUERY_STRING": "a=secret",
    "HTTP_X_SERVICE_IDENTITY_STATUS": "Confirmed",
    "HTTP_X_SERVICE_USER_ID": "nova",
    "HTTP_X_SERVICE_PROJECT_ID": "service",
    "keystone.token_auth": object(),
}


@pytest.mark.parametrize(
    ("method", "path", "app", "status"),
    [
        ("POST", "/v2/images", reading("201 Created", RECORD_BODY), 201),
        ("POST", "/v2/images", reading("403 Forbidden"), 403),
        ("GET", FILE, answering("206 Partial Content", [b"data"]), 206),
        ("GET", FILE, answering("404 Not Found"), 404),
        ("PUT", f"{ONE}/tags/t", answering("204 No Content"), 204),
        ("DELETE", ONE, answering("500 Internal Server Error"), 500),
    ],
)
@pytest.mark.parametrize("has_context", [True, False])
def test_notification_has_the_request_and_the_status_of_the_answer(
    method: str, path: str, app: Callable[..., Iterable[bytes]], status: int, has_context: bool
) -> None:
    recorder = ListRecorder()
    given = environ(method, path) | ASKED
    if has_context:
        given["webob.adhoc_attrs"] = {"context": SimpleNamespace(request_id="req-1")}
    Server().serve(with_filter(FakeGlance(app, RECORD), recorder), given)
    made = recorder.notifications[-1]
    assert (made.method, made.path, made.status) == (method, f"/image{path}", status)
    assert made.user_agent == "python-glanceclient"
    assert (made.service_user_id, made.service_project_id) == ("nova", "service")


def test_prepare_has_no_status_as_nothing_was_answered_yet() -> None:
    recorder = ListRecorder()
    app = FakeGlance(reading("204 No Content"), RECORD)
    Server().serve(with_filter(app, recorder), environ("PUT", FILE, b"data"))
    assert [made.status for made in recorder.notifications] == [None, 204, 204]
    assert {made.method for made in recorder.notifications} == {"PUT"}


def test_service_is_known_where_authtoken_stands_below() -> None:
    """What the client sends itself is gone by then."""

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ |= {**ASKED, "webob.adhoc_attrs": {"context": SimpleNamespace()}}
        start_response("204 No Content", [])
        return []

    recorder = ListRecorder()
    Server().serve(
        with_filter(app, recorder),
        environ(
            "DELETE",
            ONE,
            HTTP_X_SERVICE_IDENTITY_STATUS="Confirmed",
            HTTP_X_SERVICE_USER_ID="made up",
        ),
    )
    assert recorder.notifications[0].service_user_id == "nova"


def test_requester_comes_from_a_context_that_a_filter_below_sets() -> None:
    class Context:
        project_id, user_id, request_id = "p", "u", "req-2"

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["webob.adhoc_attrs"] = {"context": Context()}
        start_response("204 No Content", [])
        return []

    recorder = ListRecorder()
    given = environ("DELETE", ONE, HTTP_X_IDENTITY_STATUS="Invalid")
    Server().serve(with_filter(app, recorder), given)
    assert (recorder.notifications[0].user_id, recorder.notifications[0].request_id) == (
        "u",
        "req-2",
    )


def test_headers_do_not_count_where_a_filter_below_sets_a_context() -> None:
    class Context:
        project_id, user_id, request_id = "real", "real", "req-3"

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["webob.adhoc_attrs"] = {"context": Context()}
        start_response("204 No Content", [])
        return []

    recorder = ListRecorder()
    forged = environ("DELETE", ONE, HTTP_X_PROJECT_ID="forged", HTTP_X_USER_ID="forged")
    Server().serve(with_filter(app, recorder), forged)
    assert (recorder.notifications[0].project_id, recorder.notifications[0].user_id) == (
        "real",
        "real",
    )


def test_headers_that_a_filter_below_removed_do_not_count() -> None:
    def authtoken(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in ("HTTP_X_IDENTITY_STATUS", "HTTP_X_PROJECT_ID", "HTTP_X_USER_ID"):
            del environ[name]
        start_response("401 Unauthorized", [])
        return []

    recorder = ListRecorder()
    Server().serve(with_filter(authtoken, recorder), environ("DELETE", ONE))
    assert (recorder.events, recorder.notifications[0].user_id) == (["image.delete WARN"], None)
