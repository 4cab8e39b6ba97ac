"""A bare application in the place of Glance, and the requests that are measured.

It answers with the status, the headers and the record that Glance 33 answers with. It keeps no
database and stores nothing, so that what a middleware adds is not hidden behind its work.
"""

import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

IMAGE = "55354b8b-28d8-4e35-aa1e-20e5222c93a9"
PROJECT = "86297fba107c586085582a08fefa76ae"
USER = "02e139eb50d75aafbfd69ba8a02a5ffc"

CHUNK_SIZE = 65536
"""Bytes of a chunk of Glance's file store, and of a read of an upload."""
SMALL = 4 * CHUNK_SIZE
"""Bytes of the image that is downloaded many times."""

RECORD: dict[str, Any] = {
    **{"id": IMAGE, "name": "debian-12-generic-amd64", "status": "active", "owner": PROJECT},
    **{"checksum": "9bba09e1c7b1ee1a0ea6f5e5c3c7c1d5", "os_hash_algo": "sha512"},
    **{"os_hash_value": "6b813aa46bb90b4da216a4d19376593f" * 4, "os_hidden": False},
    **{"container_format": "bare", "disk_format": "qcow2", "size": SMALL, "virtual_size": 2**33},
    **{"created_at": "2026-11-22T04:01:25Z", "updated_at": "2026-11-22T04:01:27Z"},
    **{"visibility": "shared", "protected": False, "min_disk": 10, "min_ram": 512},
    **{"tags": ["server", "generic"], "stores": "store1", "schema": "/v2/schemas/image"},
    **{"self": f"/v2/images/{IMAGE}", "file": f"/v2/images/{IMAGE}/file"},
    **{f"hw_property_{number}": "some value of it" for number in range(12)},
}
"""An image record as `GET /v2/images/{id}` shows it, with a dozen properties."""

_SHOWN = json.dumps(RECORD).encode()
_LISTED = json.dumps({"images": [RECORD] * 20, "schema": "/v2/schemas/images"}).encode()
_CATALOG = json.dumps(
    [
        {
            "type": "image",
            "name": "glance",
            "endpoints": [
                {
                    **{"id": "e1", "region": "RegionOne"},
                    **{f"{kind}URL": "http://127.0.0.1:9292" for kind in ("public", "admin")},
                    "internalURL": "http://127.0.0.1:9292",
                }
            ],
        }
    ]
)

Headers = list[tuple[str, str]]


def stand_in(chunk_size: int = CHUNK_SIZE, chunks: int = SMALL // CHUNK_SIZE) -> WSGIApplication:
    """The application. A download has `chunks` chunks of `chunk_size` bytes, which are in memory
    already. An upload is read in reads of CHUNK_SIZE bytes."""
    chunk = bytes(chunk_size)
    data: Headers = [
        ("Content-Type", "application/octet-stream"),
        ("Content-MD5", RECORD["checksum"]),
        ("Content-Length", str(chunk_size * chunks)),
    ]

    def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, parts = environ["REQUEST_METHOD"], environ["PATH_INFO"].split("/")[3:]
        match method, parts:
            case "GET", [_, "file"]:
                start_response("200 OK", list(data))
                return _chunks(chunk, chunks)
            case "PUT", [_, "file"]:
                read = environ["wsgi.input"].read
                while read(CHUNK_SIZE):
                    pass
                return _answer(start_response, "204 No Content", b"")
            case "PUT", [_, "tags", _]:
                return _answer(start_response, "204 No Content", b"")
            case "POST", []:
                return _answer(start_response, "201 Created", _SHOWN)
            case "GET", []:
                return _answer(start_response, "200 OK", _LISTED)
            case "GET" | "PATCH", [_]:
                return _answer(start_response, "200 OK", _SHOWN)
        return _answer(start_response, "404 Not Found", b"")

    return application


def _chunks(chunk: bytes, count: int) -> Iterator[bytes]:
    return iter(itertools.repeat(chunk, count))


def _answer(start_response: StartResponse, status: str, body: bytes) -> list[bytes]:
    headers = [("Content-Length", str(len(body)))]
    if body:
        headers.append(("Content-Type", "application/json"))
    start_response(status, headers)
    return [body] if body else []


MakeEnviron = Callable[[], WSGIEnvironment]
"""Makes the environ of one more request."""


def request(method: str, path: str, body: bytes = b"", content_type: str = "") -> MakeEnviron:
    """Makes environs of one request, as they come out of Glance's filters `authtoken` and `context`
    under a WSGI server."""
    template: WSGIEnvironment = {
        **{"REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": ""},
        **{"SERVER_NAME": "127.0.0.1", "SERVER_PORT": "9292", "SERVER_PROTOCOL": "HTTP/1.1"},
        **{"REMOTE_ADDR": "192.0.2.7", "REMOTE_PORT": "41234", "HTTP_HOST": "127.0.0.1:9292"},
        **{"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))},
        **{"wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.multithread": True},
        **{"wsgi.multiprocess": True, "wsgi.run_once": False, "wsgi.errors": io.StringIO()},
        **{"HTTP_USER_AGENT": "python-glanceclient", "HTTP_ACCEPT": "*/*"},
        **{"HTTP_X_AUTH_TOKEN": "gAAAAABm" + "x" * 180, "HTTP_X_IDENTITY_STATUS": "Confirmed"},
        **{"HTTP_X_USER_ID": USER, "HTTP_X_USER_NAME": "demo", "HTTP_X_ROLES": "member,reader"},
        **{"HTTP_X_PROJECT_ID": PROJECT, "HTTP_X_PROJECT_NAME": "demo"},
        **{"HTTP_X_TENANT_ID": PROJECT, "HTTP_X_SERVICE_CATALOG": _CATALOG},
    }
    numbers = itertools.count()

    def make() -> WSGIEnvironment:
        context = SimpleNamespace(
            request_id=f"req-d963d98f-779c-44f7-ada2-{next(numbers):012x}",
            project_id=PROJECT,
            user_id=USER,
            roles=["member", "reader"],
        )
        environ = template.copy()
        environ["wsgi.input"] = io.BytesIO(body)
        environ["webob.adhoc_attrs"] = {"context": context}
        return environ

    return make


_NEW = json.dumps({name: RECORD[name] for name in ("name", "disk_format", "container_format")})
_PATCH = json.dumps([{"op": "replace", "path": "/name", "value": "debian-12"}])

REQUESTS: dict[str, MakeEnviron] = {
    "list": request("GET", "/v2/images"),
    "show": request("GET", f"/v2/images/{IMAGE}"),
    "create": request("POST", "/v2/images", _NEW.encode(), "application/json"),
    "patch": request(
        "PATCH",
        f"/v2/images/{IMAGE}",
        _PATCH.encode(),
        "application/openstack-images-v2.1-json-patch",
    ),
    "tag": request("PUT", f"/v2/images/{IMAGE}/tags/server"),
    "download": request("GET", f"/v2/images/{IMAGE}/file"),
}
"""The requests that are measured one by one, by name."""


def play(application: WSGIApplication, environ: WSGIEnvironment) -> None:
    """One request, as a server plays it: the body is exhausted, and closed."""
    body = application(environ, start_response)
    for _ in body:
        pass
    close = getattr(body, "close", None)
    if close is not None:
        close()


def start_response(status: str, headers: Headers, exc_info: object = None) -> Callable[..., None]:
    return _write


def _write(data: bytes) -> None:
    raise NotImplementedError("no contestant writes")
