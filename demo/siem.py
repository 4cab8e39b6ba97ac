"""A SIEM that receives webhooks: by HTTPS, signed, as arrays of CloudEvents."""

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from email.message import Message
from pathlib import Path
from typing import NamedTuple, Self

from demo.certificates import make_certificates
from demo.https_receiver import HttpsReceiver
from demo.ports import free_port

_BATCH = "application/cloudevents-batch+json; charset=utf-8"
_TOLERANCE = 300  # seconds that the sender's clock may be apart


class Posted(NamedTuple):
    """A request that was taken."""

    headers: Message
    body: bytes


class Siem:
    """The receiver, with a certificate of an authority of its own, and a secret that senders have.

    In a `with` statement it is up from the first line on, and ended after the last.
    """

    def __init__(self, folder: Path) -> None:
        """Make the files of a sender in `folder`: `ca_file` and `secrets_file`. Nothing is up."""
        self._files = make_certificates(folder)
        self.ca_file = self._files.ca
        self._key = secrets.token_bytes(32)
        self.secrets_file = folder / "secrets"
        self.secrets_file.touch(mode=0o600)
        self.secrets_file.write_text(f"whsec_{base64.b64encode(self._key).decode()}\n")
        self._port = free_port()
        self.url = f"https://localhost:{self._port}/ingest"
        self.requests: list[Posted] = []
        """What was taken, in its order."""
        self.refused: list[str] = []
        """Why a request was refused, in a line each."""
        self._read = 0  # requests

    def __enter__(self) -> Self:
        self._receiver = _Receiver(self, self._port)
        threading.Thread(target=self._receiver.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.shutdown()
        self._receiver.end_connections()
        self._receiver.server_close()

    def new(self) -> Iterator[tuple[bytes, str]]:
        """The CloudEvents that came since the last call, each with its place in its array, which is
        empty where it is alone there."""
        came = self.requests[self._read :]
        self._read += len(came)
        for request in came:
            array = json.loads(request.body)
            for place, event in enumerate(array, 1):
                note = f"{place}/{len(array)}" if len(array) > 1 else ""
                yield json.dumps(event).encode(), note

    def take(self, headers: Message, body: bytes) -> int:
        """Keep a request whose signature and type are right; returns the status of the answer."""
        if not is_signed(self._key, headers, body):
            self.refused.append("the signature is wrong, or not of these five minutes")
            return 401
        if headers["Content-Type"] != _BATCH:
            self.refused.append(f"the type is {headers['Content-Type']}")
            return 415
        self.requests.append(Posted(headers, body))
        return 204


class _Receiver(HttpsReceiver):
    def __init__(self, siem: Siem, port: int) -> None:
        self._siem = siem
        super().__init__(port, siem._files.server, siem._files.server_key)

    def take(self, headers: Message, body: bytes) -> int:
        return self._siem.take(headers, body)


def is_signed(key: bytes, headers: Message, body: bytes) -> bool:
    """Whether one of the signatures of a request is that of `key`, and of these five minutes, as
    Standard Webhooks has it: HMAC-SHA256 of id, time and body, with dots between them."""
    try:
        age = time.time() - int(headers["webhook-timestamp"])
    except (TypeError, ValueError):
        return False
    text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode()
    digest = hmac.digest(key, text + body, hashlib.sha256)
    wanted = f"v1,{base64.b64encode(digest).decode()}".encode()
    given = (headers["webhook-signature"] or "").encode().split()
    return abs(age) < _TOLERANCE and any(hmac.compare_digest(wanted, each) for each in given)
