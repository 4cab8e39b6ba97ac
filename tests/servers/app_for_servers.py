"""The application that the tests load into real servers: the filter around a fake Glance.

Every download has SIZE bytes. As a program it serves with wsgiref on the port that is its argument.
"""

import os
import sys
from collections.abc import Iterable
from wsgiref.simple_server import make_server
from wsgiref.types import StartResponse, WSGIEnvironment

from glance_notify_middleware import filter_factory
from tests.wsgi.doubles import FakeGlance

CHUNK = 64 * 1024
SIZE = 1024 * CHUNK


def _downloads(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", str(SIZE))])
    chunk = b"x" * CHUNK
    return (chunk for _ in range(SIZE // CHUNK))


app = filter_factory(
    {},
    notifier_strategy="logging",
    log_file=os.environ["NOTIFICATIONS"],
    trusted_proxies=os.environ.get("TRUSTED_PROXIES", ""),
)(FakeGlance(_downloads))

if __name__ == "__main__":
    make_server("127.0.0.1", int(sys.argv[1]), app).serve_forever()
