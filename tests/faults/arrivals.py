"""The messages that arrive in the queues, and their comparison with the expected events."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import amqp  # type: ignore[import-untyped]

from demo.rabbit import Rabbit
from tests.faults.fake_glance import DOWNLOAD_SIZE
from tests.sequences import Gap, gaps

QUEUES = ("notifications.info", "notifications.warn", "notifications.error")

_OF_AN_UPLOAD = {"image.prepare INFO": 0, "image.upload INFO": 1, "image.activate INFO": 2}

_UNKNOWN = "the outcome is unknown"

QUIET = 1.0
"""Seconds without a message, once all expected events are there, in which a repeat would come."""


class Arrival(NamedTuple):
    """A message that arrived, and when."""

    request_id: str
    event: str  # `image.create INFO` and the like
    message_id: str
    timestamp: str
    at: float  # monotonic clock
    payload: Any = None
    project_id: str | None = None
    user_id: str | None = None
    publisher_id: str | None = None
    sequence: Mapping[str, Any] | None = None

    @property
    def generated(self) -> float:
        """When the event was generated, in seconds of the wall clock."""
        at = datetime.strptime(self.timestamp, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
        return at.timestamp()

    @property
    def lag(self) -> float:
        """Seconds from the event to the arrival."""
        return self.at + (time.time() - time.monotonic()) - self.generated

    @property
    def fulfils(self) -> set[tuple[str, str]]:
        """The expected events that the message is: with its priority, and without."""
        return {(self.request_id, self.event), (self.request_id, self.event.split()[0])}

    @property
    def is_miscounted(self) -> bool:
        """Whether its bytes_sent is impossible: INFO has all bytes of a download, ERROR no more."""
        event_type, priority = self.event.split()
        if event_type != "image.send":
            return False
        sent = self.payload["bytes_sent"]
        return not (sent == DOWNLOAD_SIZE if priority == "INFO" else 0 <= sent <= DOWNLOAD_SIZE)

    @property
    def is_unknown(self) -> bool:
        """Whether it reports an unknown outcome. That of a download has the same fields as an
        error."""
        is_text = isinstance(self.payload, str)
        return self.event == "image.send ERROR" or (is_text and _UNKNOWN in str(self.payload))


@dataclass(frozen=True)
class Tally:
    """The comparison's result. No event may be missing, doubled, contradicted or miscounted."""

    expected: int
    downloads: int  # of the expected events
    delivered: int
    missing: Sequence[tuple[str, str]]
    repeated: int  # messages that came again with the same message_id
    doubled: Sequence[tuple[str, str]]  # events that came with two message_ids
    inversions: Sequence[str]  # events that came before their cause
    unknown: int  # operations with an unknown outcome
    contradicted: Sequence[str]  # requests of those that have the event of their end, too
    miscounted: Sequence[Arrival]  # messages with an impossible bytes_sent
    gaps: Sequence[Gap]  # by the sequences of the messages
    arrivals: Sequence[Arrival]


def arrival_of(notification: dict[str, Any], at: float, **other: Any) -> Arrival:
    """The arrival of a notification, of plain JSON; `other` are fields in place of its own."""
    fields = {
        "request_id": notification["_context_request_id"] or "",
        "event": f"{notification['event_type']} {notification['priority']}",
        "message_id": notification["message_id"],
        "timestamp": notification["timestamp"],
        "at": at,
        "payload": notification["payload"],
        "project_id": notification["_context_project_id"],
        "user_id": notification["_context_user_id"],
        "publisher_id": notification["publisher_id"],
        "sequence": notification.get("_sequence"),
    }
    return Arrival(**fields | other)


