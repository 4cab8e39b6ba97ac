"""An error of the filter never reaches a request: it is logged, with what it cost and no secret."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events import addresses, identity, rules
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import Notification
from glance_notify_middleware.recorder import NotRecordedError, RunningDownload
from glance_notify_middleware.wsgi import middleware
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

BODY = [b"0123456789"]
TEN = [("Content-Length", "10")]
ONE = f"/v2/images/{IMAGE}"


class RaisingRecorder(ListRecorder):
    """A recorder that raises when it is given notifications."""

    def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
        if notifications:
            raise OSError("the disk is full")
        super().record(notifications, ends)


def fails(*_: Any, **__: Any) -> Any:
    raise RuntimeError("a bug in the filter")


def test_recorder_that_fails_costs_the_request_nothing_and_the_log_has_the_whole_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = middleware.NotifyMiddleware(
        FakeGlance(answering("200 OK", BODY, TEN)),
        with_filter(answering("200 OK"), ListRecorder())._settings,
        RaisingRecorder(),
    )
    server = Server().serve(app, environ("GET", FILE))
    assert ("chunk", b"0123456789") in server.trace
    (record,) = caplog.records
    assert record.levelname == "ERROR"
    line = next(text for text in record.getMessage().splitlines() if "{" in text)
    assert json.loads(line[line.index("{") :])["payload"]["bytes_sent"] == 10
    assert "the disk is full" in record.getMessage()


def test_log_escapes_what_a_client_chose(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def quotes(*_: Any, **__: Any) -> Any:
        raise ValueError(
            "\x9b2J\x1b[31m\u2028\n2026-01-01 CRITICAL glance all is lost\x85\x7f\u202e"
        )

    with monkeypatch.context() as patched:
        patched.setattr(rules, "decide", quotes)
        Server().serve(
            with_filter(answering("204 No Content"), ListRecorder()), environ("DELETE", ONE)
        )
    Server().serve(
        with_filter(answering("204 No Content"), RaisingRecorder()),
        environ("DELETE", "/v2/images/a\x9bb"),
    )
    assert len(caplog.messages) == 2
    for message in caplog.messages:
        assert message.splitlines() == message.split("\n")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202e]", message)
        assert not any(line.startswith("2026") for line in message.splitlines())
    assert "\\u009b2J\\u001b[31m\\u2028\\u000a2026-01-01 CRITICAL" in caplog.messages[0]
    lost = caplog.messages[1].split("notifications are lost: ")[1].splitlines()[0]
    assert json.loads(lost)["payload"] == "a\x9bb"


def test_log_calls_only_notifications_lost_that_could_not_be_recorded(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class FullRecorder(ListRecorder):
        """A recorder that has room for two notifications."""

        def record(self, notifications: Sequence[Notification], ends: Intent | None = None) -> None:
            raise NotRecordedError(notifications[2:], "the disk is full")

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("204 No Content", [])
        return []

    Server().serve(with_filter(FakeGlance(app), FullRecorder()), environ("PUT", FILE))
    assert "image.activate" in caplog.text
    assert "image.upload" not in caplog.text


@pytest.mark.parametrize(
    ("module", "name"),
    [
        (middleware, "match"),
        (addresses, "destination_ip"),
        (identity, "from_context"),
        (identity, "from_headers"),
        (rules, "record_source"),
        (rules, "decide"),
        (rules, "prepare_event"),
        (rules, "may_change_locations"),
    ],
)
@pytest.mark.parametrize(
    "request_line",
    [
        ("GET", FILE),
        ("PUT", FILE),
        ("PATCH", ONE),
        ("DELETE", ONE),
    ],
)
def test_bug_in_the_filter_leaves_the_request_as_it_is(
    module: Any, name: str, request_line: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        assert environ["wsgi.input"].read() == b"data"
        start_response("200 OK", TEN)
        return BODY

    monkeypatch.setattr(module, name, fails)
    server = Server().serve(with_filter(app, ListRecorder()), environ(*request_line, body=b"data"))
    assert server.trace == [
        ("start", "200 OK", TEN, None),
        "returned",
        ("chunk", b"0123456789"),
        "exhausted",
    ]


def test_download_whose_progress_cannot_be_recorded_has_its_event(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class ForgetfulRecorder(ListRecorder):
        """A recorder that cannot remind a download."""

        def remind(self, running: RunningDownload) -> None:
            raise RuntimeError("no reminders")

    recorder = ForgetfulRecorder()
    app = answering("200 OK", [b"01234", b"56789"], TEN)
    trace = Server().serve(with_filter(app, recorder), environ("GET", FILE)).trace
    assert ("chunk", b"56789") in trace
    assert recorder.events == ["image.send INFO"]
    assert "the progress of a download is not recorded" in caplog.text


def test_error_of_the_filter_is_logged_without_the_applications_exception(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise OSError("swift://user:secret@store")

    monkeypatch.setattr(rules, "decide", fails)
    Server().serve(with_filter(app, ListRecorder()), environ("DELETE", ONE))
    assert "a bug in the filter" in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    "given",
    [
        {"wsgi.input": None},
        {"REMOTE_ADDR": None},
        {"webob.adhoc_attrs": {}},
        {"webob.adhoc_attrs": {"context": "of another kind"}},
        {"QUERY_STRING": "_method=%ff"},
        {"HTTP_X_PROJECT_ID": "\udcff"},
    ],
    ids=str,
)
def test_odd_environ_loses_no_event(given: dict[str, Any]) -> None:
    recorder = ListRecorder()
    odd = environ("GET", FILE) | given
    Server().serve(with_filter(FakeGlance(answering("200 OK", BODY, TEN)), recorder), odd)
    assert recorder.sent == [("INFO", 10)]


@pytest.mark.parametrize("missing", ["QUERY_STRING", "SCRIPT_NAME", "REMOTE_ADDR", "wsgi.input"])
def test_environ_without_a_usual_key_loses_no_event(missing: str) -> None:
    recorder = ListRecorder()
    odd = environ("DELETE", ONE)
    del odd[missing]
    Server().serve(with_filter(FakeGlance(answering("204 No Content")), recorder), odd)
    assert recorder.events == ["image.delete INFO"]


def test_secret_in_an_explanation_is_in_no_event() -> None:
    recorder = ListRecorder()
    body = b"Bad location swift+https://glance:secret@store/c, see /var/lib/glance/images/1"
    app = answering("400 Bad Request", [body], [("Content-Type", "text/plain")])
    Server().serve(with_filter(FakeGlance(app), recorder), environ("PATCH", ONE))
    assert recorder.notifications[0].payload == (
        f"update image {IMAGE}: 400 Bad Request: Bad location <url> see <path>"
    )


def test_input_is_put_back_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "decide", fails)
    given = environ("PUT", FILE, b"data")
    stream = given["wsgi.input"]
    Server().serve(with_filter(FakeGlance(answering("204 No Content")), ListRecorder()), given)
    assert given["wsgi.input"] is stream


def test_error_that_cannot_be_logged_does_not_reach_the_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class UnspeakableError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("there is no word for it")

    def unspeakable(*_: Any, **__: Any) -> Any:
        raise UnspeakableError

    monkeypatch.setattr(middleware, "match", unspeakable)
    app = with_filter(FakeGlance(answering("204 No Content")), ListRecorder())
    server = Server().serve(app, environ("DELETE", ONE))
    assert server.trace[0] == ("start", "204 No Content", [], None)
