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

from tests.faults.app import DOWNLOAD_SIZE
from tests.long_runs import ALL_FAULTS

_PATIENCE = 60.0  # seconds: a worker that was killed takes a while to come back

WHOLE = "image.send INFO"
"""What is owed for a download that its client has read to the end."""

HOWEVER_IT_ENDED = "image.send"
"""What is owed for a download whose process may have died: one event, of any priority."""


class Operation(NamedTuple):
    """A request in the life of an image, the answer it must get, and what is owed for it."""

    method: str
    path: str  # below /v2/images
    status: int
    events: tuple[str, ...]  # `image.create INFO` and the like, in their order
    size: int | None = None  # bytes of the answer, where that is a download
    seconds: float = 0.0  # that the application takes for it


DOWNLOAD = Operation("GET", "/{image}/file", 200, (WHOLE,), DOWNLOAD_SIZE)
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

_CALM = 4.0 if ALL_FAULTS else 0.3  # seconds of load without a fault

_REFUSED = (403, 500)  # the application answers these when it is asked to
_UNAVAILABLE = 503  # what the filter answers where it refuses
_END_OF_A_DOWNLOAD = 0.2  # seconds in which the server sees it too, when the client has read all


class BrokenOffError(OSError):
    """An answer broke off of which the client has read the status."""


@dataclass(slots=True)
class Answered:
    """A request whose whole answer the client has read; times of the monotonic clock."""

    request_id: str
    operation: Operation
    begun: float
    ended: float
    process: int = 0  # that served it

    @property
    def took(self) -> float:
        """Seconds that it took, without what the application was asked to take."""
        return self.ended - self.begun - self.operation.seconds


@dataclass
class Ledger:
    """What the clients saw. What they read whole is owed, and of a download that broke off that
    it ended."""

    kills: bool = False  # processes are killed meanwhile
    answered: list[Answered] = field(default_factory=list)
    broken_off: list[str] = field(default_factory=list)  # request ids of downloads
    refused: list[str] = field(default_factory=list)  # request ids; Glance has not seen these
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
        """Request id and event, one for each event.

        Of a download it is known only after its last byte that it was whole: who has read all of
        it may be told as cut, where the process was killed just then.
        """
        whole = HOWEVER_IT_ENDED if self.kills else WHOLE
        owed = {
            (each.request_id, whole if event == WHOLE else event)
            for each in self.answered
            for event in each.operation.events
        }
        return self.earlier | owed | {(each, HOWEVER_IT_ENDED) for each in self.broken_off}

    @property
    def slowest(self) -> float:
        """Milliseconds that the slowest answer took."""
        return max((each.took for each in self.answered), default=0.0) * 1000

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
    times = sorted(each.took for each in answers)
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
        life: tuple[Operation, ...] = LIFE,
        kills: bool = False,
        may_be_refused: bool = False,
    ) -> None:
        """Each request goes to one of `ports`; `rate` is in requests a second, of all clients.
        `kills`: processes are killed meanwhile; there are slow downloads for that to cut.
        `may_be_refused`: as `journal_when_full = refuse` has it, by 503."""
        self.ledger = Ledger(kills=kills)
        self._ports = ports
        self._may_be_refused = may_be_refused
        self._life = _WITH_A_SLOW_DOWNLOAD if kills else life
        self._pause = clients / rate
        super().__init__(clients, apart=self._pause / clients, again=0.05)

    def __enter__(self) -> Ledger:
        self._begin()
        return self.ledger

    def __exit__(self, *how: object) -> None:
        super().__exit__(*how)
        time.sleep(_END_OF_A_DOWNLOAD)

    def _live(self, image: str) -> None:
        due = time.monotonic()
        for step, operation in enumerate(self._life):
            if self._stop.is_set():
                return
            self._ask(f"{image}/{step}", image, operation)
            due += self._pause * random.uniform(0.0, 2.0)  # or all are in step after a restart
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
        answered = Answered(request_id, operation, begun, time.monotonic(), answer.process)
        self.ledger.answered.append(answered)
        if answer.status != operation.status or operation.size not in (None, answer.size):
            self.ledger.wrong.append(f"{answer} for {operation.method} {operation.path}")


class Answer(NamedTuple):
    """The whole answer to a request."""

    status: int
    size: int  # bytes of its body
    process: int  # that served it


def ask(port: int, request_id: str, image: str, operation: Operation, **headers: str) -> Answer:
    """Make a request, on a connection of its own, and read the whole answer.

    Raises OSError, or HTTPException, when it breaks off: BrokenOffError behind its status.
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
