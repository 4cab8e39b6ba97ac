"""Delivers to one strategy: a window of messages on their way, and what becomes of each."""

import itertools
import logging
import math
import random
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from glance_notify_middleware.delivery import dead_letters
from glance_notify_middleware.delivery.aside import AGAIN, Aside
from glance_notify_middleware.delivery.cursors import Cursors
from glance_notify_middleware.events.notification import Message, Priority, in_format
from glance_notify_middleware.journal.files import sync
from glance_notify_middleware.journal.reader import Step
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Connecting, Outcome, SendError, Strategy

WINDOW = 500
"""Messages that are on their way at a time: about 1 MB, and as fast as RabbitMQ confirms."""

TRIES = 3
"""So often a message is sent that is rejected for what it is."""

OPERATOR = 60.0
"""Seconds after which a connection is tried again that only an operator can mend."""


_TROUBLES = {
    Outcome.UNROUTABLE: ("has no queue for {}", "has a queue for {} again", logging.WARNING),
    Outcome.DENIED: ("cannot send {}", "can send {} again", logging.ERROR),
    Outcome.REFUSED: ("refuses messages of {}", "takes messages of {} again", logging.WARNING),
}
"""What is logged where the messages of a priority do not go, when they go again, and its level."""

_LASTING = (Outcome.DENIED, Outcome.UNROUTABLE)
"""With these another try is of no use before somebody has mended something."""

