"""A process that calls the application behind the filter itself, in place of a server.

Run as a program it reads request ids from its input, one a line; for each it makes a request, reads
the answer to its end, and writes the id to its output. PASTE_FILE says how the application is
loaded; an argument, what is requested, and whether in a process that dies (WAYS). It ends with its
input.
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

from tests.faults.load import DOWNLOAD, LIFE, Answered, Ledger, Operation
from tests.faults.servers import ROOT
from tests.faults.stage import Stage

_AT_A_TIME = 500  # requests: what the pipes between the two hold


CREATE = LIFE[0]


def create(request_id: str) -> WSGIEnvironment:
    """The environ of a request that makes an image."""
    return _environ(CREATE, request_id)


def one_of_both(request_id: str) -> Operation:
    """Makes an image, or downloads it: the requests of a chain take turns."""
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

    def call(self, request_ids: Sequence[str]) -> None:
        """Have these requests made, one after the other."""
        for at in range(0, len(request_ids), _AT_A_TIME):
            batch = request_ids[at : at + _AT_A_TIME]
            self.say("\n".join(batch))
            assert [self.hear() for _ in batch] == list(batch)


def write_dead_process(stage: Stage, *, processes: int, events: int) -> Ledger:
    """Have so many processes, one after the other, record so many events each into the journal of
    a stage that is not up; returns what is owed. It must have `relay = external`."""
    ledger = Ledger()
    for process in range(processes):
        request_ids = [f"process{process}/{number}" for number in range(events)]
        ledger.answered += call_in_turn(stage, "take turns", request_ids)
    return ledger


def call_in_turn(stage: Stage, way: str, request_ids: Sequence[str]) -> list[Answered]:
    """Have one process make these requests, which are `one_of_both`; returns what was answered."""
    with Caller(stage.paste_file, stage.log, __name__, way) as caller:
        caller.call(request_ids)
    return [Answered(each, one_of_both(each), 0.0, 0.0) for each in request_ids]


def _live(app: WSGIApplication, request_id: str) -> None:
    call(app, _environ(one_of_both(request_id), request_id))


def _call_and_die(app: WSGIApplication, request_id: str) -> None:
    """Make the request in a process of its own, which is killed then."""
    child = os.fork()
    if child == 0:
        _live(app, request_id)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def _call_and_die_in_a_record(app: WSGIApplication, request_id: str) -> None:
    """The same, but it is killed in the middle of a record of another request, whose id has a 1
    in the place of the 0: in the first one, the intent, or in the second, the event."""
    child = os.fork()
    if child == 0:
        _live(app, request_id)
        chain = request_id.removesuffix("0")
        _die_in_record(1 + dies_in_its_event(request_id))
        _live(app, f"{chain}1")
    os.waitpid(child, 0)


def dies_in_its_event(request_id: str) -> bool:
    """Whether the second request's intent is whole."""
    return zlib.crc32(request_id.encode()) % 2 == 1


def _die_in_record(number: int) -> None:
    """In the middle of the record with this number, from now on."""
    numbers = itertools.count(1)
    write = os.write

    def torn(fd: int, data: Any) -> int:
        if next(numbers) < number:
            return write(fd, data)
        write(fd, data[: random.randrange(1, len(data))])
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    os.write = torn


WAYS = {"create": lambda app, each: call(app, create(each)), "take turns": _live}
WAYS |= {"die": _call_and_die, "die in a record": _call_and_die_in_a_record}
"""How each request is made: the first makes images alone."""


def main() -> None:
    from tests.faults.served import application  # loads it: here, and not in whoever starts us

    make = WAYS[(sys.argv[1:] or ["create"])[0]]
    for line in iter(sys.stdin.readline, ""):
        request_id = line.rstrip("\n")
        make(application, request_id)
        print(request_id, flush=True)


if __name__ == "__main__":
    main()
