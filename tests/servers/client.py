"""A client of a real Glance that writes its requests to a socket, and may go away in the middle."""

import contextlib
import socket
import struct
from collections.abc import Iterable, Iterator
from typing import Any

import requests

from demo.glance import Server
from demo.keystone import ALICE, Keystone

CHUNK = 64 * 1024
NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}

_TYPE = {"Content-Type": "application/octet-stream"}
_UPLOAD = {**_TYPE, "Connection": "close"}


class Client:
    """Sends requests of ALICE to a server."""

    def __init__(self, server: Server, keystone: Keystone) -> None:
        self._server = server
        self._token = keystone.token(ALICE)

    def image(self, data: bytes | None = None) -> str:
        """Make an image, with data if given; returns its id."""
        answer = self._ask("POST", "/v2/images", json=NEW)
        assert answer.status_code == 201, answer.text
        image: str = answer.json()["id"]
        if data is not None:
            answer = self._ask("PUT", f"/v2/images/{image}/file", data=data, headers=_TYPE)
            assert answer.status_code == 204, answer.text
        return image

    def put(self, image: str, headers: dict[str, str], body: Iterable[bytes]) -> int | None:
        """Upload the pieces as they are; returns the status.

        None: the server did not read all of them and closed the connection, and the answer was
        lost. With `Expect` among the headers the pieces are sent once the server has asked for
        them, or has sent nothing for a second, as curl does.
        """
        with self._connected() as client:
            client.sendall(self._head("PUT", image, {**_UPLOAD, **headers}))
            if "Expect" in headers:
                _wait_for_continue(client)
            with contextlib.suppress(ConnectionError):
                for piece in body:
                    client.sendall(piece)
            return _status(client)

    @contextlib.contextmanager
    def half_put(
        self, image: str, headers: dict[str, str], body: Iterable[bytes]
    ) -> Iterator[None]:
        """An upload of these pieces alone; its connection is reset when the context is left."""
        with self._connected() as client:
            client.sendall(self._head("PUT", image, {**_UPLOAD, **headers}))
            for piece in body:
                client.sendall(piece)
            yield
            _reset(client)

    def download(self, image: str, at_most: int | None = None) -> int:
        """Download; returns how many bytes were read. With `at_most` the connection is reset after
        that many."""
        with self._connected() as client:
            client.sendall(self._head("GET", image, {"Connection": "close"}))
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(CHUNK)
            assert head.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 ")), head
            read = len(head.partition(b"\r\n\r\n")[2])
            while (at_most is None or read < at_most) and (data := client.recv(CHUNK)):
                read += len(data)
            if at_most is not None:
                _reset(client)
        return read

    def _ask(self, method: str, path: str, **more: Any) -> requests.Response:
        headers = {"X-Auth-Token": self._token, **more.pop("headers", {})}
        return requests.request(
            method, self._server.url + path, headers=headers, timeout=60, **more
        )

    def _connected(self) -> socket.socket:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
        client.settimeout(60)
        client.connect(("127.0.0.1", self._server.port))
        return client

    def _head(self, method: str, image: str, headers: dict[str, str]) -> bytes:
        headers = {"Host": "localhost", "X-Auth-Token": self._token, **headers}
        lines = [f"{method} /v2/images/{image}/file HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def chunked(pieces: Iterable[bytes]) -> list[bytes]:
    """The pieces as chunks of HTTP/1.1, without the chunk that ends the body."""
    return [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]


LAST_CHUNK = b"0\r\n\r\n"


def _wait_for_continue(client: socket.socket) -> None:
    client.settimeout(1)
    with contextlib.suppress(TimeoutError):
        client.recv(CHUNK, socket.MSG_PEEK)
    client.settimeout(60)


def _reset(client: socket.socket) -> None:
    """Have the socket send a RST when it is closed, instead of an orderly end (SO_LINGER)."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _status(client: socket.socket) -> int | None:
    """The status of the answer; a 100 Continue before it is skipped."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(CHUNK):
            received += data
    received = received.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return int(received.split(b" ")[1]) if received else None