_TAKES = "takes notifications"


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait between tries, in seconds: from `first`, doubled each time, to `longest`."""

    first: float = 0.2
    longest: float = 30.0

    def after(self, failures: int) -> float:
        """The wait after so many failures in a row; with jitter, so that not all come at once."""
        longest = min(self.first * 2.0 ** min(failures - 1, 30), self.longest)
        return random.uniform(longest / 2, longest)  # noqa: S311


@dataclass(slots=True)
class _Sent:
    """A message of the window."""

    message: Message
    is_done: bool = False


@dataclass(frozen=True, slots=True)
class _Hold:
    """Of a priority: how often in a row its messages were refused, and until when they wait."""

    failures: int
    until: float


class Delivery:
    """Takes steps of the journal, sends their messages, moves the cursors over what is done.

    A broker may take the messages of one priority, which makes the routing key, and not those of
    another: no priority waits for another. One that is refused is held in the window for a moment;
    one that has no queue, is denied, or would fill the window, is set aside.
    """

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        directory: Path,
        cursors: Cursors,
        *,
        message_format: str,
        back_off: BackOff,
        aside_max_size: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._strategy = strategy
        self._connecting = strategy if isinstance(strategy, Connecting) else None
        self._directory = directory
        self._cursors = cursors
        self._message_format = message_format
        self._back_off = back_off
        self._aside = Aside(directory, name, cursors, aside_max_size)
        self._clock = clock
        self._window: deque[tuple[Step, list[_Sent]]] = deque()
        self._rejections: Counter[str] = Counter()  # by message_id
        self._holds: dict[Priority, _Hold] = {}
        self._troubles: dict[Priority, Outcome] = {}  # what was last told of those that do not go
        self._done_aside: set[str] = set()  # ids of those behind one that is not done
        self._failures = 0  # in a row
        self._not_before = 0.0
        self._buried: set[Path] = set()  # files of dead letters that are still to be synced
        self._states: dict[str, str] = {}  # of what was last told of each thing

    @property
    def room(self) -> int:
        """How many messages more it takes."""
        return WINDOW - sum(len(sent) or 1 for _, sent in self._window)

    def take(self, steps: Sequence[Step]) -> None:
        """Take the next steps, in their order."""
        for step in steps:
            self._window.append((step, [_Sent(message) for message in step.messages]))

    def holds(self, identity: str) -> bool:
        """Whether anything of that process is on its way."""
        return any(step.identity == identity for step, _ in self._window)

    def send(self) -> bool:
        """Send what is to be sent now, once; False where there is nothing to do."""
        if self._clock() < self._not_before:
            return False
        worked = self._send_aside()
        if not worked and self._clock() >= self._not_before:
            worked = self._send_window()
        self._advance()
        return worked

    def keep_alive(self) -> None:
        """To be called once a second. Connects too, while there is nothing to send."""
        is_idle = not self._window and self._aside.due(math.inf) is None
        try:
            self._strategy.keep_alive()
            if self._connecting and is_idle and self._clock() >= self._not_before:
                self._connecting.connect()
                self._tell_connected()
        except SendError as error:
            self._failed(error)

    def close(self) -> None:
        """Let go of the connection."""
        self._strategy.close()

    # -- the window -------------------------------------------------------------------------

    def _send_window(self) -> bool:
        waiting = [sent for _, all_sent in self._window for sent in all_sent if not sent.is_done]
        held = self._held()
        self._set_aside(waiting)
        batch = [
            sent
            for sent in waiting
            if sent.message.priority not in self._aside and sent.message.priority not in held
        ]
        if batch:
            self._deliver(batch)
            self._set_aside(batch)
        return any(sent.is_done for sent in waiting)

    def _held(self) -> Set[Priority]:
        """Those that wait. What would fill the window, and stop the others, is set aside."""
        now = self._clock()
        held = {priority: hold for priority, hold in self._holds.items() if now < hold.until}
        if self.room < WINDOW // 2:
            for priority, hold in held.items():
                if priority not in self._aside:
                    self._aside.begin(priority, now, hold.until - now)
        return held.keys()

    def _deliver(self, batch: Sequence[_Sent]) -> None:
        """Send them, and see to what became of each, and of each priority."""
        outcomes = self._outcomes([sent.message for sent in batch])
        found: dict[Priority, set[Outcome | None]] = {}
        for sent, outcome in zip(batch, outcomes, strict=False):
            found.setdefault(sent.message.priority, set()).add(outcome)
            sent.is_done = self._is_done(sent.message, outcome)
        for priority, seen in found.items():
            self._see_to(priority, seen)

    def _see_to(self, priority: Priority, seen: Set[Outcome | None]) -> None:
        lasting = next((each for each in _LASTING if each in seen), None)
        if lasting is not None:
            self._holds.pop(priority, None)
            self._aside.begin(priority, self._clock())
            self._tell_trouble(priority, lasting)
        elif Outcome.REFUSED in seen:
            self._hold(priority, is_first=Outcome.TAKEN in seen)
        elif Outcome.TAKEN in seen:
            self._holds.pop(priority, None)
            if priority not in self._aside:
                self._tell_end_of_trouble(priority)

    def _hold(self, priority: Priority, *, is_first: bool) -> None:
        before = self._holds.get(priority)
        failures = 1 if is_first or before is None else before.failures + 1
        now, wait = self._clock(), self._back_off.after(failures)
        self._holds[priority] = _Hold(failures, now + wait)
        if priority in self._aside:
            self._aside.begin(priority, now, wait)
        self._tell_trouble(priority, Outcome.REFUSED)

    def _is_done(self, message: Message, outcome: Outcome | None) -> bool:
        """Whether nothing is left to do for it: it was taken, or is a dead letter by now."""
        if outcome is Outcome.REJECTED:
            self._rejections[message.message_id] += 1
            return self._rejections[message.message_id] >= TRIES and self._bury(message)
        if outcome is Outcome.TAKEN:
            self._rejections.pop(message.message_id, None)
        return outcome is Outcome.TAKEN

    def _advance(self) -> None:
        if not self._is_kept():
            return
        while self._window and all(sent.is_done for sent in self._window[0][1]):
            step, _ = self._window.popleft()
            self._cursors.move(step.identity, step.after)

    def _is_kept(self) -> bool:
        """Whether what was set aside, and each dead letter, is on the disk: a power cut may take
        it before that, and the segment that it was in goes once the cursor has passed."""
        try:
            self._aside.sync()
            for path in list(self._buried):
                sync(path)
                self._buried.discard(path)
        except OSError as error:
            self._tell("sync", "cannot sync what it has kept", logging.ERROR, str(error))
            return False
        self._states.pop("sync", None)
        return True

    # -- sending ----------------------------------------------------------------------------

    def _outcomes(self, messages: Sequence[Message]) -> Sequence[Outcome | None]:
        """Send, and see to what it tells of the broker."""
        ready = [
            message._replace(body=in_format(message.body, self._message_format))
            for message in messages
        ]
        try:
            outcomes = self._strategy.send(ready)
        except SendError as error:
            self._failed(error)
            return error.outcomes
        if Outcome.TAKEN in outcomes:
            self._failures = 0
            self._tell("", _TAKES, logging.INFO)
        else:
            self._tell_connected()
        return outcomes

    def _failed(self, error: SendError) -> None:
        waits = f"{error}; notifications wait in {self._directory}"
        if error.needs_operator:
            self._not_before = self._clock() + OPERATOR
            self._tell("", "cannot be used", logging.ERROR, waits)
        else:
            self._wait()
            self._tell("", "is out of reach", logging.WARNING, waits)

    def _wait(self) -> None:
        self._failures += 1
        self._not_before = self._clock() + self._back_off.after(self._failures)

    def _tell(self, thing: str, state: str, level: int, more: str = "") -> None:
        """One line for each change of state of a thing: not one for each event, or each try."""
        if self._states.get(thing) != state:
            self._states[thing] = state
            told = f"{self._name} {state}: {more}" if more else f"{self._name} {state}"
            log_line(LOG, level, told)

    def _tell_connected(self) -> None:
        if self._states.get("") != _TAKES:
            self._tell("", "is connected", logging.INFO)

    def _tell_trouble(self, priority: Priority, outcome: Outcome) -> None:
        self._troubles[priority] = outcome
        state, _, level = _TROUBLES[outcome]
        more = [f"its notifications are set aside and tried every {AGAIN:.0f} s; the others go on"]
        if outcome is Outcome.REFUSED:
            more = ["as a full queue does; they wait, and the others go on"]
        if self._connecting and (reason := self._connecting.reason(priority, outcome)):
            more.append(reason)
        self._tell(priority, state.format(priority), level, "; ".join(more))

    def _tell_end_of_trouble(self, priority: Priority) -> None:
        if priority in self._troubles:
            _, state, _ = _TROUBLES[self._troubles.pop(priority)]
            self._tell(priority, state.format(priority), logging.INFO)

    # -- messages that do not go ------------------------------------------------------------

    def _bury(self, message: Message) -> bool:
        """Put it to the dead letters; False where that fails: it is tried again."""
        what = f"{message.event_type} {message.message_id}"
        try:
            path = dead_letters.bury(self._directory, self._name, message)
        except OSError as error:
            self._tell("dead letters", "cannot keep a dead letter", logging.ERROR, str(error))
            return False
        self._buried.add(path)
        del self._rejections[message.message_id]
        told = f"{self._name} rejects {what} for what it is; it is kept in {path}"
        log_line(LOG, logging.ERROR, told)
        return True

    def _set_aside(self, waiting: Sequence[_Sent]) -> None:
        """Put those of `waiting` to the others of their priority that are set aside, in order.

        Where that fails they wait in the journal, and with them all that comes later.
        """
        no_room: set[Priority] = set()
        for sent in waiting:
            priority = sent.message.priority
            if sent.is_done or priority not in self._aside or priority in no_room:
                continue
            try:
                sent.is_done = self._aside.add(sent.message)
                reason = "there is no more room for them"
            except OSError as error:
                reason = str(error)
            if sent.is_done:
                self._states.pop("aside", None)
            else:
                no_room.add(priority)
                self._tell("aside", "can set no more messages aside", logging.ERROR, reason)

    def _send_aside(self) -> bool:
        priority = self._aside.due(self._clock())
        if priority is None:
            return False
        try:
            batch = self._aside.next(priority, WINDOW)
            if not batch:
                if self._aside.end(priority):
                    self._holds.pop(priority, None)
                    self._tell_end_of_trouble(priority)
                return False
        except OSError as error:
            self._aside.begin(priority, self._clock())
            self._tell("aside", "cannot read what was set aside", logging.ERROR, str(error))
            return False
        found = [_Sent(each, each.message_id in self._done_aside) for each, _ in batch]
        if to_send := [sent for sent in found if not sent.is_done]:
            self._deliver(to_send)
        count = len(list(itertools.takewhile(lambda sent: sent.is_done, found)))
        if count and self._is_kept():
            self._aside.taken(priority, batch[count - 1][1])
        else:
            count = 0
        self._done_aside -= {sent.message.message_id for sent in found[:count]}
        self._done_aside |= {sent.message.message_id for sent in found[count:] if sent.is_done}
        return count > 0
