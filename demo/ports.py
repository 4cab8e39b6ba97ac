"""Free ports of loopback, for servers that take the number of their port as an option."""

import contextlib
import os
import random
import socket
from pathlib import Path

_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


_given: set[int] = set()
"""The ports that this process has been given: a server may be down for a while."""


def free_ports(count: int) -> list[int]:
    """Ports that anybody can bind, and which neither this process has been given before, nor
    another worker of the same run of pytest.

    They are below the range from which the kernel takes the ports of clients, and of servers that
    ask for any port (ip_local_port_range, ip(7)). With a port of that range a client that tries
    again and again to reach a server that is down could be given that very port, and be connected
    to itself. Raises RuntimeError where there are not enough.
    """
    end = max(int(_EPHEMERAL_RANGE.read_text().split()[0]), 11000)
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports: list[int] = []
    for port in random.sample(range(10000 + worker, end, workers), 1000 // workers):
        if port in _given:
            continue
        # Not create_server: its SO_REUSEADDR takes a port of which a connection has just ended.
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            ports.append(port)
        if len(ports) == count:
            _given.update(ports)
            return ports
    raise RuntimeError("no free ports on loopback")


def free_port() -> int:
    """One such port."""
    (port,) = free_ports(1)
    return port
