"""The rabbit strategy: messages go to a topic exchange, and the broker confirms each."""

import contextlib
import logging
import os
from collections.abc import Sequence
from typing import cast

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.brokers import Broker
from glance_notify_middleware.config import Settings
from glance_notify_middleware.harmless import LOG, log_alone
from glance_notify_middleware.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from glance_notify_middleware.strategies.rabbit_confirms import Confirms
from glance_notify_middleware.strategies.rabbit_connection import (
    Connection,
    Deadline,
    connect,
    explain,
)
from glance_notify_middleware.strategies.rabbit_topology import Topology, routing_key

_FOR_WHAT_IT_IS = (amqp.PreconditionFailed, amqp.ContentTooLarge)
"""With these the broker closes the channel over one message: it is too large, for instance."""


class Rabbit:
    """Sends with publisher confirms, mandatory and persistent, to one host of the list at a time.

    Any error ends the connection, and with it all that is not known of its messages: the next
    call connects anew, to the next host.
    """

    connect_timeout = 5.0
    """Seconds that the network may take to connect to an address of the host."""
    answer_timeout = 10.0
    """Seconds that the broker may take for an answer, or be without a confirm."""
    close_timeout = 2.0
    heartbeat = 30.0
    most_unconfirmed = 200
    most_unconfirmed_bytes = 2**20

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._topology = Topology(settings)
        self._deadline = Deadline(self.answer_timeout)
        self._turn = 0  # which host it is
        self._connection: Connection | None = None
        self._confirms: Confirms | None = None
        self._pid = 0  # of the process that made the connection

    def send(self, batch: Sequence[Message]) -> Sequence[Outcome]:
        """See the contract. What is unroutable has been tried again, on queues declared anew."""
        outcomes: list[Outcome | None] = [None] * len(batch)
        try:
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
            self._read_what_is_there(self._connection)
            self._deadline.renew()
            self._connection.heartbeat_tick()
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

    @property
    def _broker(self) -> Broker:
        hosts = self._settings.rabbit_hosts
        return hosts[self._turn % len(hosts)]

    def _send(self, batch: Sequence[Message], outcomes: list[Outcome | None]) -> None:
        everything = range(len(batch))
        if not batch:
            return
        try:
            self._confirming().send(batch, everything, outcomes)
        except _FOR_WHAT_IT_IS:
            self._drop()
            self._send_one_by_one(batch, outcomes)
        unroutable = [index for index in everything if outcomes[index] is Outcome.UNROUTABLE]
        if unroutable and self._topology.creates:
            self._topology.declare(self._connected())
            for index in unroutable:
                outcomes[index] = None
            self._confirming().send(batch, unroutable, outcomes)

    def _send_one_by_one(self, batch: Sequence[Message], outcomes: list[Outcome | None]) -> None:
        """The broker closed the channel over one of them: it is the one that is alone then."""
        for index, message in enumerate(batch):
            if outcomes[index] is None:
                try:
                    self._confirming().send(batch, [index], outcomes)
                except _FOR_WHAT_IT_IS as error:
                    self._drop()
                    outcomes[index] = Outcome.REJECTED
                    told = f"{self._broker} refuses {message.message_id} for what it is"
                    log_alone(LOG, logging.WARNING, f"{told}: {error.reply_text}")

    def _confirming(self) -> Confirms:
        """The channel to send on; connects when there is none."""
        connection = self._connected()
        if self._confirms is None:
            self._topology.declare(connection)
            self._confirms = Confirms(
                connection,
                self._settings.rabbit_notification_exchange,
                lambda message: routing_key(self._settings, message.priority),
                self.most_unconfirmed,
                self.most_unconfirmed_bytes,
            )
        return self._confirms

    def _connected(self) -> Connection:
        self._forget_what_was_inherited()
        if self._connection is None:
            self._pid = os.getpid()
            self._connection = connect(
                self._broker, self._settings, self._deadline, self.connect_timeout, self.heartbeat
            )
        return self._connection

    def _read_what_is_there(self, connection: Connection) -> None:
        with contextlib.suppress(TimeoutError):
            self._deadline.within(0.01)
            while True:
                connection.blocking_read()

    def _lost(self, error: Exception, outcomes: Sequence[Outcome | None]) -> SendError:
        reason, needs_operator = explain(error, self._broker)
        if self._connection is not None and self._connection.is_blocked:
            reason += "; the broker blocks those who publish: it is short of memory or disk space"
        if isinstance(error, amqp.NotFound):  # the exchange
            needs_operator = not self._topology.creates or self._topology.is_denied
        self._drop()
        self._turn += 1
        return SendError(reason, outcomes, needs_operator=needs_operator)

    def _drop(self) -> None:
        """Without a word to the broker: that could take as long as the next one to answer."""
        connection, self._connection, self._confirms = self._connection, None, None
        with contextlib.suppress(Exception):
            if connection is not None:
                connection.collect()

    def _forget_what_was_inherited(self) -> None:
        if self._connection is not None and self._pid != os.getpid():
            connection, self._connection, self._confirms = self._connection, None, None
            connection.forget()
