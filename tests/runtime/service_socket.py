"""A service manager's socket, and what a process reports to it."""

import contextlib
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path


@contextlib.contextmanager
def folder_of_sockets() -> Iterator[Path]:
    """A folder with a short name: the path of a socket has 107 bytes at most (unix(7))."""
    with tempfile.TemporaryDirectory(prefix="notify-") as folder:
        yield Path(folder)


class ServiceSocket:
    """Receives what a process reports: a datagram of lines."""

    def __init__(self, path: Path | str) -> None:
        """The socket has a path; or as text the name of an abstract one, with @ in front."""
        self.name = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{self.name[1:]}" if self.name.startswith("@") else self.name)
        self.received: list[str] = []

    def close(self) -> None:
        self._socket.close()

    def environment(self, watchdog: float = 0.0, pid: int | None = None) -> dict[str, str]:
        """The variables that a service manager sets; `watchdog` in seconds."""
        found = {"NOTIFY_SOCKET": self.name}
        if watchdog:
            found["WATCHDOG_USEC"] = str(int(watchdog * 1_000_000))
        if pid is not None:
            found["WATCHDOG_PID"] = str(pid)
        return found

    def read(self) -> list[str]:
        """The lines that have come, which are then forgotten."""
        self._receive(time.monotonic())
        lines, self.received = self.received, []
        return lines

    def wait_for(self, line: str, seconds: float = 30.0) -> None:
        """Wait until the line has come."""
        self._receive(time.monotonic() + seconds, until=lambda: line in self.received)
        assert line in self.received, self.received

    def is_silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        self._receive(time.monotonic() + seconds, until=lambda: bool(self.received))
        return not self.received

    def falls_silent(self, seconds: float) -> bool:
        """Whether, within five times as long, nothing comes for so long."""
        for _ in range(5):
            if self.is_silent(seconds):
                return True
            time.sleep(seconds)
            self.read()
        return False

    def _receive(self, end: float, until: Callable[[], bool] = lambda: False) -> None:
        while not until():
            self._socket.settimeout(max(end - time.monotonic(), 0.0))
            try:
                self.received += self._socket.recv(4096).decode().split("\n")
            except (BlockingIOError, TimeoutError):
                return
