"""A filter for Glance's pipeline that does what one look-up costs, and nothing else."""

import io
import re
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_PATH = re.compile(r"(/v2/images/[^/]+)/(?:tags/.+|file)")


def filter_factory(
    global_conf: dict[str, str], **local_conf: str
) -> Callable[[WSGIApplication], WSGIApplication]:
    """Makes the filter: behind each PUT of a tag or of data it reads the image's record once."""

    def wrap(app: WSGIApplication) -> WSGIApplication:
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

    return wrap
