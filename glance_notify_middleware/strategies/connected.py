"""What strategies with a connection have in common: when it is made, kept, given up."""

import contextlib
import itertools
import logging
import os
from collections.abc import Container, Sequence
from typing import Generic, Protocol, TypeVar, cast

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.deadline import Deadline


class Connection(Protocol):
    """A connection to a broker, as far as it is the same for all."""

    def close(self) -> object:
        """Say that it ends, and wait for the answer until the deadline."""

    def drop(self) -> object:
        """Let go of it, without a word to the broker: that could take as long as to send."""

    def forget(self) -> object:
        """Let go of what another process has opened: it goes on with it undisturbed."""


_C = TypeVar("_C", bound=Connection)

Outcomes = list[Outcome | None]


class Connected(Generic[_C]):
    """A strategy with a connection to one host of a list at a time.

    Any error ends the connection, and with it all that is not known of its messages: the next
    call connects anew, to the next host.

    A broker that refuses one routing key ends a channel, or a session, over it, and the confirms of
    what stood in front are lost with that (RabbitMQ 3.10: 200 messages had arrived, none was
    confirmed). So on each connection the first message of each priority, which makes the routing
    key, is on trial: it is alone on its way.
    """

    connect_timeout = 5.0
    """Seconds that the network may take to connect to a host."""
    answer_timeout = 10.0
    """Seconds that the broker may take for an answer, or be without a confirm."""
    close_timeout = 2.0

    def __init__(self, hosts: Sequence[Broker]) -> None:
        self._hosts = hosts
        self._deadline = Deadline(self.answer_timeout)
        self._turn = 0  # which host it is
        self._connection: _C | None = None
        self._pid = 0  # of the process that made the connection
        self._admitted: set[Priority] = set()  # those that are not on trial at this connection
        self._reasons: dict[Priority, str] = {}  # why each was denied last

    def connect(self) -> None:
        """See the contract."""
        self._forget_what_was_inherited()
        if self._connection is None:
            try:
                self._look_around(self._connected())
            except Exception as error:
                raise self._lost(error, ()) from error

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """See the contract."""
        return self._reasons.get(priority, "") if outcome is Outcome.DENIED else ""

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """See the contract."""
        outcomes: Outcomes = [None] * len(batch)
        try:
            if batch:
                self._send(batch, outcomes)
        except Exception as error:
            raise self._lost(error, outcomes) from error
        except BaseException:
            self._drop()  # confirms that are still to come are not those of the next batch
            raise
        return cast(list[Outcome], outcomes)

    def keep_alive(self) -> None:
        """See the contract."""
        self._forget_what_was_inherited()
        if self._connection is None:
            return
        try:
            self._tend(self._connection)
        except Exception as error:
            raise self._lost(error, ()) from error

    def close(self) -> None:
        """See the contract."""
        with contextlib.suppress(Exception):
            self._forget_what_was_inherited()
            if self._connection is not None:
                self._deadline.within(self.close_timeout)
                self._connection.close()
        self._drop()

    # -- what each does in its own way ------------------------------------------------------

    def _connect(self, broker: Broker) -> _C:
        """One try. Raises whatever went wrong; nothing is left open then."""
        raise NotImplementedError

    def _transmit(
        self, batch: Sequence[Message], indexes: Sequence[int], outcomes: Outcomes
    ) -> None:
        """Send the messages at `indexes`, and set the outcome of each as it becomes known."""
        raise NotImplementedError

    def _look_around(self, connection: _C) -> None:
        """See to what the messages need there, and create nothing. Raises whatever is wrong."""

    def _tend(self, connection: _C) -> None:
        """Read what is there, and say that we live, without waiting."""
        raise NotImplementedError

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        """What happened, without a secret, and whether only an operator can help."""
        raise NotImplementedError

    def _for_what_it_is(self, error: Exception) -> str | None:
        """What the broker has said, where it ends a connection over one message's properties."""
        raise NotImplementedError

    def _over_one_key(self, error: Exception, priority: Priority) -> str | None:
        """Why, and what mends it, where only the routing key of that priority is not taken."""
        raise NotImplementedError

    def _may_be_over_one_key(self, error: Exception) -> bool:
        """Whether a connection may have broken off over the routing key of what was on trial: that
        is so if it holds for others."""
        return False

    # -- what is the same for all -----------------------------------------------------------

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """Portion by portion. After an error over one message, or one routing key, of a portion
        the broker does not say over which: it is the one that is alone then."""
        one_by_one = False
        suspects: dict[Priority, Exception] = {}
        has_held = False  # a connection, since there are suspects
        while portion := self._portion(batch, outcomes, one_by_one, suspects):
            priority = batch[portion[0]].priority
            try:
                self._transmit(batch, portion, outcomes)
            except Exception as error:
                if self._is_over_one(error, batch, portion, outcomes):
                    one_by_one = one_by_one or len(portion) > 1
                elif self._may_be_over_one_key(error) and priority not in self._admitted:
                    suspects[priority] = error
                    self._drop()
                else:
                    raise
            else:
                self._admitted.add(priority)
                has_held = bool(suspects)
        if suspects and not has_held:
            raise next(iter(suspects.values()))  # it is over none of them, but over all
        outcomes[:] = [Outcome.REFUSED if each is None else each for each in outcomes]

    def _portion(
        self,
        batch: Sequence[Message],
        outcomes: Outcomes,
        one_by_one: bool,
        left_out: Container[Priority],
    ) -> Sequence[int]:
        """The next messages that go together: what is on trial is alone."""
        unknown = [
            index
            for index, outcome in enumerate(outcomes)
            if outcome is None and batch[index].priority not in left_out
        ]
        if one_by_one:
            return unknown[:1]
        admitted = itertools.takewhile(lambda each: batch[each].priority in self._admitted, unknown)
        return list(admitted) or unknown[:1]

    def _is_over_one(
        self, error: Exception, batch: Sequence[Message], portion: Sequence[int], outcomes: Outcomes
    ) -> bool:
        """Whether the others can go on, with a new connection; what was alone has its outcome."""
        index, *others = portion
        message = batch[index]
        over_message = self._for_what_it_is(error)
        over_key = None if over_message else self._over_one_key(error, message.priority)
        if over_message is None and over_key is None:
            return False
        self.close()
        if others or outcomes[index] is not None:
            return True
        if over_message is not None:
            outcomes[index] = Outcome.REJECTED
            what = f"{self._broker} refuses {message.message_id} for what it is"
            log_line(LOG, logging.WARNING, f"{what}: {over_message}")
        elif over_key is not None:
            self._reasons[message.priority] = over_key
            for each, outcome in enumerate(outcomes):
                if outcome is None and batch[each].priority is message.priority:
                    outcomes[each] = Outcome.DENIED
        return True

    @property
    def _broker(self) -> Broker:
        return self._hosts[self._turn % len(self._hosts)]

    def _connected(self) -> _C:
        self._forget_what_was_inherited()
        if self._connection is None:
            self._pid = os.getpid()
            self._connection = self._connect(self._broker)
        return self._connection

    def _lost(self, error: Exception, outcomes: Sequence[Outcome | None]) -> SendError:
        told, needs_operator = self._explain(error, self._broker)
        reason = f"{self._broker}: {' '.join(told.split())}"
        self._drop()
        self._turn += 1
        return SendError(reason, outcomes, needs_operator=needs_operator)

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        self._admitted.clear()
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.drop()

    def _forget_what_was_inherited(self) -> None:
        if self._connection is not None and self._pid != os.getpid():
            connection, self._connection = self._connection, None
            self._admitted.clear()
            connection.forget()
