"""What the strategies with a connection have in common: the connection's life."""

import contextlib
import os
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar, cast

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.deadline import Deadline


class Connection(Protocol):
    """A connection to a broker, as far as Connected knows it."""

    def close(self) -> object:
        """Close it as the protocol demands: wait for the broker's answer until the deadline."""

    def drop(self) -> object:
        """Release the socket and send nothing: sending could wait for the broker."""

    def forget(self) -> object:
        """Release what a parent process has opened, so that the parent can go on to use it."""


_C = TypeVar("_C", bound=Connection)

Outcomes = list[Outcome | None]
"""One for each message of a batch; None: not known yet."""


class Connected(Generic[_C]):
    """A strategy with one connection at a time, to one host of a list.

    Any error ends the connection; the outcomes that are not known then stay unknown. The next call
    connects to the next host.
    """

    connect_timeout = 5.0
    """Seconds that the network may take to connect to a host."""
    answer_timeout = 10.0
    """Seconds that the broker may take for an answer, or go without confirming a message."""
    close_timeout = 2.0
    """Seconds that the broker may take to answer the end of the connection."""

    def __init__(self, hosts: Sequence[Broker]) -> None:
        self._hosts = hosts
        self._host_number = 0  # counts on, over the end of the list
        self._deadline = Deadline(self.answer_timeout)
        self._connection: _C | None = None
        self._pid = 0  # of the process that made the connection

    def connect(self) -> None:
        """See the contract."""
        self._forget_connection_of_parent()
        if self._connection is None:
            try:
                self._check_destination(self._open_connection())
            except Exception as error:
                raise self._lost(error, ()) from error

    def reason(self, priority: Priority, outcome: Outcome) -> str:
        """See the contract."""
        return ""

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """See the contract."""
        outcomes: Outcomes = [None] * len(batch)
        try:
            if batch:
                self._send(batch, outcomes)
        except Exception as error:
            raise self._lost(error, outcomes) from error
        except BaseException:
            self._drop()  # the confirms that are still to come are not those of the next batch
            raise
        return cast(list[Outcome], outcomes)

    def keep_alive(self) -> None:
        """See the contract."""
        self._forget_connection_of_parent()
        if self._connection is None:
            return
        try:
            self._heartbeat(self._connection)
        except Exception as error:
            raise self._lost(error, ()) from error

    def close(self) -> None:
        """See the contract."""
        with contextlib.suppress(Exception):
            self._forget_connection_of_parent()
            if self._connection is not None:
                self._deadline.within(self.close_timeout)
                self._connection.close()
        self._drop()

    # -- what each strategy does in its own way ---------------------------------------------

    def _connect(self, broker: Broker) -> _C:
        """Connect to a host, in one try. Raises what went wrong, and leaves nothing open then."""
        raise NotImplementedError

    def _check_destination(self, connection: _C) -> None:
        """Look for what the messages need at the broker, and create nothing. Raises any error."""

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """Send the messages without an outcome, in their order, and set the outcome of each as it
        becomes known. Raises any error."""
        raise NotImplementedError

    def _heartbeat(self, connection: _C) -> None:
        """Read what has come, and send a heartbeat if it is time, without waiting."""
        raise NotImplementedError

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        """What happened, without a secret, and whether only an operator can change it."""
        raise NotImplementedError

    # -- what is the same for all -----------------------------------------------------------

    @property
    def _broker(self) -> Broker:
        return self._hosts[self._host_number % len(self._hosts)]

    def _open_connection(self) -> _C:
        """The connection, made where there is none. Raises what `_connect` raises."""
        self._forget_connection_of_parent()
        if self._connection is None:
            self._pid = os.getpid()
            self._connection = self._connect(self._broker)
        return self._connection

    def _lost(self, error: Exception, outcomes: Sequence[Outcome | None]) -> SendError:
        """Drop the connection after an error; returns the error as the contract has it."""
        what, needs_operator = self._explain(error, self._broker)
        reason = f"{self._broker}: {' '.join(what.split())}"
        self._drop()
        self._host_number += 1
        return SendError(reason, outcomes, needs_operator=needs_operator)

    def _drop(self) -> None:
        connection = self._let_go()
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.drop()

    def _forget_connection_of_parent(self) -> None:
        """In a child of fork: the connection that its parent made is not for the child."""
        if self._connection is not None and self._pid != os.getpid():
            connection = self._let_go()
            if connection is not None:
                connection.forget()

    def _let_go(self) -> _C | None:
        """The connection, which the strategy has no longer."""
        connection, self._connection = self._connection, None
        return connection
