"""A filter for the front of Glance's pipeline: writes down how much processor time each request
takes from its thread."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


def filter_factory(
    global_conf: dict[str, str], log: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Makes the filter; `log` is the path of a file that gets a line for each request:
    nanoseconds."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def wrap(app: WSGIApplication) -> WSGIApplication:
        def measured(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            begun = time.thread_time_ns()
            return _Body(app(environ, start_response), begun, descriptor)

        return measured

    return wrap


class _Body:
    """A response's body. The server closes it on the thread that has called the application."""

    def __init__(self, body: Iterable[bytes], begun: int, descriptor: int) -> None:
        self._body = body
        self._begun = begun
        self._descriptor = descriptor

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        close: Callable[[], Any] = getattr(self._body, "close", lambda: None)
        close()
        os.write(self._descriptor, b"%d\n" % (time.thread_time_ns() - self._begun))


class ThreadTimes:
    """Reads such a file, as requests come one after the other."""

    def __init__(self, log: Path, patience: float = 10.0) -> None:
        """`patience` is in seconds."""
        self._log = log
        self._patience = patience
        self._read = 0  # bytes

    def next(self) -> float:
        """The microseconds of the next request, which may be about to end. Raises TimeoutError."""
        deadline = time.monotonic() + self._patience
        while True:
            with self._log.open("rb") as log:
                log.seek(self._read)
                line = log.readline()
            if line:
                self._read += len(line)
                return int(line) / 1000
            if time.monotonic() > deadline:
                raise TimeoutError("no processor time of a request was written")
            time.sleep(0.0005)
