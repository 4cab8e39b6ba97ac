"""A web server from which images are imported: some of them are there, and some are not."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.journal.processes import eventually

GOOD = bytes(range(250)) * 8


def away(path: str) -> str:
    """The id of the image that the Glance of another region has of a file here."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, path))


_AWAY = {away(path): path for path in ("/good", "/short")}


class Web:
    """Serves on a free port of loopback, until it is left as a context manager.

    `/good` is GOOD; `/short` breaks off in the middle; paths that begin with `/slow` wait there for
    `go_on`; anything else has the status that its path names, else 404. As the Glance of another
    region it has `/good` and `/short`, under the ids that `away` gives.
    """

    def __init__(self) -> None:
        self.waiting: dict[str, threading.Event] = {}  # by path
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def is_asked_for(self, path: str) -> None:
        """Wait until somebody waits for the rest of a slow one."""
        eventually(lambda: path in self.waiting, 60)

    def go_on(self, path: str) -> None:
        """Let a slow one go on: GOOD to its end, or nothing more where its name says `short`."""
        self.is_asked_for(path)
        self.waiting.pop(path).set()

    def __exit__(self, *_: object) -> None:
        for path in list(self.waiting):
            self.go_on(path)
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        _, _, image = self.path.partition("/v2/images/")
        if image:
            image_id, _, file = image.partition("/")
            self.path = _AWAY.get(image_id, "/none")
            if not file and self.path != "/none":
                self._record()
                return
        if not self._begin():
            return
        half = len(GOOD) // 2
        self.wfile.write(GOOD[:half])
        if self.path.startswith("/slow"):
            self.wfile.flush()
            self.web.waiting[self.path] = goes_on = threading.Event()
            goes_on.wait(120)
        if "short" not in self.path:
            self.wfile.write(GOOD[half:])

    def _record(self) -> None:
        record = {"status": "active", "disk_format": "raw", "container_format": "bare"}
        body = json.dumps({**record, "size": len(GOOD)}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _begin(self) -> bool:
        there = self.path.startswith(("/good", "/short", "/slow"))
        code = self.path.removeprefix("/")
        self.send_response(200 if there else int(code) if code.isdigit() else 404)
        self.send_header("Content-Length", str(len(GOOD) if there else 0))
        self.end_headers()
        return there

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""
