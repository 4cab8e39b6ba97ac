"""Intents: recorded before the application is called, and ended with the last events."""

import io
import json
from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent, Progress
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.recorder import NotRecordedError
from glance_notify_middleware.wsgi import response_body
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


class OrderedRecorder(ListRecorder):
    """Keeps the order of the calls, too."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def begin(self, begun: Intent) -> None:
        super().begin(begun)
        self.order.append(f"begin {begun.event_type}")

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        super().record(notifications, ends)
        self.order.append(f"{len(notifications)} recorded" + (", ended" if ends else ""))


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("POST", "/v2/images", "201 Created", ["begin image.create", "app", "1 recorded, ended"]),
        ("PUT", FILE, "204 No Content", ["begin image.upload", "app", "3 recorded, ended"]),
        ("GET", FILE, "204 No Content", ["begin image.send", "app", "0 recorded, ended"]),
        ("DELETE", ONE, "404 Not Found", ["begin image.delete", "app", "1 recorded, ended"]),
        ("GET", ONE, "200 OK", ["app"]),
    ],
)
def test_intent_begins_before_the_application_is_called_and_ends_with_the_last_events(
    method: str, path: str, status: str, expected: list[str]
) -> None:
    recorder = OrderedRecorder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        recorder.order.append("app")
        return answering(status, [b"{}"] if status.startswith("20") else [])(
            environ, start_response
        )

    Server().serve(with_filter(app, recorder), environ(method, path))
    recorder.order = [step for at, step in enumerate(recorder.order) if step != "app" or at < 2]
    assert recorder.order == expected
    assert recorder.ended == recorder.begun


def test_prepare_in_the_middle_of_an_upload_ends_no_intent() -> None:
    recorder = OrderedRecorder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(5)
        return answering("204 No Content")(environ, start_response)

    asked = environ("PUT", FILE) | {"wsgi.input": io.BytesIO(b"data"), "CONTENT_LENGTH": "4"}
    Server().serve(with_filter(FakeGlance(app), recorder), asked)
    assert recorder.order == ["begin image.upload", "1 recorded", "2 recorded, ended"]


def test_operation_whose_error_is_unwanted_has_an_event_and_no_intent() -> None:
    recorder = ListRecorder()
    options = {"priorities": "info"}
    Server().serve(
        with_filter(answering("201 Created", [b"{}"]), recorder, **options),
        environ("POST", ONE[:10]),
    )
    assert (recorder.begun, recorder.ended) == ([], [])
    assert recorder.events == ["image.create INFO"]


def test_intent_has_ids_and_facts_and_no_secret() -> None:
    recorder = ListRecorder()
    asked = environ("GET", FILE) | {"HTTP_X_AUTH_TOKEN": "secret", "REMOTE_ADDR": "192.0.2.9"}
    Server().serve(with_filter(answering("404 Not Found"), recorder), asked)
    (begun,) = recorder.begun
    assert (begun.image_id, begun.destination_ip) == (IMAGE, "192.0.2.9")
    assert "secret" not in repr(begun)


LONG = "\0" * 45_000
MEMBERS = json.dumps({"memberships": [{"member_id": "m" * 60_000}]}).encode()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"/v2/images/{LONG}/file", "404 Not Found"),
        ("GET", f"/v2/images/{LONG}/file", "200 OK"),
        ("DELETE", f"/v2/images/{LONG}", "204 No Content"),
        ("DELETE", f"/v2/images/{LONG}/members/{LONG}", "204 No Content"),
        ("PUT", f"/v2/images/{LONG}/members/{LONG}", "409 Conflict"),
        ("PUT", f"/v2/images/{LONG}/file", "204 No Content"),
        ("PUT", f"/v2/images/{IMAGE}/tags/{LONG}", "404 Not Found"),
        ("PUT", f"/v1/images/{LONG}/members", "204 No Content"),
    ],
    ids=lambda text: text.replace(LONG, "LONG"),
)
def test_texts_that_a_client_chooses_are_short_in_intents_and_notifications(
    method: str, path: str, status: str
) -> None:
    chosen = {
        "REMOTE_ADDR": LONG,
        "HTTP_X_PROJECT_ID": LONG,
        "HTTP_X_USER_ID": LONG,
        "HTTP_X_FORWARDED_FOR": LONG,
    }
    context = SimpleNamespace(request_id=LONG, project_id=LONG, user_id=LONG)
    for more in (chosen, chosen | {"webob.adhoc_attrs": {"context": context}}):
        recorder = ListRecorder()
        app = with_filter(answering(status), recorder, trusted_proxies="unix")
        Server().serve(app, environ(method, path, MEMBERS, **more))
        assert recorder.begun
        assert recorder.notifications
        assert max(len(intent.encode(begun)) for begun in recorder.begun) < 8192
        assert max(len(notification.to_json()) for notification in recorder.notifications) < 16_384


def test_lost_event_is_logged_before_its_intent_ends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FullRecorder(ListRecorder):
        def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
            if notifications:
                raise NotRecordedError(notifications, "the journal is full")
            assert "image.delete" in caplog.text
            super().record(notifications, ends)

    recorder = FullRecorder()
    Server().serve(with_filter(answering("204 No Content"), recorder), environ("DELETE", ONE))
    assert recorder.ended == recorder.begun


def test_intent_that_cannot_be_recorded_costs_neither_the_request_nor_its_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FailingRecorder(ListRecorder):
        def begin(self, begun: Intent) -> None:
            raise OSError("the disk is gone")

    recorder = FailingRecorder()
    Server().serve(with_filter(answering("204 No Content"), recorder), environ("DELETE", ONE))
    assert recorder.events == ["image.delete INFO"]
    assert "the disk is gone" in caplog.text


def test_progress_of_a_download_is_recorded_after_each_step_and_when_reminded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recorder = ListRecorder()
    monkeypatch.setattr(response_body, "PROGRESS_STEP", 25)
    chunks = [b"x" * 10] * 8
    app = FakeGlance(answering("200 OK", iter(chunks), [("Content-Length", "80")]))
    body = iter(with_filter(app, recorder)(environ("GET", FILE), lambda *_: lambda data: None))
    for _ in range(4):
        next(body)
    assert recorder.progressed == [Progress(30, "the-owner")]
    (running,) = recorder.running
    running.due = 0
    next(body)
    assert recorder.progressed[1:] == [Progress(40, "the-owner")]
    next(body)
    assert len(recorder.progressed) == 2
    assert sum(len(chunk) for chunk in body) == 20
    assert recorder.progressed[2:] == [Progress(70, "the-owner")]
    assert recorder.sent == [("INFO", 80)]
