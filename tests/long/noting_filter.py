"""A filter directly below the notify filter, which notes each request before Glance has it.

The file NOTED_FILE has a line for each operation, by one write() with O_APPEND: the client's name
of the operation, and Glance's request id. The look-ups of the notify filter have no such name.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tests.sqlite_writers import begin_as_writers

HEADER = "X-Operation"

_IN_ENVIRON = "HTTP_X_OPERATION"


def filter_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Paste's filter factory. It is called in each process, or before the fork."""
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    begin_as_writers()
    fd = os.open(os.environ["NOTED_FILE"], flags, 0o600)

    def make(app: WSGIApplication) -> WSGIApplication:
        def note(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            name = environ.get(_IN_ENVIRON)
            if name is not None:
                context = environ["webob.adhoc_attrs"]["context"]
                os.write(fd, f"{name} {context.request_id}\n".encode())
            return app(environ, start_response)

        return note

    return make


def read(path: Path) -> dict[str, str]:
    """Glance's request id of each noted operation, by the client's name of the operation."""
    return dict(line.split() for line in path.read_text().splitlines())
