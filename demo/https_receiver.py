"""A receiver of what is posted by HTTPS, on loopback; what it answers is a subclass's matter."""

import contextlib
import socket
import ssl
from collections.abc import Mapping
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def hang_up(connection: socket.socket) -> None:
    """End the connection in both directions, from any thread, without a word of TLS.

    `SSLSocket.shutdown` would also drop the TLS state: what is still read would then be ciphertext.
    """
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)


class HttpsReceiver(ThreadingHTTPServer):
    """Serves HTTPS, each connection in a thread of its own, which makes the handshake, too."""

    daemon_threads = True
    request_queue_size = 100

    def __init__(self, port: int, certificate: Path, key: Path) -> None:
        """Listen. Both files are PEM. Raises OSError."""
        self._open: list[socket.socket] = []
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        super().__init__(("127.0.0.1", port), _Handler)

    def take(self, headers: Message, body: bytes) -> int:
        """The status that a request is answered with. Called by the threads of connections."""
        raise NotImplementedError

    def headers_of(self, status: int) -> Mapping[str, str]:
        """Further headers of an answer with this status."""
        return {}

    def get_request(self) -> tuple[socket.socket, Any]:
        """A connection, whose handshake is still to be made, and its address."""
        connection, address = super().get_request()
        self._open.append(connection)
        wrapped = self._context.wrap_socket(
            connection, server_side=True, do_handshake_on_connect=False
        )
        self._open[-1] = wrapped
        return wrapped, address

    def end_connections(self) -> None:
        """End all connections; the receiver goes on."""
        while self._open:
            hang_up(self._open.pop())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that ends is no error of the receiver."""


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: HttpsReceiver
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body of an answer go out together
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer what is posted, once it has been taken; a request that breaks off is not taken."""
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            return
        status = self.server.take(self.headers, body)
        self.send_response(status)
        for name, value in self.server.headers_of(status).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""
