"""Before an operation is given to Glance there is an intent of it, which one record ends."""

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
from glance_notify_middleware.wsgi import streams
from tests.wsgi.support import FILE, IMAGE, PlaysGlance, Server, Told, answer, environ, watched

ONE = f"/v2/images/{IMAGE}"


class InOrder(Told):
    """Keeps the order of things, too."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[str] = []

    def begin(self, begun: Intent) -> None:
        super().begin(begun)
        self.order.append(f"begin {begun.event_type}")

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        super().record(notifications, ends)
        self.order.append(f"{len(notifications)} told" + (", ended" if ends else ""))


@pytest.mark.parametrize(
    ("method", "path", "status", "expected"),
    [
        ("POST", "/v2/images", "201 Created", ["begin image.create", "app", "1 told, ended"]),
        ("PUT", FILE, "204 No Content", ["begin image.upload", "app", "3 told, ended"]),
        ("GET", FILE, "204 No Content", ["begin image.send", "app", "0 told, ended"]),
        ("DELETE", ONE, "404 Not Found", ["begin image.delete", "app", "1 told, ended"]),
        ("GET", ONE, "200 OK", ["app"]),
    ],
)
def test_it_is_there_before_glance_is_called_and_ended_by_the_last_record(
    method: str, path: str, status: str, expected: list[str]
) -> None:
    told = InOrder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        told.order.append("app")
        return answer(status, [b"{}"] if status.startswith("20") else [])(environ, start_response)

    Server().serve(watched(app, told), environ(method, path))
    told.order = [each for at, each in enumerate(told.order) if each != "app" or at < 2]
    assert told.order == expected
    assert told.ended == told.begun


def test_a_prepare_that_is_told_in_the_middle_of_an_upload_ends_nothing() -> None:
    told = InOrder()

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["wsgi.input"].read(5)
        return answer("204 No Content")(environ, start_response)

    asked = environ("PUT", FILE) | {"wsgi.input": io.BytesIO(b"data"), "CONTENT_LENGTH": "4"}
    Server().serve(watched(PlaysGlance(app), told), asked)
    assert told.order == ["begin image.upload", "1 told", "2 told, ended"]


def test_who_wants_no_error_of_it_gets_no_intent_and_the_event_all_the_same() -> None:
    told = Told()
    options = {"priorities": "info"}
    Server().serve(
        watched(answer("201 Created", [b"{}"]), told, **options), environ("POST", ONE[:10])
    )
    assert (told.begun, told.ended) == ([], [])
    assert told.events == ["image.create INFO"]


def test_it_has_the_ids_and_facts_and_nothing_else() -> None:
    told = Told()
    asked = environ("GET", FILE) | {"HTTP_X_AUTH_TOKEN": "secret", "REMOTE_ADDR": "192.0.2.9"}
    Server().serve(watched(answer("404 Not Found"), told), asked)
    (begun,) = told.begun
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
def test_what_a_client_chooses_is_short_where_it_is_kept(
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
        told = Told()
        app = watched(answer(status), told, trusted_proxies="unix")
        Server().serve(app, environ(method, path, MEMBERS, **more))
        assert told.begun
        assert told.notifications
        assert max(len(intent.encode(each)) for each in told.begun) < 8192
        assert max(len(each.to_json()) for each in told.notifications) < 16_384


def test_an_event_that_is_lost_is_logged_before_its_intent_is_ended(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Full(Told):
        def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
            if notifications:
                raise NotRecordedError(notifications, "the journal is full")
            assert "image.delete" in caplog.text
            super().record(notifications, ends)

    told = Full()
    Server().serve(watched(answer("204 No Content"), told), environ("DELETE", ONE))
    assert told.ended == told.begun


def test_one_that_cannot_be_begun_costs_neither_the_request_nor_its_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Fails(Told):
        def begin(self, begun: Intent) -> None:
            raise OSError("the disk is gone")

    told = Fails()
    Server().serve(watched(answer("204 No Content"), told), environ("DELETE", ONE))
    assert told.events == ["image.delete INFO"]
    assert "the disk is gone" in caplog.text


def test_the_progress_of_a_download_is_told_after_so_many_bytes_and_when_it_is_reminded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = Told()
    monkeypatch.setattr(streams, "STEP", 25)
    chunks = [b"x" * 10] * 8
    app = PlaysGlance(answer("200 OK", iter(chunks), [("Content-Length", "80")]))
    body = iter(watched(app, told)(environ("GET", FILE), lambda *_: lambda data: None))
    for _ in range(4):
        next(body)
    assert told.progressed == [Progress(30, "the-owner")]
    (running,) = told.running
    running.due = 0
    next(body)
    assert told.progressed[1:] == [Progress(40, "the-owner")]
    next(body)
    assert len(told.progressed) == 2
    assert sum(len(chunk) for chunk in body) == 20
    assert told.progressed[2:] == [Progress(70, "the-owner")]
    assert told.sent == [("INFO", 80)]
