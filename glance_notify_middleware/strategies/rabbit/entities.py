"""What is wrong with the exchange and the queues of the rabbit strategy, seen without a change.

AMQP 0-9-1 shows no properties of an entity. But RabbitMQ compares, and creates nothing, where what
exists is declared; it checks the permission to declare before it refuses a wrong argument; and it
checks that to write before it finds that there is no such binding. (3.10, rabbit_channel.erl.)
"""

import contextlib
import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies.certificate import error, warning
from glance_notify_middleware.strategies.rabbit import rabbitmqctl
from glance_notify_middleware.strategies.rabbit.connection import Connection
from glance_notify_middleware.strategies.rabbit.topology import queue_arguments

_ALARM_TIMEOUT = 0.7
"""Seconds within which a broker blocks a client that publishes, or answers."""

_WRONG_EXCHANGE = {"alternate-exchange": 1}  # the name of an exchange is a text
_WRONG_QUEUE = {"x-message-ttl": -1}
"""Arguments that RabbitMQ refuses, so that nothing is created."""

_CURRENT = re.compile(r"but current is (?:the value )?'?([\w-]+)")
_AUTO = (
    "create_queues = auto (with rabbit_durable_queues, as the other services of the cloud have "
    "amqp_durable_queues; or start the reader, which declares it)"
)


