"""A connection to RabbitMQ, every wait of which has an end; its errors in an operator's words."""

import os
import socket
from typing import Any

import amqp  # type: ignore[import-untyped]
import amqp.transport  # type: ignore[import-untyped]
from kombu.connection import Connection as Parameters
from kombu.transport import pyamqp

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.rabbit_options import RabbitSettings
from glance_notify_middleware.strategies import credentials, errors
from glance_notify_middleware.strategies.deadline import Deadline

_LONGEST_FRAME = 2**24  # bytes; RabbitMQ's own limit is 128 KiB, unless it is told otherwise
_AT_ONCE = 2**16  # bytes that are read from the socket in one call

# py-amqp sets all other options to what it reads of them. On loopback, once the peer has sent or
# closed, it can read a TCP_MAXSEG that is too large to be set. 0: as Linux chooses.
_SOCKET = {socket.TCP_USER_TIMEOUT: 20000, socket.TCP_MAXSEG: 0}  # the first in milliseconds


class _Timed:
    """A transport of py-amqp whose reads and writes end at the deadline.

    py-amqp's own time-outs (5.4: SO_RCVTIMEO, drain_events) begin anew with each byte and each
    frame, and in the middle of a frame they do not end the wait at all.
    """

    deadline: Deadline
    sock: Any
    _read_buffer: bytes

    def _read(self, n: int, initial: bool = False) -> bytes:
        if n > _LONGEST_FRAME:
            raise amqp.UnexpectedFrame("this is not AMQP 0-9-1")
        while len(self._read_buffer) < n:
            self.sock.settimeout(self.deadline.left())
            try:
                data = self.sock.recv(min(n - len(self._read_buffer), _AT_ONCE))
            except TimeoutError:
                raise self.deadline.missed() from None
            if not data:
                raise ConnectionResetError("the broker closed the connection")
            self._read_buffer += data
        read, self._read_buffer = self._read_buffer[:n], self._read_buffer[n:]
        return read

    def write(self, data: bytes) -> None:
        self.sock.settimeout(self.deadline.left())
        super().write(data)  # type: ignore[misc]

    def close(self) -> None:
        if self.sock is not None:
            self.sock.settimeout(0)  # or the end of TLS waits for the peer's
        super().close()  # type: ignore[misc]


class _TCP(_Timed, amqp.transport.TCPTransport):  # type: ignore[misc]
    pass


class _TLS(_Timed, amqp.transport.SSLTransport):  # type: ignore[misc]
    def _wrap_socket(self, sock: Any, context: Any = None, server_hostname: Any = None) -> Any:
        return context.wrap_socket(
            sock, server_hostname=server_hostname, do_handshake_on_connect=False
        )


class Connection(pyamqp.Connection):
    """py-amqp's, with a deadline. After an error it is not to be closed, but dropped."""

    library_properties: dict[str, str] = {}  # noqa: RUF012, so it is in py-amqp

    def __init__(self, *, deadline: Deadline, **options: Any) -> None:
        super().__init__(**options)
        self.deadline = deadline
        self.is_blocked = False
        self.on_blocked = lambda reason: self._block(True)
        self.on_unblocked = lambda: self._block(False)

    def _block(self, is_blocked: bool) -> None:
        self.is_blocked = is_blocked

    def Transport(self, host: str, connect_timeout: float, ssl: Any, *_: Any, **more: Any) -> Any:  # noqa: N802
        kind = _TLS if ssl else _TCP
        transport = kind(
            host,
            connect_timeout=connect_timeout,
            ssl=ssl,
            socket_settings=more["socket_settings"],
        )
        transport.deadline = self.deadline
        return transport

    def connect(self, callback: Any = None) -> None:
        try:
            super().connect(callback)
        except BaseException:
            self.collect()  # py-amqp does that for an OSError only
            raise
        # With this capability py-amqp reads before each publish, without waiting: in the middle
        # of a frame that is an endless loop. We read while we wait for confirms.
        self.client_properties["capabilities"] = {}

    def drop(self) -> None:
        """See the contract of connections."""
        self.collect()

    def forget(self) -> None:
        """See the contract of connections."""
        self.transport.sock.close()  # this process's descriptor, and nothing is said to the peer


class _Transport(pyamqp.Transport):
    Connection = Connection


def connect(
    broker: Broker,
    settings: RabbitSettings,
    deadline: Deadline,
    connect_timeout: float,
    heartbeat: float,
) -> Connection:
    """One try. Raises whatever went wrong, for `explain`; nothing is left open then."""
    password = credentials.password(broker, settings)
    context = credentials.tls_context(settings) if settings.use_ssl else None
    parameters = Parameters(  # type: ignore[no-untyped-call]
        transport=_Transport,
        hostname=broker.host,
        port=broker.port,
        userid=broker.userid,
        password=password,
        virtual_host=settings.virtual_host,
        ssl={"context": context, "server_hostname": broker.host} if context else False,
        connect_timeout=connect_timeout,
        heartbeat=heartbeat,
        transport_options={
            "deadline": deadline,
            "socket_settings": _SOCKET,
            "client_properties": {
                "product": "glance_notify_middleware",
                "connection_name": f"glance_notify_middleware {socket.gethostname()} {os.getpid()}",
            },
        },
    )
    deadline.renew()
    connection: Connection = parameters.transport.establish_connection()
    return connection


def explain(error: Exception, broker: Broker) -> tuple[str, bool]:
    """What happened, without a secret, and whether only an operator can help."""
    match error:
        case amqp.AccessRefused() | amqp.NotAllowed():
            return f"user {broker.userid}: {error.reply_text}", True
        case amqp.AMQPError():
            # Without a code it is py-amqp's own: no mechanism is offered that a password fits.
            is_ours = type(error) is amqp.ConnectionError and not error.reply_code
            return error.reply_text or str(error), is_ours
        case _:
            return errors.explain(error)
