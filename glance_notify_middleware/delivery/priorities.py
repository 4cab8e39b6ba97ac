"""What a broker does with the messages of each priority, and until when some of them wait."""

import logging
import time
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass

from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY, AsideFiles
from glance_notify_middleware.delivery.connection import BackOff
from glance_notify_middleware.delivery.state_log import StateLog
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome

_TROUBLES = {
    Outcome.UNROUTABLE: ("has no queue for {}", "has a queue for {} again", logging.WARNING),
    Outcome.DENIED: ("cannot send {}", "can send {} again", logging.ERROR),
    Outcome.REFUSED: ("refuses messages of {}", "takes messages of {} again", logging.WARNING),
}
"""For each outcome: what is logged when messages of a priority have it, what is logged when that
has ended, and the level of the first line."""

_LASTING = (Outcome.DENIED, Outcome.UNROUTABLE)
"""Outcomes after which another try is of no use before an operator has mended something."""


@dataclass(frozen=True, slots=True)
class Hold:
    """The messages of a priority wait until a time of the clock, in seconds, after they were
    refused `failures` times in a row."""

    failures: int
    until: float


class Priorities:
    """Draws the consequences of outcomes for each priority, which makes the routing key.

    Refused messages are held for a while. Unroutable and denied messages are set aside.
    """

    def __init__(
        self,
        name: str,
        aside: AsideFiles,
        *,
        back_off: BackOff,
        reason: Callable[[Priority, Outcome], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is that of the strategy. `reason` explains an outcome; it returns an empty text
        where it cannot. `clock` counts seconds."""
        self._aside = aside
        self._back_off = back_off
        self._reason = reason
        self._clock = clock
        self._log = StateLog(name)
        self.troubles: dict[Priority, str] = {}
        """Why messages of a priority do not go, in one line."""
        self._holds: dict[Priority, Hold] = {}
        self._troubles: dict[Priority, Outcome] = {}  # why messages do not go, as last logged

    def holds(self) -> Mapping[Priority, Hold]:
        """The holds that have not ended yet."""
        now = self._clock()
        return {priority: hold for priority, hold in self._holds.items() if now < hold.until}

    def update(self, priority: Priority, outcomes: Set[Outcome | None]) -> None:
        """Take the outcomes of the messages of `priority` that were just sent."""
        lasting = next((outcome for outcome in _LASTING if outcome in outcomes), None)
        if lasting is not None:
            self._holds.pop(priority, None)
            self._aside.postpone(priority, self._clock())
            self._report_trouble(priority, lasting)
        elif Outcome.REFUSED in outcomes:
            self._hold(priority, is_first=Outcome.TAKEN in outcomes)
        elif Outcome.TAKEN in outcomes:
            self._holds.pop(priority, None)
            if priority not in self._aside:
                self._report_end_of_trouble(priority)

    def aside_has_ended(self, priority: Priority) -> None:
        """No messages of `priority` are set aside any more: all of them are done."""
        self._holds.pop(priority, None)
        self._report_end_of_trouble(priority)

    def _hold(self, priority: Priority, *, is_first: bool) -> None:
        before = self._holds.get(priority)
        failures = 1 if is_first or before is None else before.failures + 1
        now, wait = self._clock(), self._back_off.after(failures)
        self._holds[priority] = Hold(failures, now + wait)
        if self._aside.has_file(priority):
            self._aside.delay(priority, now, wait)
        self._report_trouble(priority, Outcome.REFUSED)

    def _report_trouble(self, priority: Priority, outcome: Outcome) -> None:
        self._troubles[priority] = outcome
        state, _, level = _TROUBLES[outcome]
        details = [
            f"its notifications are set aside and tried every {ASIDE_RETRY:.0f} s; the others go on"
        ]
        if outcome is Outcome.REFUSED:
            details = ["as a full queue does; they wait, and the others go on"]
        self.troubles[priority] = state.format(priority)
        if reason := self._reason(priority, outcome):
            details.append(reason)
            self.troubles[priority] = " ".join(f"{state.format(priority)}; {reason}".split())
        self._log.change(priority, state.format(priority), level, "; ".join(details))

    def _report_end_of_trouble(self, priority: Priority) -> None:
        if priority in self._troubles:
            _, state, _ = _TROUBLES[self._troubles.pop(priority)]
            self.troubles.pop(priority, None)
            self._log.change(priority, state.format(priority), logging.INFO)
