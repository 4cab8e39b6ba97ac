"""A proxy before a broker: it forwards, refuses connections, or accepts them and is silent."""

import contextlib
import socket
import struct
import threading
import time

from demo.ports import free_port

_AT_ONCE = 64 * 1024  # bytes


class Proxy:
    """A port of loopback that forwards to the port `target`. At first it refuses connections.

    In a `with` statement, which ends all connections.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self._target = target
        self._is_silent = False
        self._sockets: list[socket.socket] = []
        self._silent: list[socket.socket] = []
        # Bound, so that no other program takes the port; not listening, so that it refuses.
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
                pass  # so that the accepting thread sees that it is over
            self._accepting.join()
        self._listening.close()
        self.reset()

    def open(self) -> None:
        """Forward connections from now on; those that were accepted in silence break."""
        self._is_silent = False
        self._listen()
        self.reset()

    def fall_silent(self) -> None:
        """Accept connections from now on, and never send anything on them."""
        self._is_silent = True
        self._listen()

    def reset(self) -> None:
        """Break all connections (RST)."""
        while self._sockets:
            connected = self._sockets.pop()
            with contextlib.suppress(OSError):
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                connected.shutdown(socket.SHUT_RDWR)
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
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_AT_ONCE):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)
    time.sleep(0.1)  # the other direction sees the end, too
    with contextlib.suppress(OSError):
        source.close()
