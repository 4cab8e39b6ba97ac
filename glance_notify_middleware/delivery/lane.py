"""The lane of one strategy: a thread that delivers to it, so that no strategy waits for another."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from glance_notify_middleware.delivery.connection import BackOff, Connection
from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.delivery.dispatcher import Dispatcher
from glance_notify_middleware.delivery.node.state_file import NOTHING_KNOWN, SavedTarget
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.events.selection import Selection
from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.giving_way import give_way
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Strategy

_POLL = 0.05  # seconds between looks at the journal, while there is nothing new
_KEEP_ALIVE = 1.0  # seconds between looks at the connection, and at what operators want
_LANE_RETRY = 1.0  # seconds after which a lane that has ended with an error begins again
_MANY = 50  # messages; the work for fewer is over before a request misses Python's lock


@dataclass(frozen=True, slots=True)
class Route:
    """A target, and how notifications are delivered to it. `name` is the target's."""

    name: str
    make: Callable[[], Strategy]
    message_format: str
    back_off: BackOff
    aside_max_size: int  # bytes
    selection: Selection | None = None  # what it gets of what is recorded; None: all


class JournalAccess:
    """What the lanes of one leader share: the directory of the journals, and a lock.

    A thread that uses a subscription, or the cursors, holds `lock`. A lane does not hold it while
    its strategy talks to a broker.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lock = threading.Lock()
        self._reported: set[tuple[str, Position]] = set()  # losses, by where they were found

    def report_lost(self, step: Step) -> None:
        """Log once what is lost before this step, though each lane finds it."""
        if (step.identity, step.after) in self._reported:
            return
        self._reported.add((step.identity, step.after))
        if step.gone:  # or a leader has sent it, and could not save its cursors on a full disk
            why = f"unless sent before: a segment of the journal of {step.identity} is gone"
        else:
            why = f"the journal of {step.identity} is damaged"
        log_line(LOG, logging.ERROR, f"{step.lost} notifications are lost: {why}")


class Lane:
    """Delivers to one strategy: reads the journals, sends, and moves the cursors.

    Only its thread uses the strategy. The `subscription` is also used by the leader's survey, so
    the lock of JournalAccess is held for it.
    """

    def __init__(
        self,
        access: JournalAccess,
        route: Route,
        cursors: Cursors,
        report: Callable[[str, Exception], None],
        earlier: SavedTarget = NOTHING_KNOWN,
    ) -> None:
        """`report` is called with the name of the strategy and an error that has ended its work;
        then the lane begins again. `earlier` is what the leader before knew of its broker."""
        self.name = route.name
        self.subscription = Subscription(access.directory, cursors, route.selection)
        self._access = access
        self._route = route
        self._report = report
        self._state: Callable[[], SavedTarget] = lambda: earlier  # what is known of the broker

    @property
    def state(self) -> SavedTarget:
        """What is known of the broker; for other threads."""
        return self._state()

    def run(self, over: threading.Event) -> None:
        """Deliver until `over` is set."""
        while not over.is_set():
            try:
                self._serve(over)
            except Exception as error:
                self._report(self.name, error)
                over.wait(_LANE_RETRY)

    def _serve(self, over: threading.Event) -> None:
        connection = self._connection()
        dispatcher = self._dispatcher(connection)
        self._state = lambda: replace(connection.state, troubles=dispatcher.troubles)
        next_look = 0.0
        try:
            while not over.is_set():
                if time.monotonic() >= next_look:
                    next_look = time.monotonic() + _KEEP_ALIVE
                    with self._access.lock:
                        dispatcher.look()
                    connection.keep_alive(is_idle=dispatcher.is_idle)
                if not self._deliver_batch(connection, dispatcher):
                    over.wait(_POLL)
        finally:
            with self._access.lock:
                self.subscription.begin_again()
            connection.close()

    def _deliver_batch(self, connection: Connection, dispatcher: Dispatcher) -> bool:
        """Prepare a batch with the lock, send it without the lock, apply its outcomes with the
        lock. Between these steps of a long batch requests may run. Returns whether there may be
        more to send at once."""
        skips = False
        with self._access.lock:
            for step in self.subscription.read():
                skips |= step.skipped > 0
                if step.lost:
                    self._access.report_lost(step)
            batch = dispatcher.next_batch()
        is_long = len(batch.to_send) >= _MANY
        if is_long:
            give_way()
        outcomes = connection.send(batch.messages)
        if is_long:
            give_way()
        with self._access.lock:
            worked = dispatcher.apply_outcomes(batch, outcomes)
            self.subscription.cursors.save()
        return worked or skips

    def _read_on(self) -> bool:
        """Read a little ahead, while the strategy waits for its broker. Returns whether there may
        be more. Neither waits for the lock nor raises: the next batch comes upon the same error."""
        lock = self._access.lock
        if not lock.acquire(blocking=False):
            return False
        try:
            return self.subscription.read_on()
        except Exception:
            return False
        finally:
            lock.release()

    def _connection(self) -> Connection:
        return Connection(
            self.name,
            self._route.make(),
            self._access.directory,
            message_format=self._route.message_format,
            back_off=self._route.back_off,
            on_failure=self.subscription.cursors.failed,
            read_on=self._read_on,
            earlier=self.state,
        )

    def _dispatcher(self, connection: Connection) -> Dispatcher:
        return Dispatcher(
            self.name,
            connection,
            self.subscription,
            self._access.directory,
            back_off=self._route.back_off,
            aside_max_size=self._route.aside_max_size,
        )
