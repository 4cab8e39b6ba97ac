"""image.send: one event for each download, at its end, with the bytes that left."""

import threading
from collections.abc import Iterable, Iterator
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

TEN = [("Content-Length", "10")]


def fails_after(*chunks: bytes) -> Iterator[bytes]:
    yield from chunks
    raise OSError("swift+https://user:secret@store/container broke")


@pytest.mark.parametrize(
    ("status", "headers", "body", "taken", "sent"),
    [
        ("200 OK", TEN, [b"01234", b"56789"], None, ("INFO", 10)),
        ("206 Partial Content", [("Content-Length", "3")], [b"012"], None, ("INFO", 3)),
        ("200 OK", [("Content-Length", "0")], [], None, ("INFO", 0)),
        ("200 OK", TEN, [b"01234", b"56789"], 0, ("ERROR", 0)),
        ("200 OK", TEN, [b"01234", b"56789"], 1, ("ERROR", 0)),
        ("200 OK", TEN, [b"01234", b"56789"], 2, ("ERROR", 5)),
        ("200 OK", TEN, [b"01234"], None, ("ERROR", 5)),
        ("200 OK", TEN, [b"0123456789", b"more"], None, ("ERROR", 14)),
        ("200 OK", TEN, fails_after(b"01234"), None, ("ERROR", 5)),
        ("200 OK", TEN, fails_after(b"0123456789"), None, ("ERROR", 10)),
        ("200 OK", [], [b"0123456789"], None, ("INFO", 10)),
        ("200 OK", [], [b"01234"], None, ("ERROR", 5)),
        ("206 Partial Content", [("Content-Range", "bytes 2-4/10")], [b"234"], None, ("INFO", 3)),
        ("206 Partial Content", [("Content-Range", "bytes 2-4/10")], [b"2"], None, ("ERROR", 1)),
        ("206 Partial Content", [("Content-Range", "nonsense")], [b"2"], None, ("INFO", 1)),
        ("206 Partial Content", [("Content-Range", "bytes */10")], [b"2"], None, ("INFO", 1)),
        ("200 OK", [("Content-Encoding", "gzip")], [b"012"], None, ("INFO", 3)),
        ("200 OK", [("Content-Encoding", "gzip")], fails_after(b"012"), None, ("ERROR", 3)),
        ("200 OK", [("Content-Length", "ten")], [b"0123456789"], None, ("INFO", 10)),
        ("403 Forbidden", TEN, [b"0123456789"], None, ("WARN", 0)),
        ("503 Busy", TEN, [b"0123456789"], None, ("ERROR", 0)),
    ],
    ids=[
        "whole",
        "a range",
        "of an image of size 0",
        "client gone before the first chunk",
        "client gone with the first chunk in flight",
        "client gone with the second chunk in flight",
        "store ends too early",
        "store gives too much",
        "store raises half-way",
        "store raises when all is sent",
        "without a length: the image's size is the promise",
        "without a length and too short",
        "without a length: the range is the promise",
        "a range that ends too early",
        "a range that cannot be read",
        "a range of nothing",
        "compressed: a normal end keeps the promise",
        "compressed, and the store raises",
        "a length that is no number",
        "refused",
        "failed",
    ],
)
def test_bytes_sent_counts_the_bytes_that_left(
    status: str,
    headers: list[tuple[str, str]],
    body: Iterable[bytes],
    taken: int | None,
    sent: tuple[str, int],
) -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering(status, body, headers)), recorder)
    Server(taken).serve(app, environ("GET", FILE))
    assert recorder.sent == [sent]


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified", "302 Found"])
def test_response_without_data_is_no_event(status: str) -> None:
    recorder = ListRecorder()
    Server().serve(with_filter(FakeGlance(answering(status)), recorder), environ("GET", FILE))
    assert recorder.events == []


def test_payload_has_all_six_fields() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", [b"0123456789"], TEN)), recorder)
    Server().serve(app, environ("GET", FILE))
    assert recorder.notifications[0].payload == {
        "image_id": IMAGE,
        "owner_id": "the-owner",
        "receiver_tenant_id": "the-project",
        "receiver_user_id": "the-user",
        "destination_ip": "192.0.2.7",
        "bytes_sent": 10,
    }


def test_refused_download_has_no_owner_and_makes_no_look_up() -> None:
    recorder = ListRecorder()
    glance = FakeGlance(answering("404 Not Found", [b"no"]))
    Server().serve(with_filter(glance, recorder), environ("GET", FILE))
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert payload["owner_id"] is None
    assert glance.lookups == []


def test_application_that_raises_before_its_response_is_an_error_with_no_bytes() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise ConnectionError

    recorder = ListRecorder()
    Server().serve(with_filter(FakeGlance(app), recorder), environ("GET", FILE))
    assert recorder.sent == [("ERROR", 0)]


