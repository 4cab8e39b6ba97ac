"""The life of an image, played over HTTP by three users; each step names the expected events."""

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


class StoryState:
    """A running Glance, the image of the story, and what the last download has read of it."""

    def __init__(self, server: Server, keystone: Keystone) -> None:
        self.server = server
        self.image = ""
        self.bytes_read = 0  # by the last download
        self._tokens = {person: keystone.token(person) for person in (ALICE, BOB, CAROL)}

    def ask(self, who: Person, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request as the user `who`; `{image}` in `path` becomes the image's id."""
        headers = {"X-Auth-Token": self._tokens[who], **more.pop("headers", {})}
        path = path.format(image=self.image)
        url = self.server.url + path
        return requests.request(method, url, headers=headers, timeout=60, **more)

    def hang_up_half_way(self, who: Person) -> str:
        """Begin a download, read half of it, and reset the connection; returns the status."""
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
    """The broker's state during a step, where there is a broker."""

    LIVES = enum.auto()
    DIES = enum.auto()  # before the step
    IS_DEAD = enum.auto()
    COMES_BACK = enum.auto()  # after the step


@dataclass(frozen=True)
class Step:
    """One step: `play` sends the request and returns the status; `expected` are its events.

    The events of the steps without a broker are known before their answers have been read, so that
    their order is known, too.
    """

    who: Person
    action: str
    play: Callable[[StoryState], str]
    expected: tuple[str, ...]
    bytes_sent: Callable[[StoryState, int], bool] | None = None
    broker: Broker = Broker.LIVES

    def faults(self, state: StoryState, payload: Any) -> list[str]:
        """What is wrong with the payload of the step's first event, in a line each."""
        if self.bytes_sent is None:
            return []
        faults = []
        if not self.bytes_sent(state, payload["bytes_sent"]):
            sent, read = payload["bytes_sent"], state.bytes_read
            faults.append(f"bytes_sent is {sent}, the client read {read}")
        if payload["receiver_user_id"] != self.who.user_id:
            faults.append(f"receiver_user_id is not {self.who.name}'s")
        return faults


def _request(who: Person, method: str, path: str, **more: Any) -> Callable[[StoryState], str]:
    def play(state: StoryState) -> str:
        response = state.ask(who, method, path, **more)
        if path == "/v2/images":
            state.image = response.json()["id"]
        state.bytes_read = len(response.content)
        return f"{response.status_code} {response.reason}"

    return play


def _exactly(count: int) -> Callable[[StoryState, int], bool]:
    return lambda _, sent: sent == count


def _at_least_what_was_read(state: StoryState, sent: int) -> bool:
    return state.bytes_read - CHUNK <= sent < SIZE


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
        Step(ALICE, "creates an image", _request(ALICE, "POST", "/v2/images", json=_NEW), ("image.create INFO",)),
        Step(ALICE, "uploads 32 MiB", _request(ALICE, "PUT", _FILE, data=data, headers=_UPLOAD), uploaded),
        Step(ALICE, "uploads again", _request(ALICE, "PUT", _FILE, data=b"again", headers=_UPLOAD), ("image.upload WARN",)),
        Step(ALICE, "downloads it", _request(ALICE, "GET", _FILE), sent, _exactly(SIZE)),
        Step(ALICE, "downloads bytes 1000 to 1999", _request(ALICE, "GET", _FILE, headers=_RANGE), sent, _exactly(1000)),
        Step(ALICE, "downloads, and hangs up half-way", lambda state: state.hang_up_half_way(ALICE), cut, _at_least_what_was_read),
        Step(ALICE, "renames it", _request(ALICE, "PATCH", "/v2/images/{image}", data=_RENAME, headers=_PATCH), updated, broker=Broker.DIES),
        Step(ALICE, "tags it", _request(ALICE, "PUT", "/v2/images/{image}/tags/demo"), updated, broker=Broker.IS_DEAD),
        Step(BOB, "downloads before it is shared", _request(BOB, "GET", _FILE), refused, _exactly(0), Broker.IS_DEAD),
        Step(ALICE, "shares it with bob", _request(ALICE, "POST", _MEMBERS, json=member), ("image.member.create INFO",), broker=Broker.IS_DEAD),
        Step(BOB, "accepts", _request(BOB, "PUT", path, json=accept), ("image.member.update INFO",), broker=Broker.COMES_BACK),
        Step(BOB, "downloads it", _request(BOB, "GET", _FILE), sent, _exactly(SIZE)),
        Step(CAROL, "downloads it without a right to it", _request(CAROL, "GET", _FILE), refused, _exactly(0)),
        Step(CAROL, "deletes it without a right to it", _request(CAROL, "DELETE", "/v2/images/{image}"), ("image.delete WARN",)),
        Step(ALICE, "deactivates it", _request(ALICE, "POST", "/v2/images/{image}/actions/deactivate"), updated),
        Step(BOB, "downloads it while it is deactivated", _request(BOB, "GET", _FILE), refused, _exactly(0)),
        Step(ALICE, "stops sharing it", _request(ALICE, "DELETE", path), ("image.member.delete INFO",)),
        Step(ALICE, "deletes it", _request(ALICE, "DELETE", "/v2/images/{image}"), ("image.delete INFO",)),
    )
    # fmt: on
