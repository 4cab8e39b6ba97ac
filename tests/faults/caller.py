"""A process that calls the application behind the filter itself, in the place of a server.

As a program it reads request ids from its input, one a line. For each it makes a request, reads the
whole answer, and writes the id to its output. The application is loaded from the paste file
PASTE_FILE. The argument is a key of REQUESTS and names how each request is made. The program ends
with its input.
"""

import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from wsgiref.types import WSGIApplication, WSGIEnvironment

from tests.faults.client_load import DOWNLOAD, LIFE, AnsweredRequest, Ledger, Operation
from tests.faults.deployment import Deployment
from tests.faults.servers import ROOT

_AT_A_TIME = 500  # requests, whose ids the pipes between the two processes hold


CREATE = LIFE[0]


def create(request_id: str) -> WSGIEnvironment:
    """The environ of a request that creates an image."""
    return _environ(CREATE, request_id)


def create_or_download(request_id: str) -> Operation:
    """CREATE or DOWNLOAD: the requests of a chain take turns."""
    return DOWNLOAD if int(request_id.rpartition("/")[2]) % 2 else CREATE


def _environ(operation: Operation, request_id: str) -> WSGIEnvironment:
    image = request_id.partition("/")[0]
    body = json.dumps({"id": image}).encode() if operation is CREATE else b""
    return {
        "REQUEST_METHOD": operation.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": "/v2/images" + operation.path.format(image=image),
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
    """Make the request, and read the whole answer, as a server does."""
    body = app(environ, lambda *_: lambda data: None)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


class Caller:
    """A process that runs this module, in a `with` statement; it ends in good order."""

    def __init__(self, paste_file: Path, log: Path, *module: str) -> None:
        """`module` is another module to run, with its arguments."""
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
        """The descriptor of its output."""
        assert self._process.stdout is not None
        return self._process.stdout.fileno()

    def write_line(self, line: str) -> None:
        """Write a line to its input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")

    def read_line(self) -> str:
        """Wait for the next line of its output."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return line.rstrip("\n")

    def call(self, request_ids: Sequence[str]) -> None:
        """Have the process make these requests, one after another."""
        for at in range(0, len(request_ids), _AT_A_TIME):
            batch = request_ids[at : at + _AT_A_TIME]
            self.write_line("\n".join(batch))
            assert [self.read_line() for _ in batch] == list(batch)


def record_by_dead_processes(deployment: Deployment, *, processes: int, events: int) -> Ledger:
    """Have `processes` processes, one after another, record `events` events each into the journal
    of a deployment that is not started, and end; returns the ledger of these events.

    The deployment must have `relay = external`.
    """
    ledger = Ledger()
    for process in range(processes):
        request_ids = [f"process{process}/{number}" for number in range(events)]
        ledger.answered += call_in_turn(deployment, "take turns", request_ids)
    return ledger


def call_in_turn(
    deployment: Deployment, how: str, request_ids: Sequence[str]
) -> list[AnsweredRequest]:
    """Have one process make these requests, which are `create_or_download`; returns what was
    answered. `how` is a key of REQUESTS."""
    with Caller(deployment.paste_file, deployment.log, __name__, how) as caller:
        caller.call(request_ids)
    return [
        AnsweredRequest(request_id, create_or_download(request_id), 0.0, 0.0)
        for request_id in request_ids
    ]


def _call(app: WSGIApplication, request_id: str) -> None:
    call(app, _environ(create_or_download(request_id), request_id))


def _call_and_die(app: WSGIApplication, request_id: str) -> None:
    """Make the request in a process of its own, which is killed afterwards."""
    child = os.fork()
    if child == 0:
        _call(app, request_id)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def _call_and_die_in_a_write(app: WSGIApplication, request_id: str) -> None:
    """Make the request in a process of its own, which is killed in a write of a second request.

    The id of the second request ends with 1 instead of 0. The process is killed in the middle of
    the write of its first entry, the intent, or of its second entry, the event.
    """
    child = os.fork()
    if child == 0:
        _call(app, request_id)
        chain = request_id.removesuffix("0")
        _die_in_write(1 + dies_in_its_event(request_id))
        _call(app, f"{chain}1")
    os.waitpid(child, 0)


def dies_in_its_event(request_id: str) -> bool:
    """Whether the process is killed in the second write, so that the intent is whole."""
    return zlib.crc32(request_id.encode()) % 2 == 1


def _die_in_write(number: int) -> None:
    """Have the process killed in the middle of the write with this number, from now on."""
    numbers = itertools.count(1)
    write = os.write

    def torn(fd: int, data: Any) -> int:
        if next(numbers) < number:
            return write(fd, data)
        write(fd, data[: random.randrange(1, len(data))])
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    os.write = torn


REQUESTS = {
    "create": lambda app, request_id: call(app, create(request_id)),
    "take turns": _call,
    "die": _call_and_die,
    "die in a write": _call_and_die_in_a_write,
}
"""How each request is made. "create" creates images; the others take turns with downloads."""


def main() -> None:
    from tests.faults.application import application  # loads it in this process alone

    make = REQUESTS[(sys.argv[1:] or ["create"])[0]]
    for line in iter(sys.stdin.readline, ""):
        request_id = line.rstrip("\n")
        make(application, request_id)
        print(request_id, flush=True)


if __name__ == "__main__":
    main()