def test_bytes_given_to_write_are_counted() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEN)(b"0123")
        return [b"456789"]

    recorder = ListRecorder()
    Server().serve(with_filter(FakeGlance(app), recorder), environ("GET", FILE))
    assert recorder.sent == [("INFO", 10)]


def test_promise_is_the_applications_whatever_a_filter_above_does_to_its_headers() -> None:
    recorder = ListRecorder()
    inner = with_filter(FakeGlance(answering("200 OK", [b"0123456789"], TEN)), recorder)

    def outer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            headers[:] = [("Content-Length", "99")]
            return start_response(status, headers)

        return inner(environ, start)

    Server().serve(outer, environ("GET", FILE))
    assert recorder.sent == [("INFO", 10)]


def test_upload_by_query_that_the_cache_answers_is_a_download() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", iter([b"01234", b"56789"]), TEN)), recorder)
    Server().serve(app, environ("GET", FILE, QUERY_STRING="_method=PUT"))
    assert recorder.events == ["image.send INFO"]
    assert recorder.sent == [("INFO", 10)]


def test_upload_by_query_that_the_cache_answers_is_an_event_where_uploads_are_unwanted() -> None:
    recorder = ListRecorder()
    app = with_filter(
        FakeGlance(answering("200 OK", [b"0123456789"], TEN)),
        recorder,
        disabled_notifications="image.prepare, image.upload, image.activate",
    )
    Server().serve(app, environ("GET", FILE, QUERY_STRING="_method=PUT"))
    assert recorder.sent == [("INFO", 10)]


def test_application_that_starts_lazily_is_counted() -> None:
    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", TEN)
        yield b"0123456789"

    recorder = ListRecorder()
    Server().serve(with_filter(FakeGlance(app), recorder), environ("GET", FILE))
    assert recorder.sent == [("INFO", 10)]
    payload = recorder.notifications[0].payload
    assert isinstance(payload, dict)
    assert payload["owner_id"] == "the-owner"


def test_download_is_one_event_however_many_threads_close_it() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", iter([b"01234", b"56789"]), TEN)), recorder)
    body = app(environ("GET", FILE), Server()._start_response)
    chunks = iter(body)
    next(chunks)
    next(chunks)
    closers = [threading.Thread(target=body.close) for _ in range(8)]  # type: ignore[attr-defined]
    for closer in closers:
        closer.start()
    for closer in closers:
        closer.join()
    assert list(chunks) == []
    assert recorder.sent == [("ERROR", 5)]


def test_body_dropped_without_a_close_is_cut_short() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", [b"01234", b"56789"], TEN)), recorder)
    chunks = iter(app(environ("GET", FILE), Server()._start_response))
    next(chunks)
    next(chunks)
    del chunks
    assert recorder.sent == [("ERROR", 5)]


def test_body_ended_by_system_exit_is_cut_short() -> None:
    """A time-out of eventlet ends a body so, and the end of its process, without a close."""

    def chunks() -> Iterator[bytes]:
        yield b"01234"
        raise SystemExit

    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", chunks(), TEN)), recorder)
    with pytest.raises(SystemExit):
        list(app(environ("GET", FILE), Server()._start_response))
    assert recorder.sent == [("ERROR", 5)]


def test_event_comes_after_the_data() -> None:
    recorder = ListRecorder()
    app = with_filter(FakeGlance(answering("200 OK", [b"01234", b"56789"], TEN)), recorder)
    for _ in app(environ("GET", FILE), Server()._start_response):
        assert recorder.events == []
    assert recorder.events == ["image.send INFO"]


def test_owner_is_cached_but_not_past_a_change_by_this_process() -> None:
    recorder = ListRecorder()
    glance = FakeGlance(lambda environ, start_response: _ten(environ, start_response))
    app = with_filter(glance, recorder)
    for _ in range(3):
        Server().serve(app, environ("GET", FILE))
    assert len(glance.lookups) == 1
    Server().serve(app, environ("DELETE", f"/v2/images/{IMAGE}"))
    Server().serve(app, environ("GET", FILE))
    assert len(glance.lookups) == 2


def test_owner_of_an_inactive_image_is_not_cached() -> None:
    glance = FakeGlance(_ten, {**RECORD, "status": "deactivated"})
    app = with_filter(glance, ListRecorder())
    for _ in range(2):
        Server().serve(app, environ("GET", FILE))
    assert len(glance.lookups) == 2


def _ten(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", TEN)
    return [b"0123456789"]


@pytest.mark.parametrize("query", ["_method=GET", "_method=get", "a=b&_method=GET"])
def test_download_by_query_is_an_event(query: str) -> None:
    recorder = ListRecorder()
    given = environ("POST", FILE, QUERY_STRING=query)
    Server().serve(with_filter(FakeGlance(_ten), recorder), given)
    assert recorder.sent == [("INFO", 10)]
