"""A process that calls the application behind the filter itself, in place of a server.

Run as a program it reads request ids from its input, one a line; for each it makes a request, reads
the answer to its end, and writes the id to its output. PASTE_FILE says how the application is
loaded. It ends with its input.
"""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from wsgiref.types import WSGIApplication, WSGIEnvironment

from tests.faults.servers import ROOT


def create(request_id: str) -> WSGIEnvironment:
    """The environ of a request that makes an image."""
    body = json.dumps({"id": request_id.partition("/")[0]}).encode()
    return {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/v2/images",
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.7",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "HTTP_X_REQUEST": request_id,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def call(app: WSGIApplication, environ: WSGIEnvironment) -> None:
    """Make the request, and read the answer to its end, as a server does."""
    body = app(environ, lambda *_: lambda data: None)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


class Caller:
    """One such process. In a `with` statement; its end is in good order."""

    def __init__(self, paste_file: Path, log: Path, *module: str) -> None:
        """`module` is what it runs, with arguments, when that is not this module."""
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *(module or (__name__,))],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PASTE_FILE": str(paste_file)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )

    def __enter__(self) -> "Caller":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    @property
    def output(self) -> int:
        """The descriptor of what it answers."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def say(self, line: str) -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def hear(self) -> str:
        """Wait for its next line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return line.rstrip("\n")

    def call(self, request_ids: Iterable[str]) -> None:
        """Have these requests made, one after the other."""
        for request_id in request_ids:
            self.say(request_id)
            assert self.hear() == request_id


def main() -> None:
    from tests.faults.served import application  # loads it: here, and not in whoever starts us

    for line in iter(sys.stdin.readline, ""):
        request_id = line.rstrip("\n")
        call(application, create(request_id))
        print(request_id, flush=True)


if __name__ == "__main__":
    main()
