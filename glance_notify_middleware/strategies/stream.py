"""Bytes to and from a broker, plain or through TLS. The socket never blocks; every wait ends."""

import contextlib
import ipaddress
import selectors
import socket
import ssl
import time

from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.strategies.deadline import Deadline

CALL_SIZE = 2**16
"""Bytes that are read or written in one call."""

_UNACKNOWLEDGED = 20_000
"""Milliseconds that sent data may be without an acknowledgement (TCP_USER_TIMEOUT)."""


class ClosedError(ConnectionResetError):
    """The broker has closed the connection, or its half of it."""


class Stream:
    """A connected socket. `read`, `write`, `wait` and `start_tls` wait, until the deadline.

    Every method may raise OSError; TimeoutError and ssl.SSLError are subclasses of it.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._unread = b""
        self._reading_needs = selectors.EVENT_READ
        self._writing_needs = selectors.EVENT_WRITE  # TLS may have to read before it can write

    @property
    def is_loopback(self) -> bool:
        """Whether what is sent stays on this machine."""
        return ipaddress.ip_address(self._sock.getpeername()[0].partition("%")[0]).is_loopback

    @property
    def is_encrypted(self) -> bool:
        """Whether what is sent goes through TLS."""
        return isinstance(self._sock, ssl.SSLSocket)

    def start_tls(self, context: ssl.SSLContext, host: str, deadline: Deadline) -> None:
        """Speak TLS from now on. The handshake checks the certificate of `host`."""
        wrapped = context.wrap_socket(
            self._sock, server_hostname=host, do_handshake_on_connect=False
        )
        self._sock = wrapped
        while True:
            try:
                wrapped.do_handshake()
                return
            except ssl.SSLWantReadError:
                self._poll(selectors.EVENT_READ, deadline)
            except ssl.SSLWantWriteError:
                self._poll(selectors.EVENT_WRITE, deadline)

    def receive(self) -> bytes | None:
        """What has come, or None. Raises ClosedError where the broker has closed."""
        if self._unread:
            data, self._unread = self._unread, b""
            return data
        self._reading_needs = selectors.EVENT_READ
        try:
            data = self._sock.recv(CALL_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError):
            return None
        except ssl.SSLWantWriteError:
            self._reading_needs = selectors.EVENT_WRITE
            return None
        if not data:
            raise ClosedError("the broker closed the connection")
        return data

    def send(self, data: bytes | memoryview) -> int:
        """Returns how many bytes were taken. Where it is 0, the same bytes must be given again."""
        self._writing_needs = selectors.EVENT_WRITE
        try:
            return self._sock.send(data)
        except (BlockingIOError, ssl.SSLWantWriteError):
            return 0
        except ssl.SSLWantReadError:
            self._writing_needs = selectors.EVENT_READ
            return 0

    def wait(self, deadline: Deadline, *, writing: bool, at_most: float = float("inf")) -> None:
        """Wait for something to read or, when `writing`, for room to write; `at_most` seconds.

        Raises TimeoutError at the deadline.
        """
        if not self._unread:
            needs = self._reading_needs | (self._writing_needs if writing else 0)
            self._poll(needs, deadline, at_most)

    def read(self, count: int, deadline: Deadline) -> bytes:
        """Exactly `count` bytes; waits for them."""
        read = b""
        while len(read) < count:
            if (data := self.receive()) is None:
                self.wait(deadline, writing=False)
            else:
                read += data
            deadline.left()
        read, self._unread = read[:count], read[count:]
        return read

    def read_some(self, most: int, deadline: Deadline) -> bytes:
        """What has come, at most so many bytes; waits for the first. Raises ClosedError."""
        while (data := self.receive()) is None:
            self.wait(deadline, writing=False)
        deadline.left()
        data, self._unread = data[:most], data[most:]
        return data

    def has_come(self) -> bool:
        """Whether there is something to read. It does not wait. Raises ClosedError."""
        self._unread = self.receive() or b""
        return bool(self._unread)

    def write(self, data: bytes, deadline: Deadline) -> None:
        """Send all of it; waits for room."""
        while data:
            sent = self.send(data)
            data = data[sent:]
            if not sent:
                self.wait(deadline, writing=True)

    def close(self) -> None:
        """Close the descriptor of this process. In a child of fork the broker notices nothing."""
        with contextlib.suppress(OSError):
            self._sock.close()

    def _poll(self, events: int, deadline: Deadline, at_most: float = float("inf")) -> None:
        left = deadline.left()
        with _selector() as selector:
            selector.register(self._sock, events)
            if not selector.select(min(left, at_most)) and left <= at_most:
                raise deadline.missed()


def _selector() -> selectors.BaseSelector:
    """A selector that uses poll(2), as select(2) fails for descriptors above 1,023.

    eventlet's monkey-patching removes PollSelector (0.41, eventlet/green/selectors.py). The
    SelectSelector that it leaves waits in eventlet's hub, which has no such bound. The class is
    looked for at each call, as the patching may come late.
    """
    return getattr(selectors, "PollSelector", selectors.SelectSelector)()


def connect(
    broker: Broker, context: ssl.SSLContext | None, deadline: Deadline, timeout: float
) -> Stream:
    """Connect to the first address of the host that answers; with a context, through TLS.

    `timeout`, in seconds, is for the TCP connection, over all addresses; `deadline` is for TLS. The
    look-up of the host's name has only the system's own time-out. Raises OSError, and leaves
    nothing open then.
    """
    stream = opened(broker, timeout)
    try:
        deadline.renew()
        if context is not None:
            stream.start_tls(context, broker.host, deadline)
    except BaseException:
        stream.close()
        raise
    return stream


def opened(broker: Broker, timeout: float) -> Stream:
    """Connect as `connect` does, without TLS."""
    sock = _connected(broker, timeout)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED)
        return Stream(sock)
    except BaseException:
        sock.close()
        raise


def _connected(broker: Broker, timeout: float) -> socket.socket:
    addresses = socket.getaddrinfo(broker.host, broker.port, type=socket.SOCK_STREAM)
    end = time.monotonic() + timeout
    refusal = OSError("the host has no address")
    for number, (family, kind, protocol, _, address) in enumerate(addresses):
        left = max(end - time.monotonic(), 0.01)
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(
                left / (len(addresses) - number)
            )  # a silent address leaves time for the rest
            sock.connect(address)
        except OSError as error:
            sock.close()
            refusal = error
        else:
            return sock
    raise refusal
