"""Sets messages of one strategy aside, and has them sent again later."""

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from glance_notify_middleware.delivery.aside.files import AsideFiles, AsideMessage
from glance_notify_middleware.delivery.aside.marks import Mark
from glance_notify_middleware.delivery.priorities import Priorities
from glance_notify_middleware.delivery.state_log import StateLog
from glance_notify_middleware.delivery.target_counts import Done
from glance_notify_middleware.delivery.window import WINDOW, Batch, Pending
from glance_notify_middleware.events.notification import Priority


@dataclass(frozen=True, slots=True)
class AsideBatch(Batch):
    """Messages of one priority that were set aside.

    `entries` has, for each message of `waiting`, its place in the aside file.
    """

    priority: Priority = Priority.INFO
    entries: Sequence[AsideMessage] = ()


class SetAside:
    """The messages of one strategy that are set aside."""

    def __init__(
        self,
        name: str,
        aside: AsideFiles,
        priorities: Priorities,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is that of the strategy; `aside` are its files; `clock` counts seconds."""
        self._aside = aside
        self._priorities = priorities
        self._clock = clock
        self._log = StateLog(name)
        # By priority, id and place in the file: messages that are done, behind one that is not. Two
        # messages can have one id: an operator sends one again, or each has its `_sequence`.
        self._done: dict[Priority, dict[tuple[str, int], Done]] = {}

    def add(self, waiting: Iterable[Pending]) -> None:
        """Append those messages whose priority is set aside at present to the aside files, in their
        order.

        If that fails for a message, it waits in the journal, and so do all later messages of its
        priority.
        """
        aside = {priority for priority in Priority if priority in self._aside}
        for pending in waiting if aside else ():
            priority = pending.message.priority
            if pending.is_done or priority not in aside:
                continue
            try:
                self._add(pending)
                reason = "there is no more room for them"
            except OSError as error:
                reason = str(error)
            if pending.is_done:
                self._log.forget("aside")
            else:
                aside.discard(priority)
                self._log.change("aside", "can set no more messages aside", logging.ERROR, reason)

    def next_batch(self) -> AsideBatch | None:
        """The next messages of a priority that is due; None where no priority is due."""
        priority = self._aside.due(self._clock())
        if priority is None:
            return None
        try:
            found = self._aside.read(priority, WINDOW)
            if found is None and self._aside.finish(priority):
                self._done.pop(priority, None)  # of what an operator has dropped
                self._priorities.aside_has_ended(priority)
        except OSError as error:
            self._aside.delay(priority, self._clock())
            self._log.change("aside", "cannot read what was set aside", logging.ERROR, str(error))
            return None
        if not found:
            return None
        done = self._done.get(priority, {})
        waiting = [Pending(each.message, done.get(_key(each))) for each in found]
        to_send = [pending for pending in waiting if not pending.is_done]
        return AsideBatch(to_send, waiting, priority, found)

    def advance(self, batch: AsideBatch, *, is_synced: bool) -> bool:
        """Move the cursor over the messages at the front that are done, which counts them. Returns
        whether it moved.

        It does not move before the dead letters among them are on the disk (`is_synced`): a power
        cut could lose them.
        """
        count = len(list(itertools.takewhile(lambda pending: pending.is_done, batch.waiting)))
        if count and is_synced:
            self._aside.advance(batch.priority, batch.entries[count - 1].end)
        else:
            count = 0
        done = self._done.setdefault(batch.priority, {})
        for i, (pending, entry) in enumerate(zip(batch.waiting, batch.entries, strict=True)):
            if i < count:
                self._aside.counts.passed(batch.priority, entry.end, entry.mark, pending.done)
                done.pop(_key(entry), None)
            elif pending.done is not None:
                done[_key(entry)] = pending.done
        return count > 0

    def _add(self, pending: Pending) -> None:
        """Set a message aside, if there is room for it. Raises OSError."""
        mark = Mark.REPEATED if pending.is_repeat else Mark.ORDINARY
        end = self._aside.add(pending.message, mark)
        if end is not None:
            pending.done, pending.aside_end = Done.ASIDE, end
            if mark is Mark.ORDINARY:
                self._aside.counts.added(pending)


def _key(entry: AsideMessage) -> tuple[str, int]:
    return entry.message.message_id, entry.end
