"""Clients that play the lives of images on a real Glance, as fast as it answers."""

import http.client
import json
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.client_load import Clients
from tests.long.noting_filter import HEADER

DATA = b"x" * (2 * 1024 * 1024)

_PATIENCE = 60.0  # seconds


class Operation(NamedTuple):
    """A request in the life of an image; `event_type` is that of its event when it fails."""

    method: str
    path: str  # below /v2/images
    event_type: str


LIFE = (
    Operation("POST", "", "image.create"),
    Operation("PUT", "/{image}/file", "image.upload"),
    Operation("GET", "/{image}/file", "image.send"),
    Operation("PATCH", "/{image}", "image.update"),
    Operation("PUT", "/{image}/tags/one", "image.update"),
    Operation("GET", "/{image}/file", "image.send"),
    Operation("POST", "/{image}/members", "image.member.create"),
    Operation("DELETE", "/{image}", "image.delete"),
)

_BODIES = {
    "image.create": {"name": "n", "disk_format": "raw", "container_format": "bare"},
    "image.update": [{"op": "replace", "path": "/name", "value": "another"}],
    "image.member.create": {"member": "partner"},
}
_TYPES = {
    "image.upload": "application/octet-stream",
    "image.update": "application/openstack-images-v2.1-json-patch",
}


@dataclass
class Seen:
    """What the clients have seen: the operations that they have begun, and the answers."""

    begun: dict[str, Operation] = field(default_factory=dict)  # by the name of the operation
    answered: dict[str, int] = field(
        default_factory=dict
    )  # statuses of the answers that were read whole


class LifeClients(Clients):
    """Clients of a real Glance, as fast as it answers."""

    def __init__(self, port: int, token: str, *, clients: int = 8) -> None:
        self.seen = Seen()
        self._port = port
        self._token = token
        super().__init__(clients, apart=0.0, retry=0.02)

    def __enter__(self) -> Seen:
        self._begin()
        return self.seen

    def _play_life(self, image: str) -> None:
        """Play the life to its end, or to an answer that is no success. Raises OSError or
        HTTPException when an answer breaks off."""
        for step, operation in enumerate(LIFE):
            if self._stop.is_set() or self._ask(f"{image}/{step}", image, operation) >= 300:
                return

    def _ask(self, name: str, image: str, operation: Operation) -> int:
        method, path, event_type = operation
        headers = {HEADER: name, "X-Auth-Token": self._token}
        body: bytes | str | None = DATA if event_type == "image.upload" else None
        if method in ("POST", "PATCH"):
            content = _BODIES[event_type]
            extra = {"id": image} if event_type == "image.create" else {}
            body = json.dumps({**content, **extra} if isinstance(content, dict) else content)
        if body is not None:
            headers["Content-Type"] = _TYPES.get(event_type, "application/json")
        self.seen.begun[name] = operation
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_PATIENCE)
        try:
            url = "/v2/images" + path.format(image=image)
            connection.request(method, url, body, headers)
            with connection.getresponse() as answer:
                answer.read()  # raises IncompleteRead where it breaks off
                self.seen.answered[name] = answer.status
                return answer.status
        finally:
            connection.close()
