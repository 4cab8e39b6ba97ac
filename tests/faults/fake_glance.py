"""A fast application in the place of Glance: no database, every image exists, nothing is stored.

Environment variables that change a process:
RETRY_SECONDS  seconds after which is tried again what is tried once a minute otherwise
BUSY_THREADS   the number of threads that compute all the time beside the requests
CLOCK_JUMP     seconds after which the wall clock of the process goes back by an hour
FORKS          any value: each process forks a child that lives on, and never runs the filter's code
SEGMENT_SIZE   bytes after which a segment of the journal is followed by the next one
NEWER          any value: the filter writes and reads entries of the next version, as a later
               release may
"""

import itertools
import json
import os
import signal
import stat
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from glance_notify_middleware.delivery import connection
from glance_notify_middleware.delivery.aside import files
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.writer import Journal

LOADED = "the application is loaded"
"""The line that a process logs once it has loaded the application."""

CHUNK = b"x" * 16 * 1024
CHUNKS = 4
"""Chunks of a download."""
DOWNLOAD_SIZE = CHUNKS * len(CHUNK)
"""Bytes of a download."""

HOUR = 3600.0

Answer = tuple[str, Iterable[bytes], dict[str, str]]


def context_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Stands for Glance's `context` filter: the request id is that of the header X-Request."""

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
    """The application."""
    if again := os.environ.get("RETRY_SECONDS"):
        files.ASIDE_RETRY = connection.OPERATOR_RETRY = float(again)
    if size := os.environ.get("SEGMENT_SIZE"):
        (Journal.__init__.__kwdefaults__ or {})["segment_size"] = int(size)
    if "NEWER" in os.environ:
        entries.VERSION += 1
    return fake_glance


def composite_factory(
    loader: Any, global_conf: dict[str, str], **pipelines: str
) -> WSGIApplication:
    """Gives the requests to its pipelines in turn, as a paste file may have several."""
    apps = itertools.cycle([loader.get_app(name) for name in pipelines.values()])
    return lambda environ, start_response: next(apps)(environ, start_response)


_prepared: set[int] = set()


def _prepare_process() -> None:
    """Change the process as its environment says, with its first request: a server may have loaded
    the application in another process."""
    if os.getpid() in _prepared:
        return
    _prepared.add(os.getpid())
    for _ in range(int(os.environ.get("BUSY_THREADS", 0))):
        threading.Thread(target=compute, daemon=True).start()
    if "CLOCK_JUMP" in os.environ:
        _let_the_clock_jump(float(os.environ["CLOCK_JUMP"]))
    if "FORKS" in os.environ and os.fork() == 0:
        _live_on()


def _live_on() -> None:
    """Keep every file of the parent open except its sockets, so that another process can have its
    port."""
    # Not print(): a thread of the parent can have held the lock of sys.stderr during the fork.
    os.write(2, f"process {os.getppid()} has forked {os.getpid()}\n".encode())
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.close(fd)
        except OSError:
            continue
    os.kill(os.getpid(), signal.SIGSTOP)  # else the threads of the filter would begin in it
    os._exit(0)


def fake_glance(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """The application. Headers of a request that change its answer:

    X-Answer   a status that replaces the good one: 403, or 500
    X-Kill     any value: the process is killed directly after start_response
    X-Long     the number of characters of the image's name
    X-Slow     seconds that a download takes
    """
    _prepare_process()
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status, body, headers = _answer(environ, data)
    headers["X-Process"] = str(os.getpid())
    start_response(status, [("Content-Type", "application/json"), *headers.items()])
    if "HTTP_X_KILL" in environ:
        os.kill(os.getpid(), signal.SIGKILL)
    return body


def _answer(environ: WSGIEnvironment, data: bytes) -> Answer:
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/")[3:]
    if status := environ.get("HTTP_X_ANSWER"):
        body = json.dumps({"message": "as requested"}).encode()
        return f"{status} As Requested", [body], {"Content-Length": str(len(body))}
    match method, path:
        case "POST", []:
            image = json.loads(data or b"{}").get("id") or str(uuid.uuid4())
            return _record("201 Created", image, "n" * int(environ.get("HTTP_X_LONG", 1)))
        case "GET", [_, "file"]:
            length = str(DOWNLOAD_SIZE)
            pause = float(environ.get("HTTP_X_SLOW", 0)) / CHUNKS
            return "200 OK", _chunks(pause), {"Content-Length": length}
        case "GET" | "PATCH", [image]:
            return _record("200 OK", image)
        case ("PUT", [_, "file"]) | ("DELETE", [_]):
            return "204 No Content", [], {}
    return "404 Not Results", [], {"Content-Length": "0"}


def _chunks(pause: float) -> Iterator[bytes]:
    for _ in range(CHUNKS):
        yield CHUNK
        time.sleep(pause)


def _record(status: str, image: str, name: str = "an image") -> Answer:
    record: dict[str, Any] = {
        "id": image,
        "name": name,
        "owner": "the-owner",
        "status": "active",
        "size": DOWNLOAD_SIZE,
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
    """Compute without end."""
    while True:
        sum(range(1000))


def _let_the_clock_jump(after: float) -> None:
    """Patch time.time; the clock of the machine stays as it is."""
    jumps_at = time.monotonic() + after
    real_time = time.time

    def jumping() -> float:
        return real_time() - (HOUR if time.monotonic() >= jumps_at else 0.0)

    time.time = jumping
    print("the clock will jump", file=sys.stderr)
