"""Plays the Images API v1, which no Glance on Python 3 has, in memory.

Each answer follows a passage of the public reference, which its function names by title:
"Image service API v1", docs.openstack.org/api-ref/image/v1. What no passage describes is not
played.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from tests.wsgi.doubles import answering

NOW = "2016-05-10T21:41:41.000000"  # the form of the times in the reference's examples
OWNER = "c60b1d57c5034e0d86902aedf8c49be0"
JSON = ("Content-Type", "application/json")

Record = dict[str, Any]


class ImagesV1:
    """The application: `/v1/images` and what is below it."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.records: dict[str, Record] = {}
        self._data: dict[str, bytes] = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        self.requests.append(f"{method} {path}")
        return self._answer(method, path, environ)(environ, start_response)

    def _answer(self, method: str, path: str, environ: WSGIEnvironment) -> WSGIApplication:
        if path == "/v1/images":
            return self._create(environ) if method == "POST" else self._list()
        if path == "/v1/images/detail":
            return self._list()
        found = re.fullmatch(r"/v1/images/([^/]+)(/members(/[^/]+)?)?", path)
        record = self.records.get(found[1]) if found else None
        if found is None or record is None:
            return _error("404 Not Found", "No such image.")
        if found[2]:
            return self._share(method, environ)
        match method:
            case "PUT":
                return self._update(record, environ)
            case "DELETE":
                return self._delete(record)
            case _:
                return self._show(record, with_data=method == "GET")

    def _create(self, environ: WSGIEnvironment) -> WSGIApplication:
        """Create image: 201, the record in the body; 400, 409. "If there is no request body", it
        stays queued, as in "Response Example (reserve an image)".

        One with `x-image-meta-location` has its data already: "Image Statuses", `saving`, in
        Glance's user guide.
        """
        given = _given_fields(environ)
        image_id = given.get("id") or f"image-{len(self.records)}"
        if image_id in self.records:
            return _error("409 Conflict", f"{image_id} exists at file:///secret/place.")
        record: Record = {
            **dict.fromkeys(("checksum", "container_format", "disk_format", "name")),
            **{"deleted": False, "deleted_at": None, "virtual_size": None},
            **{"is_public": False, "protected": False, "min_disk": 0, "min_ram": 0, "size": 0},
            **{"created_at": NOW, "updated_at": NOW, "owner": OWNER, "status": "queued"},
            **given,
            "id": image_id,
        }
        refused = self._take(record, environ)
        if refused:
            return refused
        if "location" in record:
            record["status"] = "active"
        self.records[image_id] = record
        location = ("Location", f"http://glance.example.com/v1/images/{image_id}")
        return answering("201 Created", [_body(record)], [JSON, location])

    def _update(self, record: Record, environ: WSGIEnvironment) -> WSGIApplication:
        """Update image: 200, the record in the body; 400, 404, 409 for data unless it is queued."""
        changed = {**record, **_given_fields(environ)}
        refused = self._take(changed, environ)
        if refused:
            return refused
        record.update(changed)
        return answering("200 OK", [_body(record)], [JSON])

    def _show(self, record: Record, with_data: bool) -> WSGIApplication:
        """Show image details and image data; Show image metadata: 200, the record in the headers,
        as in its "Response Example"; 404.
        """
        headers = [(f"X-Image-Meta-{k.capitalize()}", _text(v)) for k, v in _known_fields(record)]
        headers += [(f"X-Image-Meta-Property-{k}", v) for k, v in record["properties"].items()]
        data = self._data.get(record["id"], b"") if with_data else b""
        half = len(data) // 2
        return answering("200 OK", iter([data[:half], data[half:]]), headers)

    def _delete(self, record: Record) -> WSGIApplication:
        """Delete image: 204; 403, 404."""
        if record["protected"]:
            return _error("403 Forbidden", "The image is protected.")
        del self.records[record["id"]]
        return answering("204 No Content")

    def _share(self, method: str, environ: WSGIEnvironment) -> WSGIApplication:
        """Add member to image; Replace membership list for an image; Remove member: 204; 404."""
        if method == "PUT":
            environ["wsgi.input"].read()
        return answering("204 No Content")

    def _list(self) -> WSGIApplication:
        """List images; List images with details: 200, all of them in the body."""
        return answering("200 OK", [json.dumps({"images": []}).encode()], [JSON])

    def _take(self, record: Record, environ: WSGIEnvironment) -> WSGIApplication | None:
        """Take the data in the body of Create image or Update image; returns why it is refused."""
        data = environ["wsgi.input"].read()
        if not data:
            return None
        if record["status"] != "queued":
            return _error("409 Conflict", "The image is not queued.")
        if None in (record["name"], record["disk_format"], record["container_format"]):
            return _error("400 Bad Request", "name, disk_format and container_format are needed.")
        if record["size"] not in (0, len(data)):
            return _error("400 Bad Request", "The size is another one.")
        checksum = hashlib.md5(data).hexdigest()
        record |= {"size": len(data), "checksum": checksum, "status": "active"}
        self._data[record["id"]] = data
        return None


def _given_fields(environ: WSGIEnvironment) -> Record:
    """The fields in the request's `x-image-meta-` and `x-image-meta-property-` headers."""
    given: Record = {"properties": {}}
    for key, value in environ.items():
        name = key.removeprefix("HTTP_X_IMAGE_META_").lower()
        if name.startswith("property_"):
            given["properties"][name.removeprefix("property_")] = value
        elif key.startswith("HTTP_X_IMAGE_META_"):
            flag = name in ("is_public", "protected")
            given[name] = value == "true" if flag else int(value) if name == "size" else value
    return given


def _known_fields(record: Record) -> Iterator[tuple[str, Any]]:
    return ((k, v) for k, v in record.items() if k != "properties" and v is not None)


def _text(value: Any) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return text.encode().decode("latin-1")


def _body(record: Mapping[str, Any]) -> bytes:
    return json.dumps({"image": record}).encode()


def _error(status: str, why: str) -> WSGIApplication:
    return answering(status, [why.encode()], [("Content-Type", "text/plain")])
