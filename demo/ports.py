"""Free ports of loopback, for servers that are told which one is theirs."""

import contextlib
import random
import socket
from pathlib import Path

_KERNELS = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, and that nobody is given by chance until a server does.

    They are below those that the kernel gives to clients, and to who asks for any port: else a
    client that tries again and again to reach a server that is down would once be given that very
    port, and be connected to itself. Raises RuntimeError where there are not enough.
    """
    end = max(int(_KERNELS.read_text().split()[0]), 11000)
    ports: list[int] = []
    for port in random.sample(range(10000, end), 1000):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            ports.append(port)
        if len(ports) == count:
            return ports
    raise RuntimeError("no free ports on loopback")


def free_port() -> int:
    """One such port."""
    (port,) = free_ports(1)
    return port
