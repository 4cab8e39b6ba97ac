"""A filter for Glance's pipeline by which each request chooses its way: with this filter, with one
bare look-up, or with neither. So all ways are measured in the same processes."""

import io
import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

import glance_notify_middleware

HEADER = "X-Bench"
"""The header of a request that names its way; any other value is neither."""
WITH_FILTER, WITH_LOOK_UP = "filter", "look-up"

_PATH = re.compile(r"(/v2/images/[^/]+)/(?:tags/.+|file)")


def filter_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Makes the filter; the lines of its section are those of this package's filter."""
    make = glance_notify_middleware.filter_factory(global_conf, **local_conf)

    def wrap(app: WSGIApplication) -> WSGIApplication:
        ways = {WITH_FILTER: make(app), WITH_LOOK_UP: _looked_up(app)}

        def switched(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            return ways.get(environ.get("HTTP_X_BENCH", ""), app)(environ, start_response)

        return switched

    return wrap


def _looked_up(app: WSGIApplication) -> WSGIApplication:
    """Behind each PUT of a tag or of data it reads the image's record once."""

    def looked_up(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        found = environ["REQUEST_METHOD"] == "PUT" and _PATH.fullmatch(environ["PATH_INFO"])
        asked = environ.copy() if found else {}
        body = app(environ, start_response)
        if found:
            asked |= {"REQUEST_METHOD": "GET", "PATH_INFO": found[1], "CONTENT_LENGTH": "0"}
            asked["wsgi.input"] = io.BytesIO()
            b"".join(app(asked, lambda *_: lambda data: None))
        return body

    return looked_up
