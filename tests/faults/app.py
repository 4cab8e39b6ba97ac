"""An application that plays Glance fast: no database, every image is known, nothing is kept.

What its environment can ask for besides:
BUSY_THREADS   so many threads that compute without end beside the requests
CLOCK_JUMP     seconds after which the wall clock of the process goes back by an hour
"""

import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

LOADED = "the application is loaded"
"""What a process says that has loaded it."""

CHUNK = b"x" * 16 * 1024
CHUNKS = 4
"""A download has so many chunks."""

HOUR = 3600.0

Answer = tuple[str, Iterable[bytes], dict[str, str]]


def context_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Plays Glance's `context` filter: who asks, and with which request id, is what they say."""

    def context(app: WSGIApplication) -> WSGIApplication:
        def known(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            environ["webob.adhoc_attrs"] = {
                "context": SimpleNamespace(
                    request_id=environ.get("HTTP_X_REQUEST"), project_id="project", user_id="user"
                )
            }
            return app(environ, start_response)

        return known

    return context


def app_factory(global_conf: dict[str, str], **local_conf: str) -> WSGIApplication:
    """The application. Whoever loads it gets what the environment asks for, too."""
    for _ in range(int(os.environ.get("BUSY_THREADS", 0))):
        threading.Thread(target=compute, daemon=True).start()
    if "CLOCK_JUMP" in os.environ:
        _let_the_clock_jump(float(os.environ["CLOCK_JUMP"]))
    return plays_glance


def plays_glance(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The header X-Answer asks for another answer than the good one: 403, or 500; X-Long for an
    image whose name has so many characters."""
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status, body, headers = _answer(environ, data)
    start_response(status, [("Content-Type", "application/json"), *headers.items()])
    return body


def _answer(environ: WSGIEnvironment, data: bytes) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/")[3:]
    if asked := environ.get("HTTP_X_ANSWER"):
        body = json.dumps({"message": "as asked"}).encode()
        return f"{asked} As Asked", [body], {"Content-Length": str(len(body))}
    match method, path:
        case "POST", []:
            image = json.loads(data or b"{}").get("id") or str(uuid.uuid4())
            return _record("201 Created", image, "n" * int(environ.get("HTTP_X_LONG", 1)))
        case "GET", [_, "file"]:
            length = str(CHUNKS * len(CHUNK))
            return "200 OK", (CHUNK for _ in range(CHUNKS)), {"Content-Length": length}
        case "GET" | "PATCH", [image]:
            return _record("200 OK", image)
        case ("PUT", [_, "file"]) | ("DELETE", [_]):
            return "204 No Content", [], {}
    return "404 Not Found", [], {"Content-Length": "0"}


def _record(status: str, image: str, name: str = "an image") -> Answer:
    record: dict[str, Any] = {
        "id": image,
        "name": name,
        "owner": "the-owner",
        "status": "active",
        "size": CHUNKS * len(CHUNK),
        "visibility": "private",
        "created_at": "2026-11-22T04:01:25Z",
        "updated_at": "2026-11-22T04:01:25Z",
        "disk_format": "raw",
        "container_format": "bare",
        "tags": ["a", "b"],
        **{f"property_{n}": "of no interest" for n in range(20)},
    }
    body = json.dumps(record).encode()
    return status, [body], {"Content-Length": str(len(body))}


def compute() -> None:
    """Never ends."""
    while True:
        sum(range(1000))


def _let_the_clock_jump(after: float) -> None:
    """Patch what our code takes the wall clock from; the machine's own is not touched."""
    jumps_at = time.monotonic() + after
    real_time = time.time

    def jumping() -> float:
        return real_time() - (HOUR if time.monotonic() >= jumps_at else 0.0)

    time.time = jumping
    print("the clock will jump", file=sys.stderr)
