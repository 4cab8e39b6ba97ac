"""An application that plays Glance fast: no database, every image is known, nothing is kept.

What its environment can ask for besides:
AGAIN          seconds after which is tried again what is tried once a minute
BUSY_THREADS   so many threads that compute without end beside the requests
CLOCK_JUMP     seconds after which the wall clock of the process goes back by an hour
FORKS          anything: each process forks a child that lives on, and never calls anything of ours
SEGMENT_SIZE   bytes after which a segment of the journal is followed by the next one
VERSION        the filter writes and reads records of this version, as a later release may
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

from glance_notify_middleware.delivery import aside, connection
from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.writer import Journal

LOADED = "the application is loaded"
"""What a process says that has loaded it."""

CHUNK = b"x" * 16 * 1024
CHUNKS = 4
"""A download has so many chunks."""
DOWNLOAD_SIZE = CHUNKS * len(CHUNK)
"""Bytes of a download."""

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
    """The application."""
    if again := os.environ.get("AGAIN"):
        aside.ASIDE_RETRY = connection.OPERATOR_RETRY = float(again)
    if size := os.environ.get("SEGMENT_SIZE"):
        (Journal.__init__.__kwdefaults__ or {})["segment_size"] = int(size)
    if version := os.environ.get("VERSION"):
        entries.VERSION = int(version)
    return plays_glance


def composite_factory(
    loader: Any, global_conf: dict[str, str], **pipelines: str
) -> WSGIApplication:
    """Gives each request to the next one of its pipelines, as a paste file may have several."""
    apps = itertools.cycle([loader.get_app(each) for each in pipelines.values()])
    return lambda environ, start_response: next(apps)(environ, start_response)


_equipped: set[int] = set()


def _equip() -> None:
    """Give the process what the environment asks for, with its first request: a server may have
    loaded the application in another."""
    if os.getpid() in _equipped:
        return
    _equipped.add(os.getpid())
    for _ in range(int(os.environ.get("BUSY_THREADS", 0))):
        threading.Thread(target=compute, daemon=True).start()
    if "CLOCK_JUMP" in os.environ:
        _let_the_clock_jump(float(os.environ["CLOCK_JUMP"]))
    if "FORKS" in os.environ and os.fork() == 0:
        _live_on()


def _live_on() -> None:
    """With every file that the parent has open; but its port, so that another can have it."""
    # By no print: a thread of the parent can have held the lock of sys.stderr as it forked.
    os.write(2, f"process {os.getppid()} has forked {os.getpid()}\n".encode())
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.close(fd)
        except OSError:
            continue
    os.kill(os.getpid(), signal.SIGSTOP)  # else our threads would begin in it
    os._exit(0)


def plays_glance(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """What a header asks for besides:

    X-Answer   another answer than the good one: 403, or 500
    X-Kill     anything: its process is killed as soon as it has told the status
    X-Long     an image whose name has so many characters
    X-Slow     a download that takes so many seconds
    """
    _equip()
    data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    status, body, headers = _answer(environ, data)
    headers["X-Process"] = str(os.getpid())
    start_response(status, [("Content-Type", "application/json"), *headers.items()])
    if "HTTP_X_KILL" in environ:
        os.kill(os.getpid(), signal.SIGKILL)
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
            length = str(DOWNLOAD_SIZE)
            pause = float(environ.get("HTTP_X_SLOW", 0)) / CHUNKS
            return "200 OK", _chunks(pause), {"Content-Length": length}
        case "GET" | "PATCH", [image]:
            return _record("200 OK", image)
        case ("PUT", [_, "file"]) | ("DELETE", [_]):
            return "204 No Content", [], {}
    return "404 Not Found", [], {"Content-Length": "0"}


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
