"""What a refusal costs, where a broker ends a connection, or a part of it, over one message.

A broker that refuses one routing key ends a channel, or a session, and the confirms of the messages
sent before are lost with it (RabbitMQ 3.10: 200 messages had arrived, none was confirmed). So the
first message of each priority at each connection is a probe: it is sent alone. The priority makes
the routing key, so its other messages may then be sent together with those of other priorities.
"""

import itertools
import logging
from collections.abc import Sequence
from typing import Generic, TypeVar

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.connected import Connected, Connection, Outcomes

_C = TypeVar("_C", bound=Connection)


class Probing(Connected[_C]):
    """A strategy whose broker refuses messages by their routing keys, in ways of its protocol."""

    def __init__(self, hosts: Sequence[Broker]) -> None:
        super().__init__(hosts)
        self._probed: set[Priority] = set()  # those whose probe was answered
        self._denials: dict[Priority, str] = {}  # why messages were denied last

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """See the contract."""
        return self._denials.get(priority, "") if outcome is Outcome.DENIED else ""

    # -- what each strategy does in its own way ---------------------------------------------

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        """Send the messages at `indexes`, and set the outcome of each as it becomes known.

        Raises any error.
        """
        raise NotImplementedError

    def _rejection_reason(self, error: Exception) -> str | None:
        """The broker's words where it has ended a channel or a link over one message; else None."""
        raise NotImplementedError

    def _denial_reason(self, error: Exception, priority: Priority) -> str | None:
        """Why, and the way out, where the broker refuses the routing key of `priority` alone; else
        None."""
        raise NotImplementedError

    def _may_be_denial(self, error: Exception) -> bool:
        """Whether a connection may have ended over the routing key of a probe.

        The next connection is then tried with the messages of other priorities. If it can send
        them, the routing key ended the connection; if not, something else did.
        """
        return False

    # -- what is the same for all -----------------------------------------------------------

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        _Sending(self, batch, outcomes).run()

    def _let_go(self) -> _C | None:
        self._probed.clear()
        return super()._let_go()


class _Sending(Generic[_C]):
    """The sending of one batch, in parts, so that a refusal costs other messages nothing.

    Where a broker ends a channel over one message of a part, it does not report over which. From
    then on each part is one message.
    """

    def __init__(self, strategy: Probing[_C], batch: Sequence[Message], outcomes: Outcomes) -> None:
        self._strategy = strategy
        self._batch = batch
        self._outcomes = outcomes
        self._one_by_one = False
        self._suspects: dict[Priority, Exception] = {}
        """The priorities over whose probe a connection may have ended, and the errors."""
        self._has_gone_on = False
        """Whether a part was sent after the first of the suspects."""

    def run(self) -> None:
        """Send all messages without an outcome. Raises what ended the connection for all of them.

        The messages of suspects are refused, if other messages were sent after them.
        """
        while part := self._next_part():
            priority = self._batch[part[0]].priority
            try:
                self._strategy._transmit(self._batch, part, self._outcomes)
            except Exception as error:
                if self._is_over_one(error, part):
                    self._one_by_one = self._one_by_one or len(part) > 1
                elif self._is_suspect(error, priority):
                    self._suspects[priority] = error
                    self._strategy._drop()
                else:
                    raise
            else:
                self._strategy._probed.add(priority)
                self._has_gone_on = bool(self._suspects)
        if self._suspects and not self._has_gone_on:
            raise next(iter(self._suspects.values()))
        self._outcomes[:] = [Outcome.REFUSED if each is None else each for each in self._outcomes]

    def _next_part(self) -> Sequence[int]:
        """The indexes of the next messages that go together; empty: all are sent."""
        waiting = [
            index
            for index, outcome in enumerate(self._outcomes)
            if outcome is None and self._batch[index].priority not in self._suspects
        ]
        if self._one_by_one:
            return waiting[:1]
        probed = itertools.takewhile(
            lambda index: self._batch[index].priority in self._strategy._probed, waiting
        )
        return list(probed) or waiting[:1]

    def _is_over_one(self, error: Exception, part: Sequence[int]) -> bool:
        """Whether the error is over one message, or one routing key, and the others can go on.

        They go on over a new connection. If the part is one message, its outcome is set.
        """
        strategy = self._strategy
        index, *others = part
        message = self._batch[index]
        rejection = strategy._rejection_reason(error)
        denial = None if rejection else strategy._denial_reason(error, message.priority)
        if rejection is None and denial is None:
            return False
        strategy.close()
        if others or self._outcomes[index] is not None:
            return True
        if rejection is not None:
            self._outcomes[index] = Outcome.REJECTED
            what = f"{strategy._broker} rejects {message.message_id} for what it is"
            log_line(LOG, logging.WARNING, f"{what}: {rejection}")
        elif denial is not None:
            self._deny(message.priority, denial)
        return True

    def _deny(self, priority: Priority, reason: str) -> None:
        """All messages of the priority that wait are denied."""
        self._strategy._denials[priority] = reason
        for index, outcome in enumerate(self._outcomes):
            if outcome is None and self._batch[index].priority is priority:
                self._outcomes[index] = Outcome.DENIED

    def _is_suspect(self, error: Exception, priority: Priority) -> bool:
        return priority not in self._strategy._probed and self._strategy._may_be_denial(error)
