"""The reader of each target: notes what arrives, and when, until it is told to end."""

import base64
import contextlib
import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import amqp  # type: ignore[import-untyped]

from demo.rabbit import Rabbit
from tests.faults.arrivals import Arrival, Consumer, arrival_of

_BETWEEN_LOOKS = 0.05  # seconds
_LAST = 500  # arrivals among which the latest event is looked for
_BATCH = "application/cloudevents-batch+json; charset=utf-8"


class Seen(NamedTuple):
    """What is kept of a payload: an hour has hundreds of thousands."""

    bytes_sent: int | None
    digest: int
    has_metadata: bool


class Reader:
    """Notes what arrives in a thread of its own, in a `with` statement."""

    def __init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.over = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._thread.join()

    def has_from(self, since: float) -> bool:
        """Whether an event of `since` (seconds of the wall clock) or later is among the last
        arrivals. Raises what the reader's thread has raised."""
        if self._failure is not None:
            raise self._failure
        return any(arrival.generated >= since for arrival in self.arrivals[-_LAST:])

    def _run(self) -> None:
        try:
            self.read()
        except BaseException as error:
            self._failure = error
            raise

    def read(self) -> None:
        """Note what arrives, until `over` is set."""
        raise NotImplementedError


class QueueReader(Reader):
    """Reads the queues of a node, which may be killed, frozen, or refuse connections meanwhile.

    A message is acknowledged once it is noted: a node that is killed sends again what it sent.
    """

    def __init__(self, rabbit: Rabbit, vhost: str, queues: Sequence[str]) -> None:
        super().__init__()
        self._place = rabbit, vhost, queues

    def read(self) -> None:
        while not self.over.is_set():
            with (
                contextlib.suppress(OSError, amqp.AMQPError),
                _Acknowledging(*self._place, self.arrivals) as consumer,
            ):
                consumer.wait(self.over.is_set, 24 * 3600)
            self.over.wait(_BETWEEN_LOOKS)


class _Acknowledging(Consumer):
    acknowledges = True

    def __init__(
        self, rabbit: Rabbit, vhost: str, queues: Sequence[str], arrivals: list[Arrival]
    ) -> None:
        super().__init__(rabbit, vhost, queues)
        self.arrivals = arrivals

    def take(self, message: amqp.Message) -> None:
        found = json.loads(message.body)
        if "oslo.message" in found:
            assert found["oslo.version"] == "2.0"
            found = json.loads(found["oslo.message"])
        self.arrivals.append(_noted(found, time.monotonic()))
        message.channel.basic_ack(message.delivery_tag)


class FileReader(Reader):
    """Reads the lines of a file as they are written."""

    def __init__(self, path: Path, noted: Callable[[bytes], Iterable[Arrival]]) -> None:
        """`noted` makes arrivals of a line."""
        super().__init__()
        self._path = path
        self._noted = noted
        self._files: list[BinaryIO] = []
        self._is_new = True  # the file of the path is not among them
        self._moved = 0

    def rotate(self) -> None:
        """Move the file away, as logrotate does. What is still written to it is read, too."""
        self._moved += 1
        self._path.rename(f"{self._path}.{self._moved}")
        self._is_new = True

    def read(self) -> None:
        rest: dict[BinaryIO, bytes] = {}
        while not self.over.wait(_BETWEEN_LOOKS):
            if self._is_new and self._path.exists():
                self._is_new = False
                self._files.append(self._path.open("rb"))
            for file in self._files:
                *lines, rest[file] = (rest.get(file, b"") + file.read()).split(b"\n")
                for line in lines:
                    self.arrivals += self._noted(line)
        for file in self._files:
            file.close()


def logged(line: bytes) -> list[Arrival]:
    """The arrival of a line of the logging strategy."""
    return [_noted(json.loads(line), time.monotonic())]


def posted(line: bytes) -> list[Arrival]:
    """The arrivals of a request that the receiver of webhooks has confirmed: CloudEvents."""
    try:
        _, body, content_type, at = json.loads(line)
    except ValueError:  # the receiver was killed while it wrote
        return []
    assert content_type == _BATCH
    events = json.loads(base64.b64decode(body))
    assert isinstance(events, list)
    return [_noted(_plain(event), at) for event in events]


def _plain(event: dict[str, Any]) -> dict[str, Any]:
    """The keys of a plain notification, out of a CloudEvent."""
    assert event["specversion"] == "1.0"
    assert event["time"].endswith("Z")
    return {
        "message_id": event["id"],
        "event_type": event["type"].removeprefix("org.openstack."),
        "priority": event["priority"],
        "timestamp": event["time"].removesuffix("Z").replace("T", " "),
        "payload": event["data"],
        "publisher_id": event["source"],
        "_context_request_id": event["requestid"],
        "_context_project_id": event["projectid"],
        "_context_user_id": event["userid"],
        "_sequence": {
            "journal": event["sequencejournal"],
            "number": event["sequencenumber"],
            "after": event.get("sequenceafter"),
        },
    }


def _noted(notification: dict[str, Any], at: float) -> Arrival:
    payload = notification["payload"]
    is_object = isinstance(payload, dict)
    seen = Seen(
        payload.get("bytes_sent") if is_object else None,
        hash(json.dumps(payload, sort_keys=True)),
        is_object and "owner" in payload,
    )
    return arrival_of(notification, at, payload=seen)
