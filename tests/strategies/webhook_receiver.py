"""A receiver of webhooks: a process of its own, as a real one is. `python -m` this, with

    PORT FOLDER

FOLDER has `certificate.pem`, `key.pem` and the `token` that it demands. Each message that it has
confirmed is a line of `received` there: id and body. Signal USR1 ends all connections.
"""

import base64
import contextlib
import json
import os
import signal
import socket
import ssl
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

RECEIVED = "received"


class Receiver(ThreadingHTTPServer):
    """Serves HTTPS. The handshake is a matter of each connection's thread."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, port: int, folder: Path) -> None:
        self.token = (folder / "token").read_text().strip()
        self.lock = threading.Lock()
        self.received = (folder / RECEIVED).open("a", buffering=1)
        self.open: list[socket.socket] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
        super().__init__(("127.0.0.1", port), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self.open.append(connection)
        wrapped = self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        self.open[-1] = wrapped
        return wrapped, address

    def end_connections(self) -> None:
        while self.open:
            with contextlib.suppress(OSError):
                self.open.pop().shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends is no error of the receiver."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Receiver
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer go out together
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Store what is posted, then confirm it."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers["Authorization"] != f"Bearer {self.server.token}":
            self._answer(401)
            return
        line = json.dumps([self.headers["webhook-id"], base64.b64encode(body).decode()])
        with self.server.lock:
            self.server.received.write(line + "\n")
        self._answer(204)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""


def main(port: int, folder: Path) -> None:
    receiver = Receiver(port, folder)
    signal.signal(signal.SIGUSR1, lambda *_: receiver.end_connections())
    os.write(1, b"ready\n")
    receiver.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
