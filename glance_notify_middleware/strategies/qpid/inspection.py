"""Looks at the brokers of the qpid strategy, for the command `check`.

AMQP 1.0 shows whether the node is there. It shows neither the queues behind an exchange, nor their
readers, nor the broker's time.
"""

import ssl
from collections.abc import Iterable, Iterator

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.strategies import credentials, reaching
from glance_notify_middleware.strategies.certificate import error
from glance_notify_middleware.strategies.credentials import MisconfiguredError
from glance_notify_middleware.strategies.qpid.engine import EndedError
from glance_notify_middleware.strategies.qpid.sasl import (
    AuthenticationError,
    NoMechanismError,
    OtherVersionError,
)
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from glance_notify_middleware.strategies.reaching import Way
from glance_notify_middleware.strategies.stream import Stream, connect

_HEADER = b"AMQP\x03\x01\x00\x00"


def inspect(settings: Settings) -> Iterable[Finding]:
    """See `description.Inspect`."""
    files = reaching.files(settings.qpid, tls=settings.qpid.protocol == "ssl")
    yield from files
    yield from reaching.at_each(
        settings.qpid.hosts, lambda broker: _of_host(broker, settings, can_log_in=not files)
    )


def _of_host(broker: Broker, settings: Settings, *, can_log_in: bool) -> Iterator[Finding]:
    way = Way(
        broker,
        settings.qpid,
        tls=settings.qpid.protocol == "ssl" and can_log_in,
        with_tls="qpid_protocol = ssl",
        without_tls="qpid_protocol = tcp",
        greeting=_HEADER,
    )
    on_the_way = list(way.findings())
    yield from on_the_way
    if can_log_in and not reaching.is_blocked(on_the_way):
        yield from _Session(way, settings).findings()


class _Session(Qpid):
    """The strategy's way to one broker, in steps: each has errors of its own."""

    close_timeout = 0.5

    def __init__(self, way: Way, settings: Settings) -> None:
        self.connect_timeout = reaching.CONNECT_TIMEOUT
        self.answer_timeout = reaching.ANSWER_TIMEOUT
        super().__init__(settings)
        self._way = way

    def findings(self) -> Iterator[Finding]:
        """What keeps messages from the broker's node. Raises OSError."""
        broker, settings = self._way.broker, self._settings
        context = credentials.tls_context(settings) if settings.protocol == "ssl" else None
        stream = connect(broker, context, self._deadline, self.connect_timeout)
        try:
            try:
                self._authenticate(stream, broker, credentials.password(broker, settings))
            except Exception as failure:
                yield self._no_login(failure)
                return
            yield from self._of_node(stream)
        finally:
            stream.close()

    def _no_login(self, failure: Exception) -> Finding:
        broker = self._way.broker
        what = f"{broker}: {self._explain(failure, broker)[0]}"
        match failure:
            case MisconfiguredError():
                mend = "qpid_protocol = ssl (or qpid_allow_plain_without_tls = true)"
                return error("broker-password-unprotected", what, mend)
            case OtherVersionError():
                mend = "rabbitmq-plugins enable rabbitmq_amqp1_0 (or notifier_strategy = rabbit)"
                return error("broker-no-amqp", what, mend)
            case NoMechanismError():
                mend = "qpid_sasl_mechanisms = MECHANISM (one that the broker offers)"
                return error("broker-mechanism-missing", what, mend)
            case AuthenticationError():
                mend = "qpid_password = PASSWORD (that of the user at the broker)"
                return error("broker-login-refused", what, mend)
            case ssl.SSLError():
                return self._way.client_refused(failure)
        return self._way.foreign(failure)

    def _of_node(self, stream: Stream) -> Iterator[Finding]:
        broker, address = self._way.broker, self._address
        try:
            sender = self._attached(stream, broker)
        except Exception as failure:
            what = f"{broker}: {self._explain(failure, broker)[0]}"
            user = broker.userid or "anonymous"
            match failure:
                case MisconfiguredError():
                    name, mend = "target-missing", "qpid_target = /exchange/{exchange}"
                case EndedError(condition="amqp:unauthorized-access" | "amqp:not-allowed"):
                    name = "broker-permission-missing"
                    mend = f"qpid_username = USER (who may write to {address}, or let {user})"
                case EndedError():
                    name = "target-missing"
                    mend = f"qpid_target = NODE (that is there, or create {address} at the broker)"
                case _:
                    yield self._way.foreign(failure)
                    return
            yield error(name, what, mend)
            return
        self._connection = sender
        self.close()
