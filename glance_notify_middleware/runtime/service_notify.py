"""Reports to the service manager that started the process: ready, alive, what it does, stopping.

The protocol is that of sd_notify(3) and sd_watchdog_enabled(3): a datagram of lines VARIABLE=value
to the socket that the environment names. Without these variables nothing is sent.
"""

import os
import socket
import time
from collections.abc import Mapping


class ServiceNotify:
    """What one process reports. Only the process that the service manager started may use it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """`environment` has NOTIFY_SOCKET, the path of the socket, or @ and the name of an abstract
        one; WATCHDOG_USEC, microseconds after which a process without a sign of life is killed; and
        WATCHDOG_PID, the process that is meant. Each may be missing."""
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{name[1:]}" if name.startswith("@") else name
        self._interval = _watchdog_seconds(environment) / 2  # as sd_watchdog_enabled(3) advises
        self._next_sign = 0.0  # of life; by time.monotonic
        self._is_ready = False
        self._status = ""

    def alive(self, status: str, *, is_ready: bool) -> None:
        """Report a sign of life, and what the process does. To be called often, by the loop whose
        end or hang is to be found; what was reported shortly before is not reported again."""
        now = time.monotonic()
        is_due = self._interval > 0 and now >= self._next_sign
        lines = {
            "READY=1": is_ready and not self._is_ready,
            f"STATUS={status}": status != self._status,
            "WATCHDOG=1": is_due,
        }
        if self._send([line for line, is_new in lines.items() if is_new]):
            self._is_ready |= is_ready
            self._status = status
            if is_due:
                self._next_sign = now + self._interval

    def stopping(self) -> None:
        """Report that the process is about to end."""
        self._send(["STOPPING=1"])

    def _send(self, lines: list[str]) -> bool:
        """Send the lines; returns whether they were sent. Nothing waits for a service manager that
        does not read, and its absence is no error."""
        if not lines or not self._address:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return False
        return True


def _watchdog_seconds(environment: Mapping[str, str]) -> float:
    """Seconds within which a sign of life is expected; 0: none is."""
    try:
        meant = int(environment.get("WATCHDOG_PID") or os.getpid())
        seconds = int(environment.get("WATCHDOG_USEC", "")) / 1_000_000
    except ValueError:
        return 0.0
    return seconds if meant == os.getpid() and seconds > 0 else 0.0
