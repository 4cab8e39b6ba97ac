"""A peer that speaks HTTPS as a script has it, and keeps the requests that come."""

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import Message
from http.client import parse_headers
from pathlib import Path

from demo.certificates import Certificates, make_certificates
from demo.https_receiver import hang_up
from tests.strategies.bad_peers import Peer


@dataclass(frozen=True)
class Request:
    """A request as it came."""

    line: str
    headers: Message
    body: bytes


Answer = bytes | Callable[[socket.socket], None]
"""What is sent, or what is done in its place; the connection then ends."""


def answer(status: str = "204 No Content", body: bytes = b"", **headers: str) -> bytes:
    """An answer; in the names of headers an underscore is a hyphen."""
    length = {} if status.startswith("204") else {"Content-Length": str(len(body))}
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in (headers | length).items()]
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode() + body


class HttpsPeer(Peer):
    """Answers requests with what `answers` has for each, in turn; then each with 204."""

    def __init__(
        self,
        folder: Path,
        *answers: Answer,
        server_days: float = 90,
        asks_for_certificate: bool = False,
        after: Callable[[socket.socket], None] = lambda _: None,
    ) -> None:
        """`after` is done with a connection after each answer."""
        self.files: Certificates = make_certificates(folder, server_days)
        self.requests: list[Request] = []
        self._answers: Iterator[Answer] = iter(answers)
        self._after = after
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.files.server, self.files.server_key)
        if asks_for_certificate:
            self._context.load_verify_locations(self.files.ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        super().__init__(self._talk)

    def options(self, **more: str) -> dict[str, str]:
        """Lines of the filter's section, with times that a busy machine keeps."""
        return {
            "webhook_url": f"https://127.0.0.1:{self.port}/in?tenant=a",
            "webhook_ssl_ca_file": str(self.files.ca),
            "webhook_connect_timeout": "20",
            "webhook_answer_timeout": "20",
            "webhook_timeout": "40",
        } | more

    def cut(self) -> None:
        """See Peer."""
        for each in list(self._open):
            hang_up(each)

    def shaken(self, connection: socket.socket) -> ssl.SSLSocket:
        """The connection after the handshake."""
        tls = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        self._open.append(tls)
        try:
            tls.do_handshake()
        except OSError:
            tls.close()
            raise
        return tls

    def _talk(self, connection: socket.socket) -> None:
        with self.shaken(connection) as tls:
            reader = tls.makefile("rb")
            while line := reader.readline():
                headers = parse_headers(reader)
                if "Content-Length" not in headers:
                    return  # the client has hung up within the head of its request
                body = reader.read(int(headers["Content-Length"]))
                self.requests.append(Request(line.decode().rstrip(), headers, body))
                found = next(self._answers, answer())
                if not isinstance(found, bytes):
                    found(tls)
                    return
                tls.sendall(found)
                self._after(tls)
