"""What is in the queues at the end, against what is owed."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import amqp  # type: ignore[import-untyped]

from demo.rabbit import Rabbit
from tests.faults.app import DOWNLOAD_SIZE

QUEUES = ("notifications.info", "notifications.warn", "notifications.error")

_OF_AN_UPLOAD = {"image.prepare INFO": 0, "image.upload INFO": 1, "image.activate INFO": 2}

_UNKNOWN = "the outcome is unknown"

_QUIET = 1.0  # seconds without a message, when all that is owed is there: a repeat would be


class Arrival(NamedTuple):
    """A message, as it came."""

    request_id: str
    event: str  # `image.create INFO` and the like
    message_id: str
    timestamp: str
    at: float  # monotonic clock
    payload: Any = None
    project_id: str | None = None
    user_id: str | None = None
    publisher_id: str | None = None

    @property
    def fulfils(self) -> set[tuple[str, str]]:
        """What may be owed that it is: an event is named with its priority, or without."""
        return {(self.request_id, self.event), (self.request_id, self.event.split()[0])}

    @property
    def is_miscounted(self) -> bool:
        """Whether it tells other bytes than can have been sent of a download: all, at INFO."""
        event_type, priority = self.event.split()
        if event_type != "image.send":
            return False
        sent = self.payload["bytes_sent"]
        return not (sent == DOWNLOAD_SIZE if priority == "INFO" else 0 <= sent <= DOWNLOAD_SIZE)

    @property
    def is_unknown(self) -> bool:
        """Whether it says that nobody knows how the operation ended. Of a download it says so by
        what it does not say."""
        is_text = isinstance(self.payload, str)
        return self.event == "image.send ERROR" or (is_text and _UNKNOWN in str(self.payload))


@dataclass(frozen=True)
class Tally:
    """The comparison. Nothing may be missing, doubled, contradicted or miscounted."""

    owed: int
    downloads: int  # of what is owed
    delivered: int
    missing: Sequence[tuple[str, str]]
    repeated: int  # messages that came again, with the message_id that they had
    doubled: Sequence[tuple[str, str]]  # events that came with two message_ids
    inversions: Sequence[str]  # what came before its cause
    unknown: int  # operations of which it was told that nobody knows how they ended
    contradicted: Sequence[str]  # requests of those, of which the end was told as well
    miscounted: Sequence[Arrival]  # with bytes_sent that cannot be
    arrivals: Sequence[Arrival]


class Consumer:
    """Takes what comes into the queues; those that are not there yet are looked for again."""

    def __init__(self, rabbit: Rabbit, vhost: str, queues: Sequence[str] = QUEUES) -> None:
        self.arrivals: list[Arrival] = []
        self._connection = rabbit.connected(vhost)
        self._connection.connect()
        self._wanted = list(queues)

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def has(self, owed: Collection[tuple[str, str]]) -> bool:
        """Whether all of that has come."""
        return not missing(owed, list(self.arrivals))

    def wait(self, is_enough: Callable[[], bool], seconds: float) -> None:
        """Take messages until it is enough, not longer than `seconds`."""
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
        """It takes what comes, in a thread of its own."""
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
            channel.basic_consume(queue, no_ack=True, callback=self._take)
        except amqp.NotFound:
            return False
        return True

    def _take(self, message: amqp.Message) -> None:
        told = json.loads(message.body)
        self.arrivals.append(
            Arrival(
                request_id=told["_context_request_id"] or "",
                event=f"{told['event_type']} {told['priority']}",
                message_id=told["message_id"],
                timestamp=told["timestamp"],
                at=time.monotonic(),
                payload=told["payload"],
                project_id=told["_context_project_id"],
                user_id=told["_context_user_id"],
                publisher_id=told["publisher_id"],
            )
        )


def drain(
    rabbit: Rabbit, vhost: str, owed: Collection[tuple[str, str]], seconds: float
) -> list[Arrival]:
    """Empty the queues, until all that is owed was there and nothing more comes, or `seconds`
    have passed without a message."""
    with Consumer(rabbit, vhost) as consumer:
        left = set(owed)
        seen = 0
        last = time.monotonic()

        def is_enough() -> bool:
            nonlocal seen, last
            if len(consumer.arrivals) > seen:
                left.difference_update(*(each.fulfils for each in consumer.arrivals[seen:]))
                seen, last = len(consumer.arrivals), time.monotonic()
            return time.monotonic() - last > (seconds if left else _QUIET)

        consumer.wait(is_enough, 3600)
        return consumer.arrivals


def missing(owed: Collection[tuple[str, str]], arrivals: Iterable[Arrival]) -> set[tuple[str, str]]:
    """What is owed and has not come. Pure."""
    return set(owed).difference(*(each.fulfils for each in arrivals))


def compare(owed: Collection[tuple[str, str]], arrivals: Sequence[Arrival]) -> Tally:
    """Pure."""
    ids: dict[tuple[str, str], set[str]] = {}
    for each in arrivals:
        ids.setdefault(each[:2], set()).add(each.message_id)
    unknown = {each.request_id for each in arrivals if each.is_unknown}
    ended = {
        each.request_id
        for each in arrivals
        if not each.is_unknown and each.event != "image.prepare INFO"
    }
    return Tally(
        owed=len(owed),
        downloads=sum(event.startswith("image.send") for _, event in owed),
        delivered=len(ids),
        missing=sorted(missing(owed, arrivals)),
        repeated=len(arrivals) - len({each.message_id for each in arrivals}),
        doubled=[event for event, message_ids in ids.items() if len(message_ids) > 1],
        inversions=inversions(arrivals),
        unknown=len(unknown),
        contradicted=sorted(unknown & ended),
        miscounted=[each for each in arrivals if each.is_miscounted],
        arrivals=arrivals,
    )


def inversions(arrivals: Iterable[Arrival]) -> list[str]:
    """Requests of a chain of which an event came first when one of a later request had come.

    A request id is the name of its chain, a slash, and its number there; each began after the
    answer of the one before was read. Only INFO, as each priority has a queue of its own; not
    image.send, which is known only after its answer.
    """
    seen: set[tuple[str, str]] = set()
    latest: dict[str, tuple[int, int]] = {}
    found = []
    for each in arrivals:
        if each[:2] in seen or not each.event.endswith(" INFO") or each.event == "image.send INFO":
            continue
        seen.add(each[:2])
        chain, _, number = each.request_id.rpartition("/")
        place = int(number), _OF_AN_UPLOAD.get(each.event, 0)
        if place < latest.get(chain, place):
            found.append(f"{each.request_id} {each.event} after {latest[chain]}")
        latest[chain] = max(latest.get(chain, place), place)
    return found
