"""Clients that hang up, over real sockets and servers: bytes_sent is what they can have read."""

import contextlib
import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from demo.ports import free_port
from tests.wsgi.doubles import FILE

CHUNK = 64 * 1024
SIZE = 1024 * CHUNK  # bytes: much more than waitress takes ahead of the client

AHEAD = {"wsgiref": 0, "gunicorn": 0, "waitress": 16 * 1024**2}
"""Bytes that a server takes of the body before the client's socket does, besides one chunk."""

SERVERS = {
    "wsgiref": ["-m", "tests.servers.app_for_servers", "{port}"],
    "waitress": [
        "-m",
        "waitress",
        "--listen=127.0.0.1:{port}",
        "tests.servers.app_for_servers:app",
    ],
    "gunicorn": [
        *("-m", "gunicorn", "--bind=127.0.0.1:{port}", "--workers=2", "--worker-class=gthread"),
        *("--threads=4", "tests.servers.app_for_servers:app"),
    ],
}


class RunningServer:
    """A running server, and the notifications that its filter has logged so far."""

    def __init__(self, name: str, port: int, log: Path) -> None:
        self._port = port
        self._log = log
        self.most_unread = AHEAD[name] + CHUNK + _most_in_sockets()
        """Bytes that can have left the application and that the client has not read."""

    def read(self, at_most: int, *, reset: bool = True) -> int:
        """Request the download, read `at_most` bytes, and hang up; returns how many were read.

        `reset`: the connection is reset, not closed.
        """
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, CHUNK)
            client.connect(("127.0.0.1", self._port))
            client.sendall(f"GET {FILE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            read = 0
            if at_most:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(CHUNK)
                read = len(head.partition(b"\r\n\r\n")[2])
            while read < at_most and (data := client.recv(CHUNK)):
                read += len(data)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return read

    def notifications(self, count: int) -> list[dict[str, Any]]:
        """The first `count` notifications; waits for them, at most 30 s."""
        deadline = time.monotonic() + 30
        lines: list[str] = []
        while len(lines) < count and time.monotonic() < deadline:
            time.sleep(0.02)
            lines = self._log.read_text().splitlines()
        assert len(lines) == count
        return [json.loads(line) for line in lines]


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningServer]:
    port = free_port()
    log = tmp_path / "notifications.log"
    command = [part.format(port=port) for part in SERVERS[request.param]]
    process = subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "NOTIFICATIONS": str(log), "PYTHONPATH": os.getcwd()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield RunningServer(request.param, port, log)
    finally:
        process.terminate()
        process.wait(30)


def test_download_of_a_client_that_hangs_up_counts_the_bytes_that_left(
    server: RunningServer,
) -> None:
    assert server.read(SIZE, reset=False) == SIZE
    whole = server.notifications(1)[-1]
    assert (whole["priority"], whole["payload"]["bytes_sent"]) == ("INFO", SIZE)
    assert whole["payload"]["destination_ip"] == "127.0.0.1"

    read = server.read(SIZE // 2)
    half = server.notifications(2)[-1]
    assert half["priority"] == "ERROR"
    assert read - CHUNK <= half["payload"]["bytes_sent"] <= read + server.most_unread < SIZE

    server.read(0)
    nothing = server.notifications(3)[-1]
    assert nothing["priority"] == "ERROR"
    assert 0 <= nothing["payload"]["bytes_sent"] <= server.most_unread


def _most_in_sockets() -> int:
    """Bytes that the kernel may hold of a connection.

    The server may send ahead what tcp_wmem allows. The client sets a buffer of CHUNK bytes, and the
    kernel doubles that (socket(7)).
    """
    most_to_send = Path("/proc/sys/net/ipv4/tcp_wmem").read_text().split()[2]
    return int(most_to_send) + 2 * CHUNK
