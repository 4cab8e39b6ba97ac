"""A web server from which Glance imports images: some of its files exist, and some do not."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.journal.processes import eventually

GOOD = bytes(range(250)) * 8


def away(path: str) -> str:
    """The id under which the Glance of another region has the file `path` of this server."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, path))


_AWAY = {away(path): path for path in ("/good", "/short")}


class Web:
    """Serves on a free port of loopback, until the context manager is left.

    `/good` is GOOD. `/short` breaks off in the middle. A path that begins with `/slow` waits in the
    middle for `release`. Another path has the status that it names, else 404. As the Glance of
    another region the server has `/good` and `/short`, under the ids that `away` gives.
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

    def wait_for_request(self, path: str) -> None:
        """Wait until a client waits for the rest of a slow file."""
        eventually(lambda: path in self.waiting, 60)

    def release(self, path: str) -> None:
        """Send the rest of a slow file: GOOD to its end, or nothing where its path has `short`."""
        self.wait_for_request(path)
        self.waiting.pop(path).set()

    def __exit__(self, *_: object) -> None:
        for path in list(self.waiting):
            self.release(path)
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
            self.web.waiting[self.path] = released = threading.Event()
            released.wait(120)
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
        exists = self.path.startswith(("/good", "/short", "/slow"))
        code = self.path.removeprefix("/")
        self.send_response(200 if exists else int(code) if code.isdigit() else 404)
        self.send_header("Content-Length", str(len(GOOD) if exists else 0))
        self.end_headers()
        return exists

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""
