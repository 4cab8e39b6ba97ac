"""Clients that lead images through their lives, and a ledger of what is owed for it."""

import contextlib
import http.client
import json
import math
import random
import threading
import time
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from tests.faults.ways import ALL

_PATIENCE = 60.0  # seconds: a worker that was killed takes a while to come back


class Operation(NamedTuple):
    """A request in the life of an image, the status it must get, and what is owed for it."""

    method: str
    path: str  # below /v2/images
    status: int
    events: tuple[str, ...]  # `image.create INFO` and the like, in their order


LIFE = (
    Operation("POST", "", 201, ("image.create INFO",)),
    Operation(
        *("PUT", "/{image}/file", 204),
        ("image.prepare INFO", "image.upload INFO", "image.activate INFO"),
    ),
    Operation("PATCH", "/{image}", 200, ("image.update INFO",)),
    Operation("PATCH", "/{image}", 403, ("image.update WARN",)),
    Operation("GET", "/{image}/file", 200, ("image.send INFO",)),
    Operation("PATCH", "/{image}", 500, ("image.update ERROR",)),
    Operation("DELETE", "/{image}", 204, ("image.delete INFO",)),
)

# What is known only after the answer is not owed by a worker that is killed before.
WITHOUT_DOWNLOADS = tuple(each for each in LIFE if "image.send INFO" not in each.events)

_CALM = 4.0 if ALL else 0.3  # seconds of load without a fault

_REFUSED = (403, 500)  # the application answers these when it is asked to


@dataclass(slots=True)
class Answered:
    """A request whose whole answer the client has read; times of the monotonic clock."""

    request_id: str
    operation: Operation
    begun: float
    ended: float
    process: int = 0  # that served it


@dataclass
class Ledger:
    """What the clients saw. Only what they read whole is owed."""

    begun: dict[str, Operation] = field(default_factory=dict)
    answered: list[Answered] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # answers that are not those of the application
    calm: tuple[float, float] | None = None  # when there was no fault
    earlier: set[tuple[str, str]] = field(default_factory=set)  # owed before, by others
    stopped: set[int] = field(default_factory=set)  # processes that could not answer for a while

    def stay_calm(self) -> None:
        """Wait, for as long as it takes to see how the same load is answered without the fault."""
        since = time.monotonic()
        time.sleep(_CALM)
        self.calm = since, time.monotonic()

    @property
    def owed(self) -> set[tuple[str, str]]:
        """Request id and event, one for each event."""
        return self.earlier | {
            (each.request_id, event) for each in self.answered for event in each.operation.events
        }

    @property
    def slowest(self) -> float:
        """Milliseconds that the slowest answer took."""
        return max((each.ended - each.begun for each in self.answered), default=0.0) * 1000

    @property
    def p99(self) -> tuple[float, float] | None:
        """Milliseconds: of what was answered while it was calm, and of the rest, in both of the
        processes that were not stopped. None: it never was."""
        if self.calm is None:
            return None
        since, until = self.calm
        counted = [each for each in self.answered if each.process not in self.stopped]
        calm = [each for each in counted if since < each.begun and each.ended < until]
        rest = [each for each in counted if each.ended < since or until < each.begun]
        return _p99(calm), _p99(rest)


def _p99(answers: Collection[Answered]) -> float:
    times = sorted(each.ended - each.begun for each in answers)
    return 1000 * times[int(len(times) * 0.99)] if times else math.nan


class Clients:
    """So many clients, each with an image at a time. In a `with` statement they are at work from
    the first line to the last; then the requests on their way are waited for."""

    def __init__(self, count: int, *, apart: float, again: float) -> None:
        """They begin `apart` seconds after each other; one whose connection broke off gives its
        image up, and begins another after `again`."""
        self._apart = apart
        self._again = again
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, name=f"client {n}") for n in range(count)
        ]

    def _begin(self) -> None:
        for thread in self._threads:
            thread.start()
            time.sleep(self._apart)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(OSError, http.client.HTTPException):
                self._live(str(uuid.uuid4()))
                continue
            self._stop.wait(self._again)

    def _live(self, image: str) -> None:
        """Lead it through its life. Raises OSError, or HTTPException, when an answer breaks off."""
        raise NotImplementedError


class Load(Clients):
    """Clients of the application that plays Glance, at a rate."""

    def __init__(
        self,
        *ports: int,
        clients: int = 8,
        rate: float = 150.0,
        life: tuple[Operation, ...] = WITHOUT_DOWNLOADS,
    ) -> None:
        """Each request goes to one of `ports`; `rate` is in requests a second, of all clients."""
        self.ledger = Ledger()
        self._ports = ports
        self._life = life
        self._pause = clients / rate
        super().__init__(clients, apart=self._pause / clients, again=0.05)

    def __enter__(self) -> Ledger:
        self._begin()
        return self.ledger

    def _live(self, image: str) -> None:
        due = time.monotonic()
        for step, operation in enumerate(self._life):
            if self._stop.is_set():
                return
            self._ask(f"{image}/{step}", image, operation)
            due += self._pause
            self._stop.wait(max(due - time.monotonic(), 0.0))

    def _ask(self, request_id: str, image: str, operation: Operation) -> None:
        self.ledger.begun[request_id] = operation
        begun = time.monotonic()
        status, process = ask(random.choice(self._ports), request_id, image, operation)
        answered = Answered(request_id, operation, begun, time.monotonic(), process)
        self.ledger.answered.append(answered)
        if status != operation.status:
            self.ledger.wrong.append(f"{status} for {operation.method} {operation.path}")


def ask(
    port: int, request_id: str, image: str, operation: Operation, **headers: str
) -> tuple[int, int]:
    """Make a request, on a connection of its own, and read the whole answer; returns its status,
    and the process that served it.

    Raises OSError, or HTTPException, when it breaks off.
    """
    headers = {"X-Request": request_id, **headers}
    if operation.status in _REFUSED:
        headers["X-Answer"] = str(operation.status)
    body = json.dumps({"id": image}).encode() if operation.method in ("POST", "PUT") else None
    path = "/v2/images" + operation.path.format(image=image)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request(operation.method, path, body, headers)
        with connection.getresponse() as answer:
            answer.read()
            return answer.status, int(answer.headers["X-Process"])
    finally:
        connection.close()