class Consumer:
    """Takes the messages out of the queues; it looks again for queues that do not exist yet."""

    acknowledges = False
    """Whether `take` acknowledges each message; else the broker forgets it once it is sent."""

    def __init__(self, rabbit: Rabbit, vhost: str, queues: Sequence[str] = QUEUES) -> None:
        self.arrivals: list[Arrival] = []
        self._connection = rabbit.connected(vhost)
        self._connection.connect()
        self._wanted = list(queues)

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has(self, expected: Collection[tuple[str, str]]) -> bool:
        """Whether all `expected` events have arrived."""
        return not missing(expected, list(self.arrivals))

    def wait(self, is_enough: Callable[[], bool], seconds: float) -> None:
        """Take messages until `is_enough` returns True, for `seconds` at most."""
        deadline = time.monotonic() + seconds
        look = 0.0
        while not is_enough() and (now := time.monotonic()) < deadline:
            if now >= look:
                look = now + 0.2
                self._wanted = [queue for queue in self._wanted if not self._consumes(queue)]
            try:
                self._connection.drain_events(timeout=0.1)
            except TimeoutError:
                continue

    @contextlib.contextmanager
    def consuming(self) -> Iterator[None]:
        """Meanwhile a thread takes the messages."""
        over = threading.Event()
        thread = threading.Thread(target=self.wait, args=(over.is_set, 600))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _consumes(self, queue: str) -> bool:
        channel = amqp.Channel(self._connection, auto_decode=False)
        channel.open()
        try:
            channel.basic_consume(queue, no_ack=not self.acknowledges, callback=self.take)
        except amqp.NotFound:
            return False
        return True

    def take(self, message: amqp.Message) -> None:
        """Note a message that has arrived."""
        self.arrivals.append(arrival_of(json.loads(message.body), time.monotonic()))


def drain(
    rabbit: Rabbit, vhost: str, expected: Collection[tuple[str, str]], seconds: float
) -> list[Arrival]:
    """Take messages out of the queues until all `expected` events were there and no more come, or
    `seconds` have passed without a message."""
    with Consumer(rabbit, vhost) as consumer:
        left = set(expected)
        seen = 0
        last = time.monotonic()

        def is_enough() -> bool:
            nonlocal seen, last
            if len(consumer.arrivals) > seen:
                new = consumer.arrivals[seen:]
                left.difference_update(*(arrival.fulfils for arrival in new))
                seen, last = len(consumer.arrivals), time.monotonic()
            return time.monotonic() - last > (seconds if left else QUIET)

        consumer.wait(is_enough, 3600)
        return consumer.arrivals


def missing(
    expected: Collection[tuple[str, str]], arrivals: Iterable[Arrival]
) -> set[tuple[str, str]]:
    """The `expected` events that have not arrived. Pure."""
    return set(expected).difference(*(arrival.fulfils for arrival in arrivals))


def compare(expected: Collection[tuple[str, str]], arrivals: Sequence[Arrival]) -> Tally:
    """Compare the arrivals with the `expected` events. Pure."""
    ids: dict[tuple[str, str], set[str]] = {}
    for arrival in arrivals:
        ids.setdefault(arrival[:2], set()).add(arrival.message_id)
    unknown = {arrival.request_id for arrival in arrivals if arrival.is_unknown}
    ended = {
        arrival.request_id
        for arrival in arrivals
        if not arrival.is_unknown and arrival.event != "image.prepare INFO"
    }
    return Tally(
        expected=len(expected),
        downloads=sum(event.startswith("image.send") for _, event in expected),
        delivered=len(ids),
        missing=sorted(missing(expected, arrivals)),
        repeated=len(arrivals) - len({arrival.message_id for arrival in arrivals}),
        doubled=[event for event, message_ids in ids.items() if len(message_ids) > 1],
        inversions=inversions(arrivals),
        unknown=len(unknown),
        contradicted=sorted(unknown & ended),
        miscounted=[arrival for arrival in arrivals if arrival.is_miscounted],
        gaps=gaps({"_sequence": arrival.sequence} for arrival in arrivals),
        arrivals=arrivals,
    )


def inversions(arrivals: Iterable[Arrival], priority: str = "INFO") -> list[str]:
    """The events of a priority that arrived after an event of a later request of the same chain.

    A request id is the name of its chain, a slash, and the request's number in the chain. Each
    request begins after its client has read the answer to the request before. One priority counts,
    as each has a queue of its own; image.send does not count, as it is known only after its answer.
    """
    seen: set[tuple[str, str]] = set()
    latest: dict[str, tuple[int, int]] = {}
    found = []
    for arrival in arrivals:
        key, event = arrival[:2], arrival.event
        event_type, _, of = event.partition(" ")
        if key in seen or of != priority or event_type == "image.send":
            continue
        seen.add(key)
        chain, _, number = arrival.request_id.rpartition("/")
        place = int(number), _OF_AN_UPLOAD.get(event, 0)
        if place < latest.get(chain, place):
            found.append(f"{arrival.request_id} {event} after {latest[chain]}")
        latest[chain] = max(latest.get(chain, place), place)
    return found
