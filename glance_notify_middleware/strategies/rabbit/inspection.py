"""Looks at the brokers of the rabbit strategy, for the command `check`."""

import contextlib
import http.client
import ssl
import time
from collections.abc import Iterable, Iterator
from email.utils import parsedate_to_datetime

import amqp  # type: ignore[import-untyped]

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.strategies import reaching
from glance_notify_middleware.strategies.certificate import error, warning
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.rabbit import connection, rabbitmqctl
from glance_notify_middleware.strategies.rabbit.entities import Entities
from glance_notify_middleware.strategies.reaching import Way

_ENTITIES_TIMEOUT = 4.5
"""Seconds that the look at exchange and queues may take."""
_CLOSE_TIMEOUT = 0.5

MANAGEMENT_PORT = 15672
"""Where RabbitMQ's management plugin listens: its answers have the time of the broker's host. AMQP
0-9-1 has no time."""
_MOST_APART = 5.0
"""Seconds by which the clocks of this host and the broker's may differ. The time of an answer is
cut to seconds."""
_CLOCK_TIMEOUT = 1.0


def inspect(settings: Settings) -> Iterable[Finding]:
    """See `description.Inspect`."""
    return _Inspection(settings).findings()


class _Inspection:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings.rabbit
        self._priorities = settings.priorities
        self._files = reaching.files(self._settings, tls=self._settings.use_ssl)
        self._reached: list[Broker] = []

    def findings(self) -> Iterator[Finding]:
        """All findings: of the files, of each host, and of what one host of them shows."""
        yield from self._files
        hosts = self._settings.hosts
        yield from reaching.at_each(hosts, self._of_host)
        # The hosts are one cluster: what one of them has, all have.
        first = [broker for broker in hosts if broker in self._reached][:1]
        yield from reaching.at_each(first, self._of_entities, _ENTITIES_TIMEOUT)

    def _of_host(self, broker: Broker) -> Iterator[Finding]:
        way = Way(
            broker,
            self._settings,
            tls=self._settings.use_ssl and not self._files,
            with_tls="rabbit_use_ssl = true",
            without_tls="rabbit_use_ssl = false",
            greeting=b"AMQP\x00\x00\x09\x01",
        )
        on_the_way = list(way.findings())
        yield from on_the_way
        if self._files or reaching.is_blocked(on_the_way):
            return
        try:
            opened = _connected(broker, self._settings)
        except Exception as failure:
            yield self._no_login(way, failure)
            return
        _close(opened)
        self._reached.append(broker)
        yield from _of_clock(broker)

    def _of_entities(self, broker: Broker) -> Iterator[Finding]:
        opened = _connected(broker, self._settings)
        try:
            yield from Entities(opened, broker, self._settings, self._priorities).findings()
        finally:
            _close(opened)

    def _no_login(self, way: Way, failure: Exception) -> Finding:
        broker, vhost = way.broker, self._settings.virtual_host
        what = f"{broker}: {connection.explain(failure, broker)[0]}"
        match failure:
            case amqp.AccessRefused():
                line = rabbitmqctl.line("change_password", broker.userid, "PASSWORD")
                mend = f"{line} (that of the section, or correct that one"
                if broker.userid == "guest":
                    mend += "; guest may log in from the broker's host alone"
                mend += ")"
                return error("broker-login-refused", what, mend)
            case amqp.NotAllowed() if failure.reply_text.endswith("not found"):
                lines = [
                    rabbitmqctl.line("add_vhost", vhost),
                    rabbitmqctl.permissions(self._settings, broker, self._priorities),
                ]
                mend = f"{' && '.join(lines)} (or correct rabbit_virtual_host)"
                return error("broker-vhost-missing", what, mend)
            case amqp.NotAllowed():
                line = rabbitmqctl.permissions(self._settings, broker, self._priorities)
                return error("broker-vhost-refused", what, line)
            case amqp.AMQPError() if connection.explain(failure, broker)[1]:
                mend = "rabbitmqctl environment (auth_mechanisms must have PLAIN)"
                return error("broker-mechanism-missing", what, mend)
            case ssl.SSLError():
                return way.client_refused(failure)
        return way.foreign(failure)


def _connected(broker: Broker, settings: RabbitSettings) -> connection.Connection:
    deadline = Deadline(reaching.ANSWER_TIMEOUT)
    return connection.connect(broker, settings, deadline, reaching.CONNECT_TIMEOUT, heartbeat=0)


def _close(opened: connection.Connection) -> None:
    with contextlib.suppress(Exception):
        if not opened.is_blocked:  # else the broker reads nothing
            opened.deadline.within(_CLOSE_TIMEOUT)
            opened.close()
    opened.drop()


def _of_clock(broker: Broker) -> Iterator[Finding]:
    management = http.client.HTTPConnection(broker.host, MANAGEMENT_PORT, timeout=_CLOCK_TIMEOUT)
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError, TypeError):
        management.request("HEAD", "/")
        answer = management.getresponse()
        of_broker = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        apart = time.time() - of_broker
        if abs(apart) > _MOST_APART:
            yield warning(
                "clocks-differ",
                f"{broker}: the broker's clock is {abs(apart):.0f} s "
                f"{'behind' if apart > 0 else 'ahead of'} this host's",
                "timedatectl set-ntp true (on both hosts)",
            )
    management.close()
