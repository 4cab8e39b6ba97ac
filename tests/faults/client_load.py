"""Clients that play the lives of images, and a ledger of the events that are expected for it."""

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

from tests.faults.fake_glance import DOWNLOAD_SIZE
from tests.long_runs import ALL_FAULTS

_PATIENCE = 60.0  # seconds; a killed worker takes a while to come back

WHOLE_SEND = "image.send INFO"
"""The event of a download that its client has read to the end."""

ANY_SEND = "image.send"
"""The event of a download whose process may have died: of any priority."""


class Operation(NamedTuple):
    """A request in the life of an image, its answer, and its events."""

    method: str
    path: str  # below /v2/images
    status: int
    events: tuple[str, ...]  # `image.create INFO` and the like, in their order
    size: int | None = None  # bytes of a download
    seconds: float = 0.0  # that the application takes


DOWNLOAD = Operation("GET", "/{image}/file", 200, (WHOLE_SEND,), DOWNLOAD_SIZE)
SLOW_DOWNLOAD = DOWNLOAD._replace(seconds=0.1)

LIFE = (
    Operation("POST", "", 201, ("image.create INFO",)),
    Operation(
        *("PUT", "/{image}/file", 204),
        ("image.prepare INFO", "image.upload INFO", "image.activate INFO"),
    ),
    Operation("PATCH", "/{image}", 200, ("image.update INFO",)),
    Operation("PATCH", "/{image}", 403, ("image.update WARN",)),
    DOWNLOAD,
    Operation("PATCH", "/{image}", 500, ("image.update ERROR",)),
    Operation("DELETE", "/{image}", 204, ("image.delete INFO",)),
)

_WITH_A_SLOW_DOWNLOAD = (*LIFE[:-1], SLOW_DOWNLOAD, LIFE[-1])

_WITHOUT_FAULT = 4.0 if ALL_FAULTS else 0.3  # seconds of load without a fault

_REFUSED = (403, 500)  # statuses that the application answers where X-Answer asks for it
_UNAVAILABLE = 503  # the answer of the filter where it refuses
# Seconds after which the server, too, has seen the end of a download.
_END_OF_A_DOWNLOAD = 0.2


class BrokenOffError(OSError):
    """An answer broke off after the client had read its status."""


@dataclass(slots=True)
class AnsweredRequest:
    """A request whose whole answer the client has read; times in seconds of the monotonic clock."""

    request_id: str
    operation: Operation
    begun: float
    ended: float
    process: int = 0  # the id of the one that served it

    @property
    def took(self) -> float:
        """Seconds from request to answer, without those that the application was asked to take."""
        return self.ended - self.begun - self.operation.seconds


@dataclass
class Ledger:
    """What the clients saw. Expected are the events of the answers that were read whole; for a
    download that broke off, one image.send."""

    kills: bool = False  # processes are killed meanwhile
    answered: list[AnsweredRequest] = field(default_factory=list)
    broken_off: list[str] = field(default_factory=list)  # request ids of downloads
    refused: list[str] = field(
        default_factory=list
    )  # request ids; the application has not seen these requests
    wrong: list[str] = field(
        default_factory=list
    )  # answers that differ from those of the application
    without_fault: tuple[float, float] | None = None  # when there was no fault
    earlier: set[tuple[str, str]] = field(default_factory=set)  # of earlier requests
    stopped: set[int] = field(default_factory=set)  # ids of processes that were stopped for a while

    def measure_without_fault(self) -> None:
        """Wait for a while, so that the same load is measured without the fault."""
        since = time.monotonic()
        time.sleep(_WITHOUT_FAULT)
        self.without_fault = since, time.monotonic()

    @property
    def expected(self) -> set[tuple[str, str]]:
        """The expected events, each with its request id.

        That a download was whole is known only after its last byte: where the process is killed at
        that moment, the event says that it was cut, although the client has read all of it.
        """
        whole = ANY_SEND if self.kills else WHOLE_SEND
        expected = {
            (request.request_id, whole if event == WHOLE_SEND else event)
            for request in self.answered
            for event in request.operation.events
        }
        broken_off = {(request_id, ANY_SEND) for request_id in self.broken_off}
        return self.earlier | expected | broken_off

    @property
    def slowest(self) -> float:
        """Milliseconds of the slowest answer."""
        return max((request.took for request in self.answered), default=0.0) * 1000

    @property
    def p99(self) -> tuple[float, float] | None:
        """99th percentiles in milliseconds: of the answers without the fault, and of the rest; only
        answers of processes that were not stopped count. None: nothing was measured without the
        fault."""
        if self.without_fault is None:
            return None
        since, until = self.without_fault
        counted = [request for request in self.answered if request.process not in self.stopped]
        before = [request for request in counted if since < request.begun and request.ended < until]
        rest = [request for request in counted if request.ended < since or until < request.begun]
        return _p99(before), _p99(rest)


