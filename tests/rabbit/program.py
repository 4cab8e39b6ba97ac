"""A program of this package that stands for another service: what it is told, what it has said."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any


class Program:
    """It runs until `end`, which closes its input."""

    def __init__(self, *words: str) -> None:
        """`words` are those of Python's command line, as `-m` and a module."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_PROXY": "*"},
        )
        self.said: list[str] = []
        self.errors: list[str] = []
        streams = ((self._process.stdout, self.said), (self._process.stderr, self.errors))
        self._readers = [threading.Thread(target=_read, args=each) for each in streams]
        for reader in self._readers:
            reader.start()

    def tell(self, line: str) -> None:
        """A line of its input."""
        self._input.write(f"{line}\n")
        self._input.flush()

    def wait(self, done: Callable[[], bool]) -> None:
        give_up = time.monotonic() + 30
        while not done():
            assert time.monotonic() < give_up, (self.said, self.errors)
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        self.wait(lambda: "ready\n" in self.said)

    def terminate(self) -> None:
        """For one that does not heed its input."""
        self._process.terminate()

    def end(self) -> None:
        self._input.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdout, self._process.stderr):
            assert stream
            stream.close()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin


def _read(stream: Any, lines: list[str]) -> None:
    for line in stream:
        lines.append(line)  # at once, not when all have come
