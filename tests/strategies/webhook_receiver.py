"""A receiver of webhooks: a process of its own, as a real one is. `python -m` this, with

    PORT FOLDER

FOLDER has `certificate.pem`, `key.pem` and the `token` that it demands. Where it has a `secret`,
each request must be signed with it, as the library of Standard Webhooks verifies. Each request that
is confirmed is a line of `received` there: id, body, content type, and the time of the monotonic
clock. A process that is killed may leave a line without its end, which was not confirmed.

While FOLDER has a file `busy`, each request is answered with 503, with `Retry-After` as that file
says; when such a request came is a line of `put_off`.

Signal USR1 ends all connections. USR2 closes the port, too, until USR2 comes again.
"""

import base64
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from demo.https_receiver import HttpsReceiver

RECEIVED = "received"
BUSY = "busy"
PUT_OFF = "put_off"


class Receiver(HttpsReceiver):
    """Stores what is posted with the token, then confirms it."""

    def __init__(self, port: int, folder: Path) -> None:
        self._token = (folder / "token").read_text().strip()
        self._lock = threading.Lock()
        self._busy = folder / BUSY
        self._put_off = (folder / PUT_OFF).open("a", buffering=1)
        secret = folder / "secret"
        self._signed = Webhook(secret.read_text().strip()) if secret.exists() else None
        self._received = (folder / RECEIVED).open("a", buffering=1)
        if _is_cut(folder / RECEIVED):
            self._received.write("\n")
        super().__init__(port, folder / "certificate.pem", folder / "key.pem")

    def take(self, headers: Message, body: bytes) -> int:
        if self._busy.exists():
            with self._lock:
                self._put_off.write(f"{time.monotonic()}\n")
            return 503
        if headers["Authorization"] != f"Bearer {self._token}":
            return 401
        if self._signed is not None:
            try:
                self._signed.verify(body, dict(headers))
            except WebhookVerificationError:
                return 401
        text, kind = base64.b64encode(body).decode(), headers["Content-Type"]
        line = json.dumps([headers["webhook-id"], text, kind, time.monotonic()])
        with self._lock:
            self._received.write(line + "\n")
        return 204

    def headers_of(self, status: int) -> Mapping[str, str]:
        """Raises no error where the file is removed meanwhile."""
        if status == 503:
            with contextlib.suppress(FileNotFoundError):
                return {"Retry-After": self._busy.read_text()}
        return {}


def _is_cut(path: Path) -> bool:
    """Whether the last line of the file has no end."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(end - 1, 0))
        return file.read() not in (b"", b"\n")


class _Told(BaseException):
    """The signal came that closes the port, or opens it."""


def _tell(*_: object) -> None:
    raise _Told


def main(port: int, folder: Path) -> None:
    signal.signal(signal.SIGUSR2, _tell)
    while True:
        with Receiver(port, folder) as receiver:
            signal.signal(signal.SIGUSR1, lambda *_, its=receiver: its.end_connections())
            os.write(1, b"ready\n")
            with contextlib.suppress(_Told):
                receiver.serve_forever()
        receiver.end_connections()
        os.write(1, b"closed\n")
        with contextlib.suppress(_Told):
            signal.pause()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
