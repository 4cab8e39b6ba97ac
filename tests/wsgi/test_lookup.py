"""Look-ups: what they return of an application that misbehaves, what they cache, what they log."""

import itertools
import logging
import sys
import threading
from collections.abc import Iterable, Iterator
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.operations import Operation
from glance_notify_middleware.runtime.own_log import LOG
from glance_notify_middleware.wsgi import lookup
from glance_notify_middleware.wsgi.snapshot import lasting_snapshot, take_snapshot
from tests.wsgi.doubles import FILE, IMAGE, ListRecorder, Server, answering, environ, with_filter


def operation() -> Operation:
    found = match("GET", FILE, "", "")
    assert found is not None
    return found


SNAPSHOT = take_snapshot(environ("GET", FILE))


class ClosableBody:
    """A body that keeps whether it was closed."""

    closed = False

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._chunks)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(
    ("status", "chunks", "found"),
    [
        ("200 OK", [b'{"id": ', b'"x"}'], {"id": "x"}),
        ("200 OK", [b"[1]"], None),
        ("200 OK", [b"not JSON"], None),
        ("200 OK", [], None),
        ("200 OK", itertools.repeat(b"x" * 1024 * 1024), None),
        ("300 Choices", [b"{}"], None),
        ("404 Not Found", [b"{}"], None),
    ],
    ids=["a record", "a list", "no JSON", "nothing", "an endless body", "300", "404"],
)
def test_look_up_returns_json_objects_only_and_closes_every_body(
    status: str, chunks: Iterable[bytes], found: Any
) -> None:
    body = ClosableBody(chunks)
    assert lookup.Lookup(answering(status, body)).record(operation(), SNAPSHOT) == found
    assert body.closed


def test_look_up_whose_body_raises_returns_none_and_closes_it() -> None:
    def breaks() -> Iterator[bytes]:
        yield b"{"
        raise OSError

    body = ClosableBody(breaks())
    assert lookup.Lookup(answering("200 OK", body)).record(operation(), SNAPSHOT) is None
    assert body.closed


def test_cache_of_owners_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "CACHE_ENTRIES", 2)
    asked: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b'{"status": "active", "owner": "o", "size": 1, "name": "n"}']

    look = lookup.Lookup(app, owner_cache_time=600)
    for number in (1, 2, 3, 3, 1):
        found = match("GET", f"/v2/images/{number}/file", "", "")
        assert found is not None
        assert look.owner_and_size(found, SNAPSHOT) == {
            "id": None,
            "owner": "o",
            "size": 1,
        }
    assert asked == [f"/v2/images/{number}" for number in (1, 2, 3, 1)]


def test_cached_owner_expires_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("glance_notify_middleware.wsgi.lookup.time.monotonic", lambda: now)
    asked: list[str] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        asked.append(environ["PATH_INFO"])
        start_response("200 OK", [])
        return [b'{"status": "active"}']

    look = lookup.Lookup(app, owner_cache_time=60)
    for now in (1000.0, 1059.9, 1060.1):  # noqa: B007 (the clock reads it)
        look.owner_and_size(operation(), SNAPSHOT)
    assert asked == [f"/v2/images/{IMAGE}"] * 2


def test_lasting_snapshot_is_short_and_identifies_the_user() -> None:
    long = "x" * 60_000
    context = SimpleNamespace(
        user_id="u", project_id="p", request_id=long, service_catalog=[long], roles=["member"]
    )
    chosen: dict[str, Any] = {f"HTTP_X_USER_{number}": "x" * 8000 for number in range(100)}
    given = environ("POST", FILE, **chosen, HTTP_X_SERVICE_CATALOG=long, HTTP_X_ROLES="member")
    kept = lasting_snapshot(take_snapshot(given), context)
    of_context = vars(kept["webob.adhoc_attrs"]["context"])
    assert len(repr(kept)) + len(repr(of_context)) < 20_000
    assert (kept["HTTP_X_ROLES"], kept["HTTP_X_USER_ID"]) == ("member", "the-user")
    assert (of_context["user_id"], of_context["roles"]) == ("u", ["member"])
    assert context.request_id == long
    assert context.service_catalog == [long]
    assert lasting_snapshot({}, object())


def test_look_up_has_a_key_that_no_request_has() -> None:
    seen: list[tuple[str, bool]] = []

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        seen.append((environ["REQUEST_METHOD"], "glance_notify_middleware.look_up" in environ))
        return answering("204 No Content")(environ, start_response)

    forged: dict[str, Any] = {"HTTP_GLANCE_NOTIFY_MIDDLEWARE_LOOK_UP": "1"}
    Server().serve(with_filter(app, ListRecorder()), environ("PUT", FILE, **forged))
    assert seen == [("PUT", False), ("GET", True)]


CONTEXT_MODULE = "oslo_context.context"


@pytest.mark.parametrize("before", [None, "this request's"])
@pytest.mark.parametrize("raises", [False, True])
def test_look_up_restores_the_threads_log_context(
    raises: bool, before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = threading.local()
    module = SimpleNamespace(_request_store=store)
    monkeypatch.setitem(sys.modules, CONTEXT_MODULE, module)
    if before is not None:
        store.context = before

    def body() -> Iterator[bytes]:
        store.context = "the look-up's"
        yield b"{}"
        if raises:
            raise OSError

    look = lookup.Lookup(answering("200 OK", body()))
    assert look.record(operation(), SNAPSHOT) == (None if raises else {})
    assert vars(store) == ({} if before is None else {"context": before})


@pytest.mark.parametrize("is_loaded_by_glance", [False, True])
def test_look_up_does_not_import_oslo_context(
    is_loaded_by_glance: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, CONTEXT_MODULE, raising=False)
    module = SimpleNamespace(_request_store=threading.local())

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if is_loaded_by_glance:
            monkeypatch.setitem(sys.modules, CONTEXT_MODULE, module)
            module._request_store.context = "the look-up's"
        return answering("200 OK", [b"{}"])(environ, start_response)

    assert lookup.Lookup(app).record(operation(), SNAPSHOT) == {}
    assert (CONTEXT_MODULE in sys.modules) is is_loaded_by_glance
    assert vars(module._request_store) == {}


def test_failed_look_up_is_logged_and_counted_without_the_applications_text(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A formatter that appends the current exception (oslo.log has one) finds none of it."""
    seen: list[object] = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(sys.exc_info()[0])  # type: ignore[method-assign]

    def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        raise OSError("mysql://glance:secret@db")

    LOG.addHandler(handler)
    look = lookup.Lookup(app)
    try:
        for _ in range(2):
            assert look.record(operation(), SNAPSHOT) is None
    finally:
        LOG.removeHandler(handler)
    assert [record.getMessage() for record in caplog.records] == [
        "OSError in a look-up of a record (1 so far)",
        "OSError in a look-up of a record (2 so far)",
    ]
    assert seen == [KeyError, KeyError]
