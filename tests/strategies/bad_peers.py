"""Peers on loopback that behave badly, and a proxy to a broker that a test can disturb."""

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Self


class Peer:
    """Accepts connections. Runs `behave` with each, in a thread, and then closes it."""

    def __init__(self, behave: Callable[[socket.socket], None], address: str = "127.0.0.1") -> None:
        self._behave = behave
        self._listener = socket.create_server((address, 0))
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()
        self.port: int = self._listener.getsockname()[1]
        self.accepted = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive()

    def cut(self) -> None:
        """End all connections, whatever is on its way."""
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.accepted += 1
                self._open.append(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            self._behave(connection)

    def _start(self, work: Callable[[socket.socket], None], connection: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(connection,))
        self._threads.append(thread)
        thread.start()


def silent(connection: socket.socket) -> None:
    """Reads everything, sends nothing."""
    while connection.recv(4096):
        pass


def closing(connection: socket.socket) -> None:
    """Closes the connection at once."""


def sending(what: bytes) -> Callable[[socket.socket], None]:
    """Sends that, and nothing more."""

    def behave(connection: socket.socket) -> None:
        connection.sendall(what)
        silent(connection)

    return behave


def repeating(what: bytes, pause: float = 0.05) -> Callable[[socket.socket], None]:
    """Sends that again and again, without end; `pause` is in seconds."""

    def behave(connection: socket.socket) -> None:
        while True:
            connection.sendall(what)
            time.sleep(pause)

    return behave


class DisturbedWire(Peer):
    """A proxy: carries everything between clients and a port, until a method disturbs it."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._allowance: int | None = None
        self._fillers: Iterator[bytes] = itertools.repeat(b"")
        self._pause = 0.0
        super().__init__(self._carry)

    def stop_answers(self, after: int = 0, filler: bytes = b"") -> None:
        """From now on carry only so many bytes of the broker, then send `filler`, repeated."""
        self._fillers = itertools.repeat(filler)
        self._allowance = after

    def break_off(self, last: bytes) -> None:
        """From now on carry nothing of the broker, and send `last` once."""
        self._fillers = itertools.chain([last], itertools.repeat(b""))
        self._allowance = 0

    def mend(self) -> None:
        """From now on carry everything again, over new connections."""
        self.cut()
        self._allowance, self._pause = None, 0.0

    def trickle(self, pause: float) -> None:
        """From now on each byte of the broker takes `pause` seconds."""
        self._pause = pause

    def _carry(self, client: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self._to)) as broker:
            self._open.append(broker)
            self._start(lambda _: self._carry_answers(broker, client), client)
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    broker.sendall(data)
            broker.shutdown(socket.SHUT_RDWR)

    def _carry_answers(self, broker: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            broker.settimeout(0.05)
            while True:
                data = None
                with contextlib.suppress(TimeoutError):
                    data = broker.recv(65536)
                if data == b"":
                    break
                self._pass_on(data or b"", client)
        with contextlib.suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, data: bytes, client: socket.socket) -> None:
        if self._allowance is not None:
            data = data[: self._allowance]
            self._allowance -= len(data)
            client.sendall(data or next(self._fillers))
        elif self._pause:
            for byte in data:
                client.sendall(bytes([byte]))
                time.sleep(self._pause)
        else:
            client.sendall(data)
