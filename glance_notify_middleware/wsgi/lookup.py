"""Asks the wrapped application for a record, as the user whose request is being watched."""

import contextlib
import copy
import io
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from webob import Request, Response

from glance_notify_middleware.events import images
from glance_notify_middleware.events.bounds import bounded
from glance_notify_middleware.events.operations import Operation
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.wsgi import log_context

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 10_000

# Headers by which a filter below this one (authtoken, context) knows the user.
_IDENTITY_HEADERS = (
    "HTTP_OPENSTACK_SYSTEM_SCOPE",
    "HTTP_X_AUTH_TOKEN",
    "HTTP_X_DOMAIN_",
    "HTTP_X_IDENTITY_STATUS",
    "HTTP_X_IS_ADMIN_PROJECT",
    "HTTP_X_PROJECT_",
    "HTTP_X_ROLE",
    "HTTP_X_SERVICE_",
    "HTTP_X_TENANT",
    "HTTP_X_USER",
)
_COPIED = ("REMOTE_ADDR", "HTTP_HOST", "SCRIPT_NAME", "api.version")
_COPIED_PREFIXES = ("SERVER_", "wsgi.", *_IDENTITY_HEADERS)

_NOT_KEPT = ("HTTP_X_AUTH_TOKEN", "HTTP_X_SERVICE_TOKEN", "webob.adhoc_attrs", "wsgi.input")
_NOT_KEPT_OF_CONTEXT = ("auth_token", "service_token", "service_catalog")
_LONGEST_KEPT = 16 * 1024  # characters of all texts: clients choose some, a catalogue is long

LOOK_UP = "glance_notify_middleware.look_up"
"""The key of the environ by which a filter below knows a look-up. No client can make one."""

LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes; what is longer is no image's record."""

Snapshot = Mapping[str, Any]
Record = Mapping[str, Any]


def snapshot(environ: Mapping[str, Any]) -> Snapshot:
    """What a look-up needs of a request's environ. To be taken before the application is called.

    Afterwards the environ holds what filters below keep for their own use: a look-up that
    carried the cache filter's `api.cache.*` keys overwrote the image in Glance's cache with
    the JSON record (glance 33.0.0). And nothing of what the client asked for may travel:
    lengths, ranges, conditions, encodings.
    """
    copied = {
        key: value
        for key, value in environ.items()
        if key in _COPIED or key.startswith(_COPIED_PREFIXES)
    }
    if "webob.adhoc_attrs" in environ:
        copied["webob.adhoc_attrs"] = dict(environ["webob.adhoc_attrs"])
    return copied


def lasting(snapshot: Snapshot, context: Any) -> Snapshot:
    """What of a snapshot may be kept for hours: no token, nothing that belongs to the request, and
    of its texts the shortest, as many as may be kept.

    `context` is Glance's, of which a copy without its tokens and its catalogue is kept. Below
    Glance's context filter that suffices (glance 33.0.0): the API asks the context alone who it is.
    """
    kept = {key: value for key, value in snapshot.items() if key not in _NOT_KEPT}
    left = _LONGEST_KEPT
    texts = [key for key, value in kept.items() if isinstance(value, str)]
    for key in sorted(texts, key=lambda key: len(kept[key])):
        left -= len(key) + len(kept[key])
        if left < 0:
            del kept[key]
    if context is not None:
        kept["webob.adhoc_attrs"] = {"context": _lasting_context(context)}
    return kept


def _lasting_context(context: Any) -> Any:
    context = copy.copy(context)
    for name in _NOT_KEPT_OF_CONTEXT:
        if hasattr(context, name):
            setattr(context, name, None)
    for name, value in list(getattr(context, "__dict__", {}).items()):
        if isinstance(value, str):  # the request id, for one, is the client's
            setattr(context, name, bounded(value))
    return context


class Found(NamedTuple):
    """What a look-up brought: the status (None: the application raised), and the record if any."""

    status: int | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class _Cached:
    until: float  # of the monotonic clock, in seconds
    record: Record


class Lookup:
    """Look-ups through one application. Every failure is swallowed: a record is a favour."""

    def __init__(self, app: WSGIApplication) -> None:
        self.failures = 0
        self._app = app
        self._owners: OrderedDict[str, _Cached] = OrderedDict()

    def record(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """The image's (or the member's) record as it is now; None where it cannot be had."""
        return self.found(operation, snapshot).record

    def tasks(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """Glance's list of what it works, or has worked, on for the image; None as above."""
        return self.found(operation, snapshot, below="/tasks").record

    def found(
        self, operation: Operation, snapshot: Snapshot, *, quietly: bool = False, below: str = ""
    ) -> Found:
        """The record with the answer's status. `quietly`: that it failed is counted, not logged.
        `below` is what follows the record's path where another answer is asked for."""
        in_headers = operation.route.version == 1  # whose GET is a download
        environ = {
            **snapshot,
            "REQUEST_METHOD": "HEAD" if in_headers else "GET",
            "PATH_INFO": f"{operation.record_path}{below}",
            "QUERY_STRING": "",
            "SCRIPT_NAME": snapshot.get("SCRIPT_NAME", ""),
            "wsgi.input": io.BytesIO(),
            LOOK_UP: True,
            "webob.adhoc_attrs": dict(snapshot.get("webob.adhoc_attrs", {})),
        }
        try:
            response, body = self._answer(environ)
            status = response.status_int
            if status != 200:
                return Found(status)
            if in_headers:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Found(status, images.record_from_v1_headers(headers))
            record = images.parse_json(body)
        except Exception as error:
            self.failures += 1
            if quietly:
                return Found()
            # Only its class: what an application's exception says can hold secrets.
            told = f"{type(error).__name__} in a look-up of a record ({self.failures} so far)"
            with contextlib.suppress(Exception):
                log_line(LOG, logging.WARNING, told)
            return Found()
        return Found(status, record if isinstance(record, dict) else None)

    def _answer(self, environ: dict[str, Any]) -> tuple[Response, bytes]:
        """The application's answer and its body; Glance's log goes on with who it is at."""
        before = log_context.current()
        try:
            response = Request(environ).get_response(self._app)
            return response, _read(response)
        finally:
            log_context.put_back(before)

    def owner_and_size(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """A record that holds the image's id, owner and size, at most CACHE_SECONDS old.

        Only an active image's are remembered: neither size nor, as a rule, owner of one change.
        """
        image_id = str(operation.image_id)
        cached = self._owners.get(image_id)
        if cached is not None and cached.until > time.monotonic():
            return cached.record
        record = self.record(operation, snapshot)
        if record is None or record.get("status") != "active":
            return record
        kept = {key: record.get(key) for key in ("id", "owner", "size")}
        self._owners[image_id] = _Cached(time.monotonic() + CACHE_SECONDS, kept)
        while len(self._owners) > CACHE_ENTRIES:
            self._owners.popitem(last=False)
        return kept

    def forget(self, operation: Operation) -> None:
        """Drop what is remembered of an image that this process has changed."""
        self._owners.pop(str(operation.image_id), None)


def _read(response: Response) -> bytes:
    """The body, which is closed in any case; cut where it is longer than any record."""
    chunks, size = [], 0
    try:
        for chunk in response.app_iter:
            chunks.append(chunk)
            size += len(chunk)
            if size > LONGEST_RECORD:
                break
    finally:
        getattr(response.app_iter, "close", lambda: None)()
    return b"".join(chunks)
