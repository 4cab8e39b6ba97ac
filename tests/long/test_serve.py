"""What somebody sees who has only the README: make serve BROKER=rabbit, and the lines it prints."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.servers import ROOT

DOWNLOAD = 10_000_000  # bytes, of the image in the printed lines


class Serve:
    """A running `make serve BROKER=rabbit`, and what it has printed."""

    def __init__(self) -> None:
        command = [sys.executable, "-u", "-m", "demo", "serve", "rabbit"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.printed = ""

    def read_until(self, text: str) -> None:
        """Read lines up to one with the text."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.printed += line
            if text in line:
                return
        raise AssertionError(f"it ended without {text!r}:\n{self.printed}")

    def press_enter(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def lines(self, beginning: str, end: str) -> str:
        """The lines to paste from the one that begins so, up to the text `end`."""
        start = self.printed.index(f"\n  {beginning}")
        return self.printed[start : self.printed.index(end, start)]

    def end(self) -> int:
        self._process.send_signal(signal.SIGINT)
        self._process.communicate(timeout=60)
        return self._process.returncode


@pytest.fixture
def serve() -> Iterator[Serve]:
    found = Serve()
    try:
        yield found
    finally:
        with contextlib.suppress(ProcessLookupError):
            assert found.end() == 0


def shell(lines: str) -> str:
    """What the lines print; a command that ends with another status than 0 goes on."""
    done = subprocess.run(
        ["bash", "-c", lines], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    return done.stdout + done.stderr


def soon(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.takes_long
def test_newcomer_sees_a_download_and_finds_why_nothing_arrives(serve: Serve) -> None:
    serve.read_until("RabbitMQ is up")
    listen = serve.lines(".venv/bin/glance-notify listen", "\n\n").strip().split()
    play = serve.lines("GLANCE=", "Then stop")
    ask = serve.lines(".venv/bin/glance-notify status", "Enter here")
    download = next(line for line in serve.printed.splitlines() if "-o /dev/null" in line)
    with subprocess.Popen(listen, cwd=ROOT, stdout=subprocess.PIPE, text=True) as listening:
        assert listening.stdout is not None
        try:
            time.sleep(2)  # until it listens, as a person takes longer
            names = shell(f"{play}\necho\necho GLANCE=$GLANCE ALICE=$ALICE IMAGE=$IMAGE")
            again = f"{names.splitlines()[-1]}\n{download}"
            for heard in listening.stdout:
                if "image.send" in heard:
                    break
            assert f"{DOWNLOAD} bytes" in heard
            serve.press_enter()
            serve.read_until("RabbitMQ is stopped")
            shell(again)
            soon(lambda: "out of reach" in shell(ask))
            found = shell(ask)
            assert "1 notification waits" in found
            assert "broker-port-closed" in found
            serve.press_enter()
            serve.read_until("RabbitMQ is up. Enter stops it; so does: kill ")
            serve.read_until("image.send")
            soon(lambda: "out of reach" not in shell(ask))
        finally:
            listening.terminate()
