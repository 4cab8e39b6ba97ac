"""One process with several targets: a filter, its journal and its relay, and a short story."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware import config, factory
from glance_notify_middleware.config import Settings
from glance_notify_middleware.delivery import assembly, hosting
from glance_notify_middleware.delivery.hosting import Host
from glance_notify_middleware.strategies import Strategy, loading
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from tests.wsgi.doubles import IMAGE, FakeGlance, Server, answering, environ

STORY = (
    "image.send INFO",
    "image.send WARN",
    "image.member.create INFO",
    "image.update WARN",
    "image.delete INFO",
)
"""The events of the story, in their order."""


def _glance(request: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    method, path = request["REQUEST_METHOD"], request["PATH_INFO"]
    if method == "GET":
        is_there = IMAGE in path
        status = "200 OK" if is_there else "404 Not Found"
        return answering(status, [b"12345"], [("Content-Length", "5")])(request, start_response)
    if path.endswith("/members"):
        member = {"image_id": IMAGE, "member_id": "the-member", "status": "pending"}
        return answering("200 OK", [json.dumps(member).encode()])(request, start_response)
    status = "403 Forbidden" if method == "PATCH" else "204 No Content"
    return answering(status)(request, start_response)


def told(settings: Settings) -> FakeGlance:
    """Tell the story to a filter with these settings, whose recorders are made; returns Glance, as
    it was asked."""
    glance = FakeGlance(_glance)
    recorder, _ = factory._recorder(settings, "")
    app = NotifyMiddleware(glance, settings, recorder)
    for method, path in (
        ("GET", f"/v2/images/{IMAGE}/file"),
        ("GET", "/v2/images/00000000-0000-4000-8000-000000000000/file"),
        ("POST", f"/v2/images/{IMAGE}/members"),
        ("PATCH", f"/v2/images/{IMAGE}"),
        ("DELETE", f"/v2/images/{IMAGE}"),
    ):
        body = b'{"member": "the-member"}' if method == "POST" else b""
        Server().serve(app, environ(method, path, body))
    return glance


@contextlib.contextmanager
def process(
    lines: Mapping[str, str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    makers: Mapping[str, Callable[[], Strategy]] | None = None,
) -> Iterator[Settings]:
    """A process with the lines of a section: its settings, while a relay of its own runs.

    `makers` take the place of the strategies of these targets.
    """
    given = {"journal_dir": str(folder / "journal"), "relay": "external", **lines}
    settings = config.read(given, "this-host")
    host = Host()
    monkeypatch.setattr(hosting, "host", lambda: host)
    if makers is not None:
        monkeypatch.setattr(factory, "makers", lambda _: makers)
    made = dict(makers or loading.makers(settings))
    assembly.prepare(settings, made, host)
    relay = assembly.relay(settings, made, host)
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield settings
    finally:
        relay.stop()
        thread.join(30)
        host.end()
