"""An image's life, played over HTTP by three people; each step says what must be told of it."""

import enum
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone, Person

SIZE = 32 * 1024 * 1024
CHUNK = 64 * 1024  # what Glance's file store reads, and sends, at a time


class Stage:
    """A running Glance, and what the people know while they play."""

    def __init__(self, server: Server, keystone: Keystone) -> None:
        self.server = server
        self.image = ""
        self.bytes_read = 0  # by the last who downloaded
        self._tokens = {person: keystone.token(person) for person in (ALICE, BOB, CAROL)}

    def ask(self, who: Person, method: str, path: str, **more: Any) -> requests.Response:
        """A request of one of the people; `{image}` in `path` is the image's id."""
        headers = {"X-Auth-Token": self._tokens[who], **more.pop("headers", {})}
        path = path.format(image=self.image)
        url = self.server.url + path
        return requests.request(method, url, headers=headers, timeout=60, **more)

    def hang_up_half_way(self, who: Person) -> str:
        """Download, read half of it, and reset the connection."""
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
            client.settimeout(60)
            client.connect(("127.0.0.1", self.server.port))
            client.sendall(
                f"GET /v2/images/{self.image}/file HTTP/1.1\r\nHost: localhost\r\n"
                f"X-Auth-Token: {self._tokens[who]}\r\n\r\n".encode()
            )
            head, _, data = client.recv(CHUNK).partition(b"\r\n\r\n")
            self.bytes_read = len(data)
            while self.bytes_read < SIZE // 2 and (data := client.recv(CHUNK)):
                self.bytes_read += len(data)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return head.split(b"\r\n")[0].decode().partition(" ")[2]


class Broker(enum.Enum):
    """What becomes of the broker, where there is one."""

    LIVES = enum.auto()
    DIES = enum.auto()  # before the step
    IS_DEAD = enum.auto()
    COMES_BACK = enum.auto()  # after the step


@dataclass(frozen=True)
class Step:
    """`play` returns the status that was answered; `tells` are the events that must come.

    What is told while the broker is dead is known before the answer has been read, so that its
    order is known, too.
    """

    who: Person
    what: str
    play: Callable[[Stage], str]
    tells: tuple[str, ...]
    bytes_sent: Callable[[Stage, int], bool] | None = None
    broker: Broker = Broker.LIVES


def _asks(who: Person, method: str, path: str, **more: Any) -> Callable[[Stage], str]:
    def play(stage: Stage) -> str:
        response = stage.ask(who, method, path, **more)
        if path == "/v2/images":
            stage.image = response.json()["id"]
        stage.bytes_read = len(response.content)
        return f"{response.status_code} {response.reason}"

    return play


def _exactly(count: int) -> Callable[[Stage, int], bool]:
    return lambda _, sent: sent == count


def _at_least_what_was_read(stage: Stage, sent: int) -> bool:
    return stage.bytes_read - CHUNK <= sent < SIZE


_FILE = "/v2/images/{image}/file"
_MEMBERS = "/v2/images/{image}/members"
_NEW = {"name": "demo", "disk_format": "raw", "container_format": "bare"}
_RENAME = '[{"op": "replace", "path": "/name", "value": "renamed"}]'
_PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
_UPLOAD = {"Content-Type": "application/octet-stream"}
_RANGE = {"Range": "bytes=1000-1999"}


def life() -> tuple[Step, ...]:
    """The steps, in order."""
    data = os.urandom(CHUNK) * (SIZE // CHUNK)
    uploaded = ("image.prepare INFO", "image.upload INFO", "image.activate INFO")
    member = {"member": BOB.project_id}
    accept = {"status": "accepted"}
    path = f"{_MEMBERS}/{BOB.project_id}"
    sent, refused, cut = ("image.send INFO",), ("image.send WARN",), ("image.send ERROR",)
    updated = ("image.update INFO",)
    # fmt: off
    return (
        Step(ALICE, "creates an image", _asks(ALICE, "POST", "/v2/images", json=_NEW), ("image.create INFO",)),
        Step(ALICE, "uploads 32 MiB", _asks(ALICE, "PUT", _FILE, data=data, headers=_UPLOAD), uploaded),
        Step(ALICE, "uploads again", _asks(ALICE, "PUT", _FILE, data=b"again", headers=_UPLOAD), ("image.upload WARN",)),
        Step(ALICE, "downloads it", _asks(ALICE, "GET", _FILE), sent, _exactly(SIZE)),
        Step(ALICE, "downloads bytes 1000 to 1999", _asks(ALICE, "GET", _FILE, headers=_RANGE), sent, _exactly(1000)),
        Step(ALICE, "downloads, and hangs up half-way", lambda stage: stage.hang_up_half_way(ALICE), cut, _at_least_what_was_read),
        Step(ALICE, "renames it", _asks(ALICE, "PATCH", "/v2/images/{image}", data=_RENAME, headers=_PATCH), updated, broker=Broker.DIES),
        Step(ALICE, "tags it", _asks(ALICE, "PUT", "/v2/images/{image}/tags/demo"), updated, broker=Broker.IS_DEAD),
        Step(BOB, "downloads before it is shared", _asks(BOB, "GET", _FILE), refused, _exactly(0), Broker.IS_DEAD),
        Step(ALICE, "shares it with bob", _asks(ALICE, "POST", _MEMBERS, json=member), ("image.member.create INFO",), broker=Broker.IS_DEAD),
        Step(BOB, "accepts", _asks(BOB, "PUT", path, json=accept), ("image.member.update INFO",), broker=Broker.COMES_BACK),
        Step(BOB, "downloads it", _asks(BOB, "GET", _FILE), sent, _exactly(SIZE)),
        Step(CAROL, "downloads it, a stranger", _asks(CAROL, "GET", _FILE), refused, _exactly(0)),
        Step(CAROL, "deletes it, a stranger", _asks(CAROL, "DELETE", "/v2/images/{image}"), ("image.delete WARN",)),
        Step(ALICE, "deactivates it", _asks(ALICE, "POST", "/v2/images/{image}/actions/deactivate"), updated),
        Step(BOB, "downloads what is deactivated", _asks(BOB, "GET", _FILE), refused, _exactly(0)),
        Step(ALICE, "no longer shares it", _asks(ALICE, "DELETE", path), ("image.member.delete INFO",)),
        Step(ALICE, "deletes it", _asks(ALICE, "DELETE", "/v2/images/{image}"), ("image.delete INFO",)),
    )
    # fmt: on
