"""A client of a real Glance that sends its requests by hand, and may go away in the middle."""

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
    """Requests of ALICE to a server that runs."""

    def __init__(self, server: Server, keystone: Keystone) -> None:
        self._server = server
        self._token = keystone.token(ALICE)

    def image(self, data: bytes | None = None) -> str:
        """A new image, with data if given; returns its id."""
        answer = self._ask("POST", "/v2/images", json=NEW)
        assert answer.status_code == 201, answer.text
        image: str = answer.json()["id"]
        if data is not None:
            answer = self._ask("PUT", f"/v2/images/{image}/file", data=data, headers=_TYPE)
            assert answer.status_code == 204, answer.text
        return image

    def put(self, image: str, headers: dict[str, str], body: Iterable[bytes]) -> int | None:
        """Upload these pieces, as they are; returns the status.

        None: a server that did not read it all closed the connection, and the answer was lost.
        With `Expect` among the headers they are sent once the server has asked for them, or has
        said nothing for a second, as curl does.
        """
        with self._connected() as client:
            client.sendall(self._head("PUT", image, {**_UPLOAD, **headers}))
            if "Expect" in headers:
                _wait_to_be_asked(client)
            with contextlib.suppress(ConnectionError):
                for piece in body:
                    client.sendall(piece)
            return _status(client)

    @contextlib.contextmanager
    def half_put(
        self, image: str, headers: dict[str, str], body: Iterable[bytes]
    ) -> Iterator[None]:
        """An upload that goes no further than these pieces, and is reset when it is left."""
        with self._connected() as client:
            client.sendall(self._head("PUT", image, {**_UPLOAD, **headers}))
            for piece in body:
                client.sendall(piece)
            yield
            _reset(client)

    def download(self, image: str, at_most: int | None = None) -> int:
        """Returns how many bytes were read; with `at_most` the connection is reset after those."""
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
    """The pieces as chunks of HTTP/1.1, without the last, which ends them."""
    return [f"{len(piece):x}\r\n".encode() + piece + b"\r\n" for piece in pieces]


LAST_CHUNK = b"0\r\n\r\n"


def _wait_to_be_asked(client: socket.socket) -> None:
    client.settimeout(1)
    with contextlib.suppress(TimeoutError):
        client.recv(CHUNK, socket.MSG_PEEK)
    client.settimeout(60)


def _reset(client: socket.socket) -> None:
    """What follows is a RST in place of an orderly end, when the socket is closed."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _status(client: socket.socket) -> int | None:
    """The status of the answer, past what a server says on the way."""
    said = b""
    with contextlib.suppress(ConnectionError):
        while data := client.recv(CHUNK):
            said += data
    said = said.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n")
    return int(said.split(b" ")[1]) if said else None