class Entities:
    """Exchange and queues at one broker."""

    def __init__(
        self,
        connection: Connection,
        broker: Broker,
        settings: RabbitSettings,
        priorities: Iterable[Priority],
    ) -> None:
        self._connection = connection
        self._broker = broker
        self._settings = settings
        self._priorities = tuple(priorities)
        self._creates = settings.create_queues == "auto"
        self._exchange = settings.notification_exchange
        self._where = f"in virtual host {settings.virtual_host}"
        self._channel = connection.channel()
        self._missing: list[str] = []  # queues
        self._denied: list[str] = []  # what the user may not do

    def findings(self) -> Iterator[Finding]:
        """All findings. Raises py-amqp's errors, and OSError, when the connection is lost."""
        yield from self._of_exchange()
        for priority in self._priorities:
            yield from self._of_queue(self._settings.routing_key(priority))
        if self._missing:
            yield warning(
                "queue-missing",
                f"there is no queue {', '.join(self._missing)} {self._where}: its notifications "
                "wait where no other queue is bound",
                _AUTO,
            )
        self._look_at_writing()
        if self._denied:
            line = rabbitmqctl.permissions(self._settings, self._broker, self._priorities)
            yield error(
                "broker-permission-missing",
                f"user {self._broker.userid} may not {', '.join(self._denied)} {self._where}",
                f"{line} (it replaces the permissions that the user has there)",
            )
        yield from self._of_alarm()

    def _of_exchange(self) -> Iterator[Finding]:
        name = self._exchange
        find = partial(self._channel.exchange_declare, name, "topic", passive=True)
        declare = partial(self._channel.exchange_declare, name, "topic", auto_delete=False)
        if isinstance(self._answer(find), amqp.NotFound):
            if not self._creates:
                yield error(
                    "exchange-missing",
                    f"there is no exchange {name} {self._where}: all notifications wait",
                    _AUTO,
                )
                return
            durable = bool(self._settings.durable_queues)
            wrong = partial(declare, durable=durable, arguments=_WRONG_EXCHANGE)
            self._look_at_declaring(f"exchange {name}", self._answer(wrong))
            return
        durable = self._settings.durable_queues is not False
        difference = _difference(self._answer(partial(declare, durable=durable)))
        if "'type'" in difference:
            yield warning(
                "exchange-differs",
                f"exchange {name} {self._where} is of type {_current(difference)}: expected topic",
                "rabbit_notification_exchange = NAME (of a topic exchange, or delete this one: its "
                "reader declares it anew)",
            )
        elif "'durable'" in difference and self._creates:
            yield self._durable_differs(f"exchange {name}", difference)

    def _of_queue(self, name: str) -> Iterator[Finding]:
        found = self._answer(partial(self._channel.queue_declare, name, passive=True))
        declare = partial(self._channel.queue_declare, name, auto_delete=False)
        if isinstance(found, amqp.NotFound) and not self._creates:
            self._missing.append(name)
        elif isinstance(found, amqp.NotFound):
            wrong = partial(declare, arguments=_WRONG_QUEUE)
            self._look_at_declaring(f"queue {name}", self._answer(wrong))
        if isinstance(found, Exception):
            return
        durable = self._settings.durable_queues is not False
        arguments = queue_arguments(self._settings) if self._creates else {}
        declared = self._answer(partial(declare, durable=durable, arguments=arguments))
        yield from self._of_difference(name, _difference(declared))
        if not found.consumer_count:
            yield warning(
                "queue-unread",
                f"queue {name} {self._where} has no consumer; messages that wait in it: "
                f"{found.message_count}",
                f"{rabbitmqctl.bound(self._settings, name)} (bounds it, until a reader comes; or "
                "leave its priority out of priorities)",
            )

    def _of_difference(self, name: str, difference: str) -> Iterator[Finding]:
        if "'durable'" in difference:
            if self._creates or self._settings.durable_queues is not False:
                yield self._durable_differs(f"queue {name}", difference)
        elif not self._creates:
            return
        elif "'x-queue-type'" in difference:
            kind = _current(difference).replace("none", "classic")
            yield warning(
                "queue-differs",
                f"queue {name} {self._where} is of type {kind}: expected "
                f"{self._settings.queue_type}",
                f"rabbit_queue_type = {kind}",
            )
        elif self._settings.queue_max_bytes and "'x-" in difference:
            yield warning(
                "queue-differs",
                f"queue {name} {self._where} is not bounded as queue_max_bytes says",
                "queue_max_bytes = 0 (and bound it by a policy: "
                f"{rabbitmqctl.bound(self._settings, name, self._settings.queue_max_bytes)})",
            )

    def _durable_differs(self, entity: str, difference: str) -> Finding:
        if _current(difference) == "true":
            what = f"{entity} {self._where} is durable: rabbit_durable_queues says that it is not"
            return warning("queue-differs", what, "rabbit_durable_queues = true")
        kind, _, name = entity.partition(" ")
        delete = rabbitmqctl.delete(kind, self._settings.virtual_host, name)
        return warning(
            f"{kind}-not-durable",
            f"{entity} {self._where} is not durable: a restart of the broker ends it, and what "
            "waits in it",
            f"{delete} (after [oslo_messaging_rabbit] amqp_durable_queues = true in the "
            "configuration of its reader, which declares it anew)",
        )

    def _look_at_declaring(self, entity: str, answer: Any) -> None:
        if isinstance(answer, amqp.AccessRefused):
            self._denied.append(f"create {entity}")

    def _look_at_writing(self) -> None:
        """See whether the user may publish to the exchange.

        To end a binding from an exchange needs the same permission. There is no such binding.
        """
        nowhere = f"glance_notify.check.{uuid.uuid4().hex}"
        end = partial(self._channel.exchange_unbind, self._exchange, nowhere, nowhere)
        answer = self._answer(end)
        if isinstance(answer, amqp.AccessRefused) and f"'{self._exchange}'" in answer.reply_text:
            self._denied.append(f"write to exchange {self._exchange}")

    def _of_alarm(self) -> Iterator[Finding]:
        """The finding where the broker blocks those who publish.

        The broker says so to a client that publishes. The message that is published here goes to
        the default exchange, where it has no queue: the broker returns it.
        """
        returned: list[object] = []
        self._channel.events["basic_return"].add(lambda *message: returned.append(message))
        message, nowhere = amqp.Message(b""), f"glance_notify.check.{uuid.uuid4().hex}"
        with contextlib.suppress(TimeoutError):
            self._connection.deadline.renew()
            self._channel.basic_publish(message, "", nowhere, mandatory=True)
            self._connection.deadline.within(_ALARM_TIMEOUT)
            while not returned and not self._connection.is_blocked:
                with contextlib.suppress(amqp.AccessRefused):  # an alarm can follow it
                    self._connection.blocking_read()
        if self._connection.is_blocked:
            yield error(
                "broker-blocked",
                f"{self._broker}: the broker takes no messages: it is short of memory or disk "
                "space (rabbitmq-diagnostics alarms)",
                "rabbitmqctl set_vm_memory_high_watermark 0.6 (or free memory there; of disk "
                "space: rabbitmqctl set_disk_free_limit 50MB)",
            )

    def _answer(self, ask: Callable[[], Any]) -> Any:
        """What the broker answers, or the refusal that closes the channel. (py-amqp opens it
        again.)"""
        self._connection.deadline.renew()
        try:
            return ask()
        except amqp.ChannelError as refusal:
            return refusal


def _difference(answer: Any) -> str:
    """The broker's words where what exists has other properties than what was declared; else
    empty."""
    return str(answer.reply_text) if isinstance(answer, amqp.PreconditionFailed) else ""


def _current(difference: str) -> str:
    """The property that it has."""
    found = _CURRENT.search(difference)
    return found[1] if found else "another"
