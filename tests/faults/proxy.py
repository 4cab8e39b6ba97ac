"""A stand-in for the way to a broker: open, closed, or to somebody who says nothing."""

import contextlib
import socket
import struct
import threading
import time

from demo.ports import free_port

_AT_ONCE = 64 * 1024  # bytes


class Proxy:
    """A port of loopback that leads to `target`, once it is `open`. Closed at first.

    In a `with` statement; all connections end with it.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._is_silent = False
        self._sockets: list[socket.socket] = []
        self._silent: list[socket.socket] = []
        # Bound, and so nobody else's, but nobody listens: a connection is refused.
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", self.port))
        self._accepting: threading.Thread | None = None
        self._is_over = False

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        if self._accepting is not None:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                pass  # so that it looks
            self._accepting.join()
        self._listening.close()
        self.reset()

    def open(self) -> None:
        """From now on connections lead to the target; those that were met with silence break."""
        self._is_silent = False
        self._listen()
        self.reset()

    def fall_silent(self) -> None:
        """From now on connections are accepted, and nothing is ever said on them."""
        self._is_silent = True
        self._listen()

    def reset(self) -> None:
        """Break all connections, as a machine does that has forgotten them."""
        while self._sockets:
            each = self._sockets.pop()
            with contextlib.suppress(OSError):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                each.shutdown(socket.SHUT_RDWR)
        while self._silent:
            self._silent.pop().close()

    def _listen(self) -> None:
        if self._accepting is None:
            self._listening.listen()
            self._accepting = threading.Thread(target=self._accept, daemon=True)
            self._accepting.start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            if self._is_over:
                client.close()
                return
            if self._is_silent:
                self._silent.append(client)
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
                server.settimeout(None)
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            for one, other in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(_AT_ONCE):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_RDWR)
    time.sleep(0.1)  # the other direction sees the end, too
    with contextlib.suppress(OSError):
        one.close()
