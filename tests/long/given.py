"""A filter to stand just below ours: it notes what Glance is given, before Glance is.

The file GIVEN_FILE has a line for each operation, by one write() with O_APPEND: the client's name
of it, and the id that Glance has for the request. Our filter's own look-ups have no such name.

It also has each transaction on SQLite begin as a writer's: one that begins as a reader's and would
write later fails at once, whatever its time-out is, when another has written since.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import sqlalchemy

HEADER = "X-Operation"

_IN_ENVIRON = "HTTP_X_OPERATION"


def filter_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """As Paste calls it, in each process or before the fork."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    _begin_as_writer()
    fd = os.open(os.environ["GIVEN_FILE"], flags, 0o600)

    def make(app: WSGIApplication) -> WSGIApplication:
        def given(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            name = environ.get(_IN_ENVIRON)
            if name is not None:
                context = environ["webob.adhoc_attrs"]["context"]
                os.write(fd, f"{name} {context.request_id}\n".encode())
            return app(environ, start_response)

        return given

    return make


def read(path: Path) -> dict[str, str]:
    """The id that Glance has for each operation that it was given, by the client's name of it."""
    return dict(line.split() for line in path.read_text().splitlines())


def _begin_as_writer() -> None:
    @sqlalchemy.event.listens_for(sqlalchemy.Engine, "before_cursor_execute", retval=True)
    def begin(_: object, cursor: object, statement: str, values: Any, *more: Any) -> Any:
        return "BEGIN IMMEDIATE" if statement == "BEGIN" else statement, values
