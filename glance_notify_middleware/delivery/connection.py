"""The connection of one lane to its broker, by way of a strategy, and when it may be tried."""

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from glance_notify_middleware.delivery.node.state import Link
from glance_notify_middleware.delivery.node.state_file import NOTHING_KNOWN, SavedTarget
from glance_notify_middleware.delivery.state_log import StateLog
from glance_notify_middleware.events.formats import in_format
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import (
    Connecting,
    Outcome,
    Overlapping,
    SendError,
    Strategy,
)

OPERATOR_RETRY = 60.0
"""Seconds between tries of a connection that only an operator can mend."""

_TAKES = "takes notifications"
_CONNECTION = "connection"  # whose state is logged


@dataclass(frozen=True, slots=True)
class BackOff:
    """How long to wait between tries, in seconds: from `first`, doubled each time, to `longest`."""

    first: float
    longest: float

    def after(self, failures: int) -> float:
        """The wait after `failures` in a row, in seconds. It has jitter, so that not all processes
        try at the same time."""
        longest = min(self.first * 2.0 ** min(failures - 1, 30), self.longest)
        return random.uniform(longest / 2, longest)  # noqa: S311


class Connection:
    """A strategy as its lane uses it: after an error it is not used for a while.

    Only the thread of the lane uses it. `send`, `keep_alive` and `close` may wait for the broker,
    and are called without a lock.
    """

    def __init__(
        self,
        name: str,
        strategy: Strategy,
        directory: Path,
        *,
        message_format: str,
        back_off: BackOff,
        on_failure: Callable[[str], None] = lambda reason: None,
        read_on: Callable[[], bool] = lambda: False,
        earlier: SavedTarget = NOTHING_KNOWN,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`name` is that of the strategy. `directory` is where notifications wait, for the log.
        `message_format` is the value of this option. `on_failure` gets the reason of each failed
        try: `connection` or `unusable`. `read_on` is what an Overlapping strategy calls. `earlier`
        is what was known of the connection just before this one. `clock` counts seconds."""
        self.state = SavedTarget(last_confirm=earlier.last_confirm)
        """What is known of the connection, for other threads: without `troubles`."""
        self._earlier = earlier
        self._strategy = strategy
        if isinstance(strategy, Overlapping):
            strategy.overlap(read_on)
        self._connecting = strategy if isinstance(strategy, Connecting) else None
        self._directory = directory
        self._message_format = message_format
        self._back_off = back_off
        self._on_failure = on_failure
        self._clock = clock
        self._log = StateLog(name)
        self._failures = 0  # since a message was taken
        self._not_before = 0.0  # by `clock`

    @property
    def is_due(self) -> bool:
        """Whether the strategy may be used now."""
        return self._clock() >= self._not_before

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome | None]:
        """Send the messages, and wait for their outcomes, which are in the same order.

        An outcome that is not known is None. After an error of the connection there may be fewer
        outcomes than messages. Without messages the strategy is not called.
        """
        if not messages:
            return []
        try:
            outcomes = self._strategy.send([self._in_format(message) for message in messages])
        except SendError as error:
            self._failed(error)
            return error.outcomes
        self._is(Link.CONNECTED)
        if Outcome.TAKEN in outcomes:
            self.state = replace(self.state, last_confirm=time.time())
            self._failures = 0
            self._log.change(_CONNECTION, _TAKES, logging.INFO)
        else:
            self._report_connected()
        return outcomes

    def keep_alive(self, *, is_idle: bool) -> None:
        """Keep the connection alive; to be called once a second.

        While there is nothing to send (`is_idle`), connect, if the strategy can connect without a
        message.
        """
        try:
            self._strategy.keep_alive()
            if self._connecting and is_idle and self.is_due:
                self._connecting.connect()
                self._is(Link.CONNECTED)
                self._report_connected()
        except SendError as error:
            self._failed(error)

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """Why messages of `priority` had this outcome; empty where the strategy does not know."""
        return self._connecting.reason(priority, outcome) if self._connecting else ""

    def close(self) -> None:
        """Close the connection."""
        self._strategy.close()

    def _in_format(self, message: Message) -> Message:
        body = in_format(message.body, self._message_format)
        return message if body is message.body else message._replace(body=body)

    def _failed(self, error: SendError) -> None:
        detail = f"{error}; notifications wait in {self._directory}"
        if Outcome.TAKEN in error.outcomes:
            self.state = replace(self.state, last_confirm=time.time())
            self._failures = 0
        if error.needs_operator:
            self._on_failure("unusable")
            self._is(Link.UNUSABLE, str(error))
            self._not_before = self._clock() + OPERATOR_RETRY
            self._log.change(_CONNECTION, "cannot be used", logging.ERROR, detail)
        else:
            self._on_failure("connection")
            self._is(Link.OUT_OF_REACH, str(error))
            self._failures += 1
            wait = max(self._back_off.after(self._failures), error.retry_after)
            self._not_before = self._clock() + wait
            self._log.change(_CONNECTION, "is out of reach", logging.WARNING, detail)

    def _is(self, link: Link, why: str = "") -> None:
        """The connection is in this state now, since when it came to be."""
        before = self._earlier if self.state.link is Link.UNKNOWN else self.state
        since = before.since if before.link is link else time.time()
        self.state = replace(self.state, link=link, since=since, why=" ".join(why.split()))

    def _report_connected(self) -> None:
        if self._log.state(_CONNECTION) != _TAKES:
            self._log.change(_CONNECTION, "is connected", logging.INFO)
