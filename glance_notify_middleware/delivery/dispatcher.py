"""Decides which messages one strategy sends next, and what becomes of each of them."""

import logging
import math
import time
from collections.abc import Callable, Sequence, Set
from pathlib import Path

from glance_notify_middleware.delivery.aside.files import AsideFiles
from glance_notify_middleware.delivery.connection import BackOff, Connection
from glance_notify_middleware.delivery.dead_letters import DeadLetters
from glance_notify_middleware.delivery.priorities import Priorities
from glance_notify_middleware.delivery.set_aside import AsideBatch, SetAside
from glance_notify_middleware.delivery.state_log import StateLog
from glance_notify_middleware.delivery.subscription import Subscription
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.delivery.window import WINDOW, Batch, Pending
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome


class Dispatcher:
    """Chooses one batch after another, and applies the outcomes of each.

    The priority of a message makes its routing key. A broker may take the messages of one priority
    and not those of another, so no priority waits for another. Refused messages are held in the
    window for a while. Messages that have no queue, are denied, or would fill the window, are set
    aside.
    """

    def __init__(
        self,
        name: str,
        connection: Connection,
        subscription: Subscription,
        directory: Path,
        *,
        back_off: BackOff,
        aside_max_size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is that of the strategy. `aside_max_size` bounds its aside files, in bytes.
        `clock` counts seconds."""
        self._connection = connection
        self._window = subscription.window
        self._cursors = subscription.cursors
        self._clock = clock
        self._aside = AsideFiles(directory, name, subscription.cursors, aside_max_size)
        self._priorities = Priorities(
            name, self._aside, back_off=back_off, reason=connection.reason, clock=clock
        )
        self._set_aside = SetAside(name, self._aside, self._priorities, clock=clock)
        self._dead_letters = DeadLetters(directory, name)
        self._log = StateLog(name)
        # For one batch, after one of messages set aside: were they sent in vain, or is it the turn
        # of the window, if there is something to send in it?
        self._skips_aside = self._window_first = False

    @property
    def is_idle(self) -> bool:
        """Whether there is nothing to send: neither in the window, nor set aside."""
        return self._window.is_empty and self._aside.due(math.inf) is None

    @property
    def troubles(self) -> dict[Priority, str]:
        """Why messages of a priority do not go at present, in one line; for other threads."""
        return dict(self._priorities.troubles)

    def next_batch(self) -> Batch:
        """The messages to be sent now: set-aside messages if some are due, and messages of the
        window, in turn. The batch is empty where nothing is to be sent."""
        skips_aside, self._skips_aside = self._skips_aside, False
        window_first, self._window_first = self._window_first, False
        if not self._connection.is_due:
            return Batch()
        if window_first and (batch := self._window_batch()).to_send:
            return batch
        return (None if skips_aside else self._set_aside.next_batch()) or self._window_batch()

    def look(self) -> None:
        """Look for what an operator sends again, or wants tried at once. To be called once a
        second."""
        self._aside.look()

    def apply_outcomes(self, batch: Batch, outcomes: Sequence[Outcome | None]) -> bool:
        """Apply the `outcomes` of a batch: of its first messages or all of them, in order. Move
        the cursors over what is done. Returns whether there may be more to send at once."""
        self._take_outcomes(batch.to_send, outcomes)
        if isinstance(batch, AsideBatch):
            is_synced = self._sync()
            worked = self._set_aside.advance(batch, is_synced=is_synced)
            self._skips_aside = not worked and self._connection.is_due
            self._window_first = worked
        else:
            self._set_aside.add(batch.to_send)
            is_synced = self._sync()
            worked = any(pending.is_done for pending in batch.waiting)
        if is_synced:
            self._window.advance()
        return worked or self._skips_aside

    def _window_batch(self) -> Batch:
        waiting = self._window.waiting()
        held = self._held()
        self._set_aside.add(waiting)
        sent = {priority for priority in Priority if priority not in self._aside} - held
        to_send = [pending for pending in waiting if pending.message.priority in sent]
        return Batch(to_send, waiting)

    def _held(self) -> Set[Priority]:
        """The priorities whose refused messages wait in the window. They are set aside when the
        window is half full, before they fill it and stop the other priorities."""
        now = self._clock()
        holds = self._priorities.holds()
        if self._window.room < WINDOW // 2:
            for priority, hold in holds.items():
                if priority not in self._aside:
                    self._aside.postpone(priority, now, hold.until - now)
        return holds.keys()

    def _take_outcomes(self, sent: Sequence[Pending], outcomes: Sequence[Outcome | None]) -> None:
        found: dict[Priority, set[Outcome | None]] = {}
        for pending, outcome in zip(sent, outcomes, strict=False):
            found.setdefault(pending.message.priority, set()).add(outcome)
            pending.done = self._done(pending.message, outcome)
        for priority, its_outcomes in found.items():
            self._priorities.update(priority, its_outcomes)

    def _done(self, message: Message, outcome: Outcome | None) -> Done | None:
        """Why nothing is left to do for the message: it was taken, or it is a dead letter."""
        if outcome is Outcome.TAKEN:
            self._dead_letters.forget(message)
            return Done.TAKEN
        if outcome is not None:
            self._cursors.failed(outcome.value)
        if outcome is Outcome.REJECTED and self._dead_letters.reject(message):
            return Done.DEAD
        return None

    def _sync(self) -> bool:
        """Sync the aside files and the dead letters. Returns whether all of them are on the disk.

        Before they are synced, a power cut may lose them. Once the cursor has passed their
        messages, the segment is removed, and these files are the only place that has them.
        """
        try:
            self._aside.sync()
            self._dead_letters.sync()
        except OSError as error:
            self._log.change("sync", "cannot sync what it has kept", logging.ERROR, str(error))
            return False
        self._log.forget("sync")
        return True
