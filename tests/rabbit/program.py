"""A Python program that a test runs: its input, its output and its errors."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any


class Program:
    """A program that runs until `end`, which closes its input. `output` and `errors` have the lines
    that it has written to stdout and stderr."""

    def __init__(self, *words: str) -> None:
        """`words` are the arguments of Python, such as `-m` and a module."""
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"NO_PROXY": "*"},
        )
        self.output: list[str] = []
        self.errors: list[str] = []
        streams = ((self._process.stdout, self.output), (self._process.stderr, self.errors))
        self._readers = [threading.Thread(target=_read, args=stream) for stream in streams]
        for reader in self._readers:
            reader.start()

    def write(self, line: str) -> None:
        """Write a line to the input of the program."""
        self._input.write(f"{line}\n")
        self._input.flush()

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until `done` returns True; fails after 30 seconds."""
        give_up = time.monotonic() + 30
        while not done():
            assert time.monotonic() < give_up, (self.output, self.errors)
            time.sleep(0.05)

    def wait_until_ready(self) -> None:
        """Wait until the program has written `ready`."""
        self.wait(lambda: "ready\n" in self.output)

    def terminate(self) -> None:
        """Send SIGTERM, to a program that does not end with its input."""
        self._process.terminate()

    def close_input(self) -> None:
        """Close the input, with which the program begins to end."""
        self._input.close()

    def end(self) -> None:
        """Close the input, and wait until the program ends; kill it after 10 seconds."""
        self.close_input()
        try:
            self._process.wait(30)
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
        lines.append(line)  # at once, not at the end of the stream
