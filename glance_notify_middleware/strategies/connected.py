"""What strategies with a connection have in common: when it is made, kept, given up."""

import contextlib
import logging
import os
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar, cast

from glance_notify_middleware.brokers import Broker
from glance_notify_middleware.harmless import LOG, log_alone
from glance_notify_middleware.notification import Message
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

    def _tend(self, connection: _C) -> None:
        """Read what is there, and say that we live, without waiting."""
        raise NotImplementedError

    def _explain(self, error: Exception, broker: Broker) -> tuple[str, bool]:
        """What happened, without a secret, and whether only an operator can help."""
        raise NotImplementedError

    def _for_what_it_is(self, error: Exception) -> str | None:
        """What the broker has said, where it ends a connection over one message's properties."""
        raise NotImplementedError

    # -- what is the same for all -----------------------------------------------------------

    def _send(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        try:
            self._transmit(batch, range(len(batch)), outcomes)
        except Exception as error:
            if self._for_what_it_is(error) is None:
                raise
            self._drop()
            self._send_one_by_one(batch, outcomes)

    def _send_one_by_one(self, batch: Sequence[Message], outcomes: Outcomes) -> None:
        """The broker does not say over which of them: it is the one that is alone then."""
        for index, message in enumerate(batch):
            if outcomes[index] is None:
                try:
                    self._transmit(batch, [index], outcomes)
                except Exception as error:
                    if (told := self._for_what_it_is(error)) is None:
                        raise
                    self._drop()
                    outcomes[index] = Outcome.REJECTED
                    what = f"{self._broker} refuses {message.message_id} for what it is"
                    log_alone(LOG, logging.WARNING, f"{what}: {told}")

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
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.drop()

    def _forget_what_was_inherited(self) -> None:
        if self._connection is not None and self._pid != os.getpid():
            connection, self._connection = self._connection, None
            connection.forget()