def _p99(answers: Collection[AnsweredRequest]) -> float:
    times = sorted(request.took for request in answers)
    return 1000 * times[int(len(times) * 0.99)] if times else math.nan


class Clients:
    """Clients with one image each at a time. In a `with` statement they are at work from the first
    line to the last; then the requests on their way are waited for."""

    def __init__(self, count: int, *, apart: float, retry: float) -> None:
        """`count` clients begin `apart` seconds after each other. A client whose connection breaks
        off gives up its image, and begins another one after `retry` seconds."""
        self._apart = apart
        self._retry = retry
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
                self._play_life(str(uuid.uuid4()))
                continue
            self._stop.wait(self._retry)

    def _play_life(self, image: str) -> None:
        """Play the life of an image. Raises OSError or HTTPException when an answer breaks off."""
        raise NotImplementedError


class Load(Clients):
    """Clients of the fake Glance, at a rate."""

    def __init__(
        self,
        *ports: int,
        clients: int = 8,
        rate: float = 150.0,
        life: tuple[Operation, ...] = LIFE,
        kills: bool = False,
        may_be_refused: bool = False,
    ) -> None:
        """Each request goes to one of `ports`; `rate` is the number of requests a second of all
        clients. `kills`: processes are killed meanwhile, and there are slow downloads that a kill
        can cut. `may_be_refused`: with 503, as with `journal_when_full = refuse`."""
        self.ledger = Ledger(kills=kills)
        self._ports = ports
        self._may_be_refused = may_be_refused
        self._life = _WITH_A_SLOW_DOWNLOAD if kills else life
        self._pause = clients / rate
        super().__init__(clients, apart=self._pause / clients, retry=0.05)

    def __enter__(self) -> Ledger:
        self._begin()
        return self.ledger

    def __exit__(self, *how: object) -> None:
        super().__exit__(*how)
        time.sleep(_END_OF_A_DOWNLOAD)

    def _play_life(self, image: str) -> None:
        due = time.monotonic()
        for step, operation in enumerate(self._life):
            if self._stop.is_set():
                return
            self._ask(f"{image}/{step}", image, operation)
            due += self._pause * random.uniform(
                0.0, 2.0
            )  # else all clients are in step after a restart
            self._stop.wait(max(due - time.monotonic(), 0.0))

    def _ask(self, request_id: str, image: str, operation: Operation) -> None:
        begun = time.monotonic()
        try:
            answer = ask(random.choice(self._ports), request_id, image, operation)
        except BrokenOffError:
            if operation.size is not None:
                self.ledger.broken_off.append(request_id)
            raise
        if answer.status == _UNAVAILABLE and self._may_be_refused:
            self.ledger.refused.append(request_id)
            return
        answered = AnsweredRequest(request_id, operation, begun, time.monotonic(), answer.process)
        self.ledger.answered.append(answered)
        if answer.status != operation.status or operation.size not in (None, answer.size):
            self.ledger.wrong.append(f"{answer} for {operation.method} {operation.path}")


class Answer(NamedTuple):
    """An answer that was read whole."""

    status: int
    size: int  # bytes of its body
    process: int  # the id of the one that served it


def ask(port: int, request_id: str, image: str, operation: Operation, **headers: str) -> Answer:
    """Make a request on a connection of its own, and read the whole answer.

    Raises OSError or HTTPException when the answer breaks off: BrokenOffError after its status.
    """
    headers = {"X-Request": request_id, **headers}
    if operation.status in _REFUSED:
        headers["X-Answer"] = str(operation.status)
    if operation.seconds:
        headers["X-Slow"] = str(operation.seconds)
    body = json.dumps({"id": image}).encode() if operation.method in ("POST", "PUT") else None
    path = "/v2/images" + operation.path.format(image=image)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request(operation.method, path, body, headers)
        with connection.getresponse() as answer:
            try:
                size = len(answer.read())
            except (OSError, http.client.HTTPException) as error:
                raise BrokenOffError from error
            return Answer(answer.status, size, int(answer.headers["X-Process"] or 0))
    finally:
        connection.close()
