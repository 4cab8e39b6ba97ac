"""The way of one strategy through the journals, in a thread of its own: none holds up another."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.window import BackOff, Delivery
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Reader, Step
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Connecting, Outcome, Strategy

_POLL = 0.05  # seconds between looks at the journal, while there is nothing new
_KEEP_ALIVE = 1.0  # seconds between looks at the connection
_AGAIN = 1.0  # seconds after which it begins again that ended with an error


@dataclass(frozen=True, slots=True)
class Route:
    """Where notifications are brought, and how."""

    name: str
    make: Callable[[], Strategy]
    message_format: str
    back_off: BackOff
    aside_max_size: int  # bytes


class Desk:
    """What the lanes of one leader share. Who works with the journal holds `lock`.

    So cursors, readers and deliveries have one user at a time, in whatever thread; while a
    strategy talks to its broker the lock is free for the others.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.Lock()
        self._lost: set[tuple[str, Position]] = set()

    def tell_lost(self, step: Step) -> None:
        """Once, though each strategy finds it."""
        if (step.identity, step.after) in self._lost:
            return
        self._lost.add((step.identity, step.after))
        if step.gone:  # a leader that could not save how far it had come leaves the same behind
            why = f"unless sent before: a segment of the journal of {step.identity} is gone"
        else:
            why = f"the journal of {step.identity} is damaged"
        log_line(LOG, logging.ERROR, f"{step.lost} notifications are lost: {why}")


class Lane:
    """Reads the journals, sends, and moves the cursors, of one strategy.

    The thread that runs it owns the strategy. `reader` and `cursors`, and `holds`, are for who has
    the desk.
    """

    def __init__(
        self, desk: Desk, route: Route, cursors: Cursors, complain: Callable[[str, Exception], None]
    ) -> None:
        """`complain` is told the strategy's name and the error that ended it; it begins again."""
        self.name = route.name
        self.cursors = cursors
        self.reader = Reader(desk.directory, cursors.positions)
        self._desk = desk
        self._route = route
        self._complain = complain
        self._delivery: Delivery | None = None

    def holds(self, identity: str) -> bool:
        """Whether anything of that process is on its way."""
        return self._delivery is not None and self._delivery.holds(identity)

    def run(self, over: threading.Event) -> None:
        """Until it is `over`."""
        while not over.is_set():
            try:
                self._serve(over)
            except Exception as error:
                self._complain(self.name, error)
                over.wait(_AGAIN)

    def _serve(self, over: threading.Event) -> None:
        delivery = Delivery(
            self.name,
            _beside_the_desk(self._route.make(), self._desk.lock),
            self._desk.directory,
            self.cursors,
            message_format=self._route.message_format,
            back_off=self._route.back_off,
            aside_max_size=self._route.aside_max_size,
        )
        next_look = 0.0
        try:
            while not over.is_set():
                with self._desk.lock:
                    self._delivery = delivery
                    if time.monotonic() >= next_look:
                        next_look = time.monotonic() + _KEEP_ALIVE
                        delivery.keep_alive()
                    worked = self._round(delivery)
                if not worked:
                    over.wait(_POLL)
        finally:
            with self._desk.lock:
                self._begin_anew()
            delivery.close()

    def _round(self, delivery: Delivery) -> bool:
        room = delivery.room
        if room > 0:
            steps = self.reader.read(room)
            delivery.take(steps)
            for step in steps:
                if step.lost:
                    self._desk.tell_lost(step)
        worked = delivery.send()
        self.cursors.save()
        return worked

    def _begin_anew(self) -> None:
        """What was on its way is read again, from the cursors on."""
        self._delivery = None
        self.reader.close()
        self.reader = Reader(self._desk.directory, self.cursors.positions)
        self.cursors.save(at_once=True)


class _BesideTheDesk:
    """A strategy, for one who has the desk: it is left to others while the broker is waited for."""

    def __init__(self, strategy: Strategy, lock: threading.Lock) -> None:
        self._strategy = strategy
        self._lock = lock

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        with self._left():
            return self._strategy.send(batch)

    def keep_alive(self) -> None:
        with self._left():
            self._strategy.keep_alive()

    def close(self) -> None:
        self._strategy.close()

    @contextlib.contextmanager
    def _left(self) -> Iterator[None]:
        self._lock.release()
        try:
            yield
        finally:
            self._lock.acquire()


class _ConnectingBesideTheDesk(_BesideTheDesk):
    """One that can connect without a message, likewise."""

    def __init__(self, strategy: Connecting, lock: threading.Lock) -> None:
        super().__init__(strategy, lock)
        self._connecting = strategy

    def connect(self) -> None:
        with self._left():
            self._connecting.connect()

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        return self._connecting.reason(priority, outcome)


def _beside_the_desk(strategy: Strategy, lock: threading.Lock) -> Strategy:
    if isinstance(strategy, Connecting):
        return _ConnectingBesideTheDesk(strategy, lock)
    return _BesideTheDesk(strategy, lock)
