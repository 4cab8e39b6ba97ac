"""For the webhook strategy: a receiver with a private authority, as the contract's tests need."""

import base64
import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from demo.certificates import make_certificates
from demo.ports import free_port
from glance_notify_middleware import config
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies.webhook.strategy import Webhook
from tests.strategies.frozen import freeze
from tests.strategies.places import WRONG_PASSWORD
from tests.strategies.sending import PATIENCE
from tests.strategies.webhook_receiver import BUSY, PUT_OFF, RECEIVED

TOKEN = "receivers-own-token"
_SECRET = "whsec_" + base64.b64encode(b"the receiver's own secret").decode()


class WebhookPlace:
    """A receiver, a process of its own, that demands a token."""

    half_a_greeting = b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"  # of TLS: a server's hello
    chatter = b"\x14\x03\x03\x00\x01\x01"  # of TLS: change_cipher_spec
    inexpressible: tuple[tuple[str, float], ...] = (
        ("x" * 256, 1.0),
        ("a\r\nb", 1.0),
        ("\ud800", 1.0),
    )
    connects_with_password = False
    over_tls = True

    def __init__(self, folder: Path, *, is_signed: bool = False) -> None:
        """`is_signed`: each request must be signed."""
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.port = free_port()
        files = make_certificates(folder / "certificates")
        self.ca = files.ca
        (folder / "certificate.pem").write_bytes(files.server.read_bytes())
        (folder / "key.pem").write_bytes(files.server_key.read_bytes())
        self.token_file = folder / "token"
        self.token_file.write_text(f"{TOKEN}\n")
        self._secret = folder / "secret"
        if is_signed:
            self._secret.write_text(f"{_SECRET}\n")
        self._read = 0  # lines of what was received
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.thaw()
        self.crash()

    def start(self) -> None:
        command = [sys.executable, "-m", "tests.strategies.webhook_receiver"]
        self._process = subprocess.Popen(
            [*command, str(self.port), str(self.folder)], stdout=subprocess.PIPE
        )
        self._wait_for(b"ready\n")

    def refuse(self) -> None:
        """Close the port and all connections; the process lives on."""
        self._signal(signal.SIGUSR2)
        self._wait_for(b"closed\n")

    def accept(self) -> None:
        """Open the port again."""
        self._signal(signal.SIGUSR2)
        self._wait_for(b"ready\n")

    @contextlib.contextmanager
    def busy(self, seconds: int) -> Iterator[None]:
        """Have each request answered with 503 meanwhile, and with Retry-After."""
        told = self.folder / BUSY
        told.write_text(f"{seconds}")
        try:
            yield
        finally:
            told.unlink()

    def put_off(self) -> list[float]:
        """When the requests came that were answered with 503, in seconds of the monotonic clock."""
        return [float(line) for line in (self.folder / PUT_OFF).read_text().split()]

    def _wait_for(self, line: bytes) -> None:
        assert self._process is not None
        assert self._process.stdout
        assert self._process.stdout.readline() == line

    def crash(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout
            self._process.stdout.close()
            self._process = None

    kill = crash

    def freeze(self) -> None:
        """Stop the process; returns once all of its threads stand still."""
        if self._process is not None:
            freeze(self._process)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def close_connections(self, times: int, pause: float) -> None:
        for _ in range(times):
            self._signal(signal.SIGUSR1)
            time.sleep(pause)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def options(self, port: int | None = None) -> dict[str, str]:
        """Lines of the filter's section."""
        return {
            "webhook_url": f"https://127.0.0.1:{port or self.port}/in?tenant=a",
            "webhook_ssl_ca_file": str(self.ca),
            "webhook_token_file": str(self.token_file),
            **({"webhook_secrets_file": str(self._secret)} if self._secret.exists() else {}),
        }

    def strategy(self, patience: float = 5.0, /, **options: str) -> Webhook:
        return self._made(self.options() | options, patience)

    def strategy_at(self, *ports: int, patience: float = PATIENCE) -> Webhook:
        (port,) = ports
        return self._made(self.options(port), patience)

    def with_wrong_password(self) -> Webhook:
        wrong = self.folder / "wrong"
        wrong.write_text(WRONG_PASSWORD)
        return self.strategy(webhook_token_file=str(wrong))

    def received(
        self, count: int | None = None, priority: Priority = Priority.INFO
    ) -> list[tuple[str, bytes]]:
        """All priorities go to one place."""
        give_up = time.monotonic() + 60
        while True:
            lines: list[str] = []
            with contextlib.suppress(FileNotFoundError):
                whole = (self.folder / RECEIVED).read_text().rpartition("\n")[0]
                lines = whole.splitlines()[self._read :]
            if count is None or len(lines) >= count:
                break
            assert time.monotonic() < give_up, f"{len(lines)} of {count} have arrived"
            time.sleep(0.02)
        taken = lines[: count or len(lines)]
        self._read += len(taken)
        found = [json.loads(line) for line in taken if _is_whole(line)]
        return [(message_id, base64.b64decode(body)) for message_id, body, *_ in found]

    def _made(self, options: dict[str, str], patience: float) -> Webhook:
        class Whole(Webhook):
            most_time = 300.0  # a batch is sent to its end, on a busy machine too

        times = {
            "webhook_connect_timeout": str(patience),
            "webhook_answer_timeout": str(patience),
        }
        return Whole(config.read(options | times, "this-host"))


def _is_whole(line: str) -> bool:
    """Whether the receiver was not killed while it wrote the line."""
    return line.endswith("]")
