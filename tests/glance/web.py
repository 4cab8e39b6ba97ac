"""A web server from which images are imported: some of them are there, and some are not."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

GOOD = bytes(range(250)) * 8


class Web:
    """Serves on a free port of loopback, until it is left as a context manager.

    `/good` and the like are GOOD; `/short` breaks off in the middle; `/slow` goes on when
    `may_go_on` is set; anything else has the status that its path names, else 404.
    """

    def __init__(self) -> None:
        self.may_go_on = threading.Event()
        handler = type("Handler", (_Handler,), {"web": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.may_go_on.set()
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    web: Web

    def do_HEAD(self) -> None:
        self._begin()

    def do_GET(self) -> None:
        if not self._begin():
            return
        half = len(GOOD) // 2
        self.wfile.write(GOOD[:half])
        if self.path == "/short":
            return
        if self.path == "/slow":
            self.wfile.flush()
            self.web.may_go_on.wait(60)
        self.wfile.write(GOOD[half:])

    def _begin(self) -> bool:
        there = self.path.startswith(("/good", "/short", "/slow"))
        code = self.path.removeprefix("/")
        self.send_response(200 if there else int(code) if code.isdigit() else 404)
        self.send_header("Content-Length", str(len(GOOD) if there else 0))
        self.end_headers()
        return there

    def log_message(self, *_: Any) -> None:
        """Nothing is logged."""
