"""Clients that play the lives of images on a real Glance, with a ledger of answers and events.

The life of an image has each kind of answer: done, refused, and broken off by the client. Who asks
is the image's owner, or the partner with whom the image is shared.
"""

import http.client
import json
import socket
import struct
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from demo.keystone import ALICE, BOB, CAROL, Keystone, Person
from tests.faults.client_load import AnsweredRequest, Load, Operation

SIZE = 6 * 1024 * 1024
"""Bytes of each image: more than the buffers of a connection hold."""
PART = 1000
"""Bytes of a download of a part."""

OWNERS = (ALICE, CAROL)
PARTNER = BOB

_DATA = b"x" * SIZE
_PATIENCE = 60.0  # seconds
_BUFFER = 64 * 1024  # bytes that the client's side of a broken-off download holds
_READS = SIZE // 4  # bytes of a download that its client reads before it hangs up

_FILE = "/{image}/file"
_MEMBERS = "/{image}/members"
_MEMBER = f"{_MEMBERS}/{PARTNER.project_id}"


class Step(NamedTuple):
    """A request in the life of an image."""

    operation: Operation
    body: bytes | None = None
    media_type: str = "application/json"
    by_partner: bool = False
    headers: Mapping[str, str] = {}
    hangs_up: bool = False
    """Whether the client resets the connection in the middle of the answer."""


def _step(
    method: str,
    path: str,
    status: int,
    *events: str,
    size: int | None = None,
    content: object = None,
    patch: object = None,
    data: bytes | None = None,
    **more: Any,
) -> Step:
    """`size` are the bytes that a download sends. The body is one of `content`, `patch`, `data`."""
    if patch is not None:
        content, more["media_type"] = patch, "application/openstack-images-v2.1-json-patch"
    if data is not None:
        more["media_type"] = "application/octet-stream"
    body = data if content is None else json.dumps(content).encode()
    return Step(Operation(method, path, status, events, size), body, **more)


_CREATED = {"name": "n", "disk_format": "raw", "container_format": "bare"}
_RENAME = [{"op": "replace", "path": "/name", "value": "another"}]
_UPLOADED = ("image.prepare INFO", "image.upload INFO", "image.activate INFO")
_SHARED = {"member": PARTNER.project_id}
_ACCEPTED = {"status": "accepted"}
_RANGE = {"Range": f"bytes={PART}-{2 * PART - 1}"}

LIFE = (
    _step("POST", "", 201, "image.create INFO", content=_CREATED),
    _step("PUT", _FILE, 204, *_UPLOADED, data=_DATA),
    _step("PUT", _FILE, 409, "image.upload WARN", data=b"again"),
    _step("GET", _FILE, 200, "image.send INFO", size=SIZE),
    _step("GET", _FILE, 206, "image.send INFO", size=PART, headers=_RANGE),
    _step("GET", _FILE, 200, "image.send ERROR", hangs_up=True),
    _step("PATCH", "/{image}", 200, "image.update INFO", patch=_RENAME),
    _step("PUT", "/{image}/tags/one", 204, "image.update INFO"),
    _step("POST", _MEMBERS, 200, "image.member.create INFO", content=_SHARED),
    _step("POST", _MEMBERS, 409, "image.member.create WARN", content=_SHARED),
    _step("PUT", _MEMBER, 200, "image.member.update INFO", content=_ACCEPTED, by_partner=True),
    _step("GET", _FILE, 200, "image.send INFO", size=SIZE, by_partner=True),
    _step("PATCH", "/{image}", 403, "image.update WARN", patch=_RENAME, by_partner=True),
    _step("DELETE", "/{image}", 403, "image.delete WARN", by_partner=True),
    _step("DELETE", _MEMBER, 204, "image.member.delete INFO"),
    _step("GET", _FILE, 404, "image.send WARN", by_partner=True),
    _step("DELETE", "/{image}", 204, "image.delete INFO"),
)  # fmt: skip


def step_of(request_id: str) -> Step:
    """The step of a request, whose id is that of the image, a slash, and the step's number."""
    return LIFE[int(request_id.rpartition("/")[2])]


def owner_of(request_id: str) -> Person:
    """The owner of the image that a request is about."""
    image = request_id.partition("/")[0]
    return OWNERS[int(image[-1], 16) % len(OWNERS)]


def asked_by(request_id: str) -> Person:
    """Who makes a request."""
    return PARTNER if step_of(request_id).by_partner else owner_of(request_id)


class GlanceLoad(Load):
    """Clients of a real Glance, at a rate. Glance takes the ids of their requests for its own."""

    def __init__(self, port: int, keystone: Keystone, *, rate: float, clients: int = 6) -> None:
        """`rate` is the number of requests a second of all clients."""
        life = tuple(step.operation for step in LIFE)
        super().__init__(port, clients=clients, rate=rate, life=life)
        self._port = port
        self._tokens = {person: keystone.token(person) for person in (*OWNERS, PARTNER)}

    def _ask(self, request_id: str, image: str, operation: Operation) -> None:
        step = step_of(request_id)
        begun = time.monotonic()
        try:
            status, size = self._answer(request_id, image, step)
        except (OSError, http.client.HTTPException) as error:
            self.ledger.wrong.append(f"{error!r} for {request_id}")
            raise
        self.ledger.answered.append(AnsweredRequest(request_id, operation, begun, time.monotonic()))
        expected = operation.size if status < 300 else None
        if status != operation.status or expected not in (None, size):
            self.ledger.wrong.append(f"{status}, {size} bytes, for {request_id}: {operation}")

    def _answer(self, request_id: str, image: str, step: Step) -> tuple[int, int]:
        """Status and size of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        connection.sock = own = _connected(self._port, _BUFFER if step.hangs_up else None)
        headers = {
            "X-Auth-Token": self._tokens[asked_by(request_id)],
            "X-Openstack-Request-Id": request_id,
            **({"Content-Type": step.media_type} if step.body is not None else {}),
            **step.headers,
        }
        body = step.body
        if step.operation.method == "POST" and not step.operation.path:
            body = json.dumps({**_CREATED, "id": image}).encode()
        try:
            path = "/v2/images" + step.operation.path.format(image=image)
            connection.request(step.operation.method, path, body, headers)
            with connection.getresponse() as answer:
                if not step.hangs_up:
                    return answer.status, len(answer.read())
                size = len(answer.read(_READS))
                own.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                return answer.status, size
        finally:
            connection.close()


def _connected(port: int, buffer: int | None) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(_PATIENCE)
    if buffer is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.connect(("127.0.0.1", port))
    return connection
