"""A connection to RabbitMQ whose waits all end; its errors in an operator's words."""

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

_LONGEST_FRAME = 2**24  # bytes; RabbitMQ's own limit is 128 KiB by default
_READ_SIZE = 2**16  # bytes that are read from the socket in one call

# TCP_USER_TIMEOUT, in milliseconds: how long sent data may be without an acknowledgement.
# py-amqp reads all other options of a socket, and sets them to what it has read. On loopback, once
# the peer has sent or closed, it can read a TCP_MAXSEG that is too large to be set. 0: as Linux
# chooses.
_SOCKET = {socket.TCP_USER_TIMEOUT: 20000, socket.TCP_MAXSEG: 0}


class _Timed:
    """A transport of py-amqp whose reads and writes end at the deadline.

    py-amqp's own time-outs (5.4: SO_RCVTIMEO, drain_events) begin again with each byte and each
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
                data = self.sock.recv(min(n - len(self._read_buffer), _READ_SIZE))
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
            self.sock.settimeout(0)  # else the end of TLS waits for the peer's end
        super().close()  # type: ignore[misc]


class _TCP(_Timed, amqp.transport.TCPTransport):  # type: ignore[misc]
    pass


class _TLS(_Timed, amqp.transport.SSLTransport):  # type: ignore[misc]
    def _wrap_socket(self, sock: Any, context: Any = None, server_hostname: Any = None) -> Any:
        return context.wrap_socket(
            sock, server_hostname=server_hostname, do_handshake_on_connect=False
        )


class Connection(pyamqp.Connection):
    """py-amqp's connection with a deadline. After an error it must be dropped, not closed."""

    library_properties: dict[str, str] = {}  # noqa: RUF012, as py-amqp has it

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
            self.collect()  # py-amqp does that after an OSError alone
            raise
        # With the capability connection.blocked py-amqp reads before each publish, without waiting:
        # in the middle of a frame that is an endless loop. The wait for confirms reads instead.
        self.client_properties["capabilities"] = {}

    def send(self, frames: bytes | bytearray) -> None:
        """Send whole frames that py-amqp has not made. Raises py-amqp's errors and OSError.

        TimeoutError is not among them: after a part of a frame nothing more can be asked.
        """
        try:
            self.transport.write(frames)
        except TimeoutError as error:
            raise amqp.RecoverableConnectionError(f"the broker reads no more: {error}") from error
        self.bytes_sent += len(frames)  # for heartbeat_tick

    def drop(self) -> None:
        """See `connected.Connection`."""
        self.collect()

    def forget(self) -> None:
        """See `connected.Connection`."""
        self.transport.sock.close()  # the descriptor of this process; nothing is sent


class _Transport(pyamqp.Transport):
    Connection = Connection


def connect(
    broker: Broker,
    settings: RabbitSettings,
    deadline: Deadline,
    connect_timeout: float,
    heartbeat: float,
) -> Connection:
    """Connect, in one try. Raises what went wrong, for `explain`, and leaves nothing open then."""
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
    """What happened, without a secret, and whether only an operator can change it."""
    match error:
        case amqp.AccessRefused() | amqp.NotAllowed():
            return f"user {broker.userid}: {error.reply_text}", True
        case amqp.AMQPError():
            # py-amqp's own error has no code: the broker offers no mechanism with a password.
            has_no_mechanism = type(error) is amqp.ConnectionError and not error.reply_code
            return error.reply_text or str(error), has_no_mechanism
        case _:
            return errors.explain(error)
