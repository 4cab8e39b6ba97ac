"""A peer that speaks AMQP 1.0 and does with each message what a test chooses.

`python -m tests.strategies.amqp10_peer` runs one in a process of its own, which accepts every
message. The first line that it prints is its port.
"""

import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import proton

from tests.strategies.amqp10_answers import Answer, Conversation, accept
from tests.strategies.bad_peers import Peer

_HEADER = b"AMQP\x03\x01\x00\x00"


class Amqp10(Peer):
    """Authenticates clients, and accepts links to every node that is not in `unknown`."""

    def __init__(
        self,
        answer: Answer = accept,
        *,
        answers: Mapping[int, Answer] | None = None,
        product: str = "peer",
        credit: int = 1000,
        longest: int = 0,
        unknown: Sequence[str] = (),
        mechanisms: Sequence[str] = ("ANONYMOUS", "PLAIN", "EXTERNAL"),
        outcome: int = 0,
        password: str = "",
        idle: float = 0.0,
        context: ssl.SSLContext | None = None,
        address: str = "127.0.0.1",
    ) -> None:
        """`answers`: number of a message, from 0 -> what is done with it; `answer`: for the rest.

        `outcome` is the code with which the SASL login ends; `idle` the time-out that the peer
        announces, in seconds.
        """
        self.answer = answer
        self.answers = dict(answers or {})
        self.received: list[proton.Message] = []
        self.logins: list[tuple[str, bytes]] = []
        self.opened: list[proton.Connection] = []
        self.attached: list[tuple[str, list[str]]] = []
        self.bytes_read = 0
        """Bytes that were read of all connections since they were open."""
        self._product = product
        self._credit = credit
        self._longest = longest
        self._unknown = unknown
        self._mechanisms = mechanisms
        self._outcome = outcome
        self._password = password
        self._idle = idle
        self._context = context
        super().__init__(self._converse, address)

    def _converse(self, sock: socket.socket) -> None:
        sock.settimeout(20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as brokers do
        if self._context is not None:
            sock = self._context.wrap_socket(sock, server_side=True)
        with contextlib.closing(sock):
            if not self._greet(sock):
                return
            talk = Conversation(sock)
            talk.transport.idle_timeout = self._idle
            with contextlib.suppress(proton.TransportException):
                while not talk.is_over:
                    self._handle_events(talk)
                    talk.flush()
                    if talk.is_over or not (data := sock.recv(65536)):
                        break
                    self.bytes_read += len(data)
                    while data:
                        room = talk.transport.capacity()
                        talk.transport.push(data[:room])
                        data = data[room:]
                        self._handle_events(talk)

    def _greet(self, sock: socket.socket) -> bool:
        assert _exactly(sock, 8) == _HEADER
        sock.sendall(_HEADER)
        names: Any = map(proton.symbol, self._mechanisms)
        undescribed: Any = proton.UNDESCRIBED
        _send_frame(sock, 0x40, [proton.Array(undescribed, proton.Data.SYMBOL, *names)])
        mechanism, response, *_ = _read_frame(sock)
        self.logins.append((str(mechanism), response or b""))
        is_right = not self._password or response.endswith(b"\0" + self._password.encode())
        if mechanism == "EXTERNAL":
            is_right = isinstance(sock, ssl.SSLSocket) and bool(sock.getpeercert())
        outcome = self._outcome if is_right else 1
        _send_frame(sock, 0x44, [proton.ubyte(outcome)])
        return not outcome

    def _handle_events(self, talk: Conversation) -> None:
        while (event := talk.collector.peek()) is not None:
            kind: Any = event.type
            if kind is proton.Event.CONNECTION_REMOTE_OPEN:
                talk.connection.properties = {proton.symbol("product"): self._product}
                self.opened.append(talk.connection)
                talk.connection.open()
            elif kind is proton.Event.SESSION_REMOTE_OPEN:
                session: Any = event.session
                session.open()
            elif kind is proton.Event.LINK_REMOTE_OPEN:
                self._attach(event.link)
            elif kind is proton.Event.DELIVERY:
                self._take(talk, event.delivery)
            elif kind is proton.Event.CONNECTION_REMOTE_CLOSE:
                talk.connection.close()
            talk.collector.pop()

    def _attach(self, link: Any) -> None:
        address = link.remote_target.address
        capabilities = link.remote_target.capabilities
        capabilities.rewind()
        wanted = capabilities.get_object().elements if capabilities.next() else []
        self.attached.append((address, [str(each) for each in wanted]))
        link.max_message_size = self._longest
        if address in self._unknown:
            link.target.type = proton.Terminus.UNSPECIFIED
            link.open()
            link.condition = proton.Condition("amqp:not-found", "no such node")
            link.close()
        else:
            link.target.address = address
            link.open()
            link.flow(self._credit)

    def _take(self, talk: Conversation, delivery: Any) -> None:
        if not delivery.readable or delivery.partial:
            return
        message = proton.Message()
        message.decode(delivery.link.recv(delivery.pending))
        delivery.link.advance()
        number = len(self.received)
        self.received.append(message)
        self.answers.get(number, self.answer)(talk, delivery)
        if delivery.link.credit < self._credit / 2:
            delivery.link.flow(self._credit - delivery.link.credit)


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionResetError("the client has gone")
        data += more
    return data


def frame(descriptor: int, fields: list[Any]) -> bytes:
    """A SASL frame with these fields."""
    data = proton.Data()
    data.put_object(proton.Described(proton.ulong(descriptor), fields))
    body = bytes(data.encode())
    return (len(body) + 8).to_bytes(4, "big") + b"\x02\x01\x00\x00" + body


def _send_frame(sock: socket.socket, descriptor: int, fields: list[Any]) -> None:
    sock.sendall(frame(descriptor, fields))


def _read_frame(sock: socket.socket) -> list[Any]:
    size = int.from_bytes(_exactly(sock, 4), "big")
    body = _exactly(sock, size - 4)[4:]
    data = proton.Data()
    data.decode(body)  # `data` points into `body`
    data.rewind()
    data.next()
    described: Any = data.get_object()
    # Binary values are views of memory that ends with `data`.
    return [bytes(each) if isinstance(each, memoryview) else each for each in described.value]


@contextlib.contextmanager
def in_a_process() -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Runs a peer in a process of its own; yields its port, and the process."""
    command = [sys.executable, "-m", "tests.strategies.amqp10_peer"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline()), process
        finally:
            process.kill()


class _Forgetful(list[proton.Message]):
    """Counts the messages that it is given, and keeps none."""

    _count = 0

    def append(self, _: proton.Message) -> None:
        self._count += 1

    def __len__(self) -> int:
        return self._count


if __name__ == "__main__":
    with Amqp10() as peer:
        peer.received = _Forgetful()
        print(peer.port, flush=True)
        with contextlib.suppress(KeyboardInterrupt):
            while threading.main_thread().is_alive():
                time.sleep(1)
