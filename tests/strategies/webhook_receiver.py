"""A receiver of webhooks: a process of its own, as a real one is. `python -m` this, with

    PORT FOLDER

FOLDER has `certificate.pem`, `key.pem` and the `token` that it demands. Each message that it has
confirmed is a line of `received` there: id and body. Signal USR1 ends all connections.
"""

import base64
import json
import os
import signal
import sys
import threading
from email.message import Message
from pathlib import Path

from demo.https_receiver import HttpsReceiver

RECEIVED = "received"


class Receiver(HttpsReceiver):
    """Stores what is posted with the token, then confirms it."""

    def __init__(self, port: int, folder: Path) -> None:
        self._token = (folder / "token").read_text().strip()
        self._lock = threading.Lock()
        self._received = (folder / RECEIVED).open("a", buffering=1)
        super().__init__(port, folder / "certificate.pem", folder / "key.pem")

    def take(self, headers: Message, body: bytes) -> int:
        if headers["Authorization"] != f"Bearer {self._token}":
            return 401
        line = json.dumps([headers["webhook-id"], base64.b64encode(body).decode()])
        with self._lock:
            self._received.write(line + "\n")
        return 204


def main(port: int, folder: Path) -> None:
    receiver = Receiver(port, folder)
    signal.signal(signal.SIGUSR1, lambda *_: receiver.end_connections())
    os.write(1, b"ready\n")
    receiver.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
