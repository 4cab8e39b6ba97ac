"""A proxy that reaches Glance over a unix socket: real servers name the peer in different ways."""

import contextlib
import functools
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journal.processes import eventually
from tests.wsgi.doubles import FILE

APPLICATION = "tests.servers.app_for_servers:app"
PYTHON = Path(sys.executable)
SERVERS = {
    "gunicorn": [
        *(PYTHON, "-m", "gunicorn", "--bind=unix:{path}", "--worker-class=gthread", APPLICATION)
    ],
    # waitress removes the headers, unless an option has it interpret them, or leave them.
    "waitress": [
        *(PYTHON, "-m", "waitress", "--unix-socket={path}"),
        *("--no-clear-untrusted-proxy-headers", APPLICATION),
    ],
    "uWSGI": [
        *(PYTHON.with_name("uwsgi"), "--http-socket={path}", "--need-app", "--die-on-term"),
        *("--enable-threads", f"--module={APPLICATION}"),
    ],
}
FORWARDED = 'Forwarded: for=203.0.113.9, for=192.0.2.7;host="a,for=203.0.113.9"\r\n'
FORWARDED_FOR = "X-Forwarded-For: 203.0.113.9, 192.0.2.7\r\n"


@pytest.mark.parametrize("trusted", ["unix", "10.0.0.0/8"])
@pytest.mark.parametrize("server", SERVERS)
def test_forwarding_headers_of_a_unix_peer_count_where_the_operator_trusts_it(
    server: str, trusted: str, tmp_path: Path
) -> None:
    path, log = tmp_path / "s", tmp_path / "notifications.log"
    given = {"NOTIFICATIONS": str(log), "TRUSTED_PROXIES": trusted, "PYTHONPATH": os.getcwd()}
    running = subprocess.Popen(
        [str(part).format(path=path) for part in SERVERS[server]],
        env={**os.environ, **given},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def get(headers: str) -> bool:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            request = f"GET {FILE} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n"
            client.sendall(request.encode())
            return b"200 OK" in client.recv(4096)
        return False

    def has_logged(count: int) -> bool:
        return len(log.read_text().splitlines()) == count

    try:
        for count, headers in enumerate((FORWARDED, FORWARDED_FOR, ""), 1):
            eventually(functools.partial(get, headers))
            eventually(functools.partial(has_logged, count))
    finally:
        running.terminate()
        running.wait(30)
    found = [json.loads(line)["payload"]["destination_ip"] for line in log.read_text().splitlines()]
    assert found == (["192.0.2.7", "192.0.2.7", None] if trusted == "unix" else [None] * 3)
