"""Look-ups: asks the wrapped application for a record, as the user whose request is watched."""

import contextlib
import io
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

from webob import Request, Response

from glance_notify_middleware.events import images
from glance_notify_middleware.events.operations import Operation
from glance_notify_middleware.recorder import Counted
from glance_notify_middleware.runtime.own_log import LOG, log_line
from glance_notify_middleware.wsgi import log_context
from glance_notify_middleware.wsgi.snapshot import Snapshot

CACHE_ENTRIES = 10_000

LOOK_UP_KEY = "glance_notify_middleware.look_up"
"""The key of the environ by which a filter below knows a look-up. No client can make such a key."""

LONGEST_RECORD = 16 * 1024 * 1024
"""Bytes. A longer body is no record of Glance's."""

Record = Mapping[str, Any]
"""What the Images API shows of an image, a member or a task: the JSON object of its response."""


class LookupResult(NamedTuple):
    """The status of the response (None: the application raised), and the record, if it has one."""

    status: int | None = None
    record: Record | None = None


@dataclass(frozen=True, slots=True)
class _CachedOwner:
    until: float  # of the monotonic clock, in seconds
    record: Record


class Lookup:
    """Look-ups through one application. No failure is raised: events go out without the record."""

    def __init__(
        self,
        app: WSGIApplication,
        count: Callable[[Counted], None] = lambda what: None,
        owner_cache_time: float = 0.0,
    ) -> None:
        """`count` is called once for each look-up, with what became of it; it must not raise.

        `owner_cache_time` is how long owner and size of an image are cached, in seconds.
        """
        self.failures = 0
        self._app = app
        self._count = count
        self._owner_cache_time = owner_cache_time
        self._owners: OrderedDict[str, _CachedOwner] = OrderedDict()
        self._latest_change = object()  # another one after each change

    def record(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """The record that the operation is about, as it is now; None where Glance gives none."""
        return self.ask(operation, snapshot).record

    def task_listing(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """Glance's answer that lists the tasks of the operation's image; None as above."""
        return self.ask(operation, snapshot, below="/tasks").record

    def ask(
        self, operation: Operation, snapshot: Snapshot, *, quietly: bool = False, below: str = ""
    ) -> LookupResult:
        """Make the look-up, and return the status with the record.

        `below` is appended to the path of the operation's record. An exception of the application
        is counted, and logged unless `quietly`.
        """
        in_headers = operation.route.version == 1  # a GET of version 1 would be a download
        environ = {
            **snapshot,
            "REQUEST_METHOD": "HEAD" if in_headers else "GET",
            "PATH_INFO": f"{operation.record_path}{below}",
            "QUERY_STRING": "",
            "SCRIPT_NAME": snapshot.get("SCRIPT_NAME", ""),
            "wsgi.input": io.BytesIO(),
            LOOK_UP_KEY: True,
            "webob.adhoc_attrs": dict(snapshot.get("webob.adhoc_attrs", {})),
        }
        try:
            response, body = self._call_app(environ)
            status = response.status_int
        except Exception as error:
            self._count(Counted.LOOKUP_FAILED)
            self._report(error, quietly=quietly)
            return LookupResult()
        self._count(_result(status))
        try:
            if status != 200:
                return LookupResult(status)
            if in_headers:
                headers = {name.lower(): value for name, value in response.headers.items()}
                return LookupResult(status, images.record_from_v1_headers(headers))
            record = images.parse_json(body)
        except Exception as error:
            self._report(error, quietly=quietly)
            return LookupResult()
        return LookupResult(status, record if isinstance(record, dict) else None)

    def _report(self, error: Exception, *, quietly: bool) -> None:
        """Count an exception, and log it unless `quietly`."""
        self.failures += 1
        if not quietly:
            # Only the class is logged: the text of an application's exception can hold secrets.
            line = f"{type(error).__name__} in a look-up of a record ({self.failures} so far)"
            with contextlib.suppress(Exception):
                log_line(LOG, logging.WARNING, line)

    def _call_app(self, environ: dict[str, Any]) -> tuple[Response, bytes]:
        """The application's response and its body. The thread's log context is restored."""
        before = log_context.current()
        try:
            response = Request(environ).get_response(self._app)
            return response, _read(response)
        finally:
            log_context.restore(before)

    def cached_owner(self, operation: Operation) -> Record | None:
        """A record with the image's id, owner and size, at most owner_cache_time old, if there is
        one in the cache."""
        cached = self._owners.get(str(operation.image_id))
        return cached.record if cached is not None and cached.until > time.monotonic() else None

    def owner_and_size(self, operation: Operation, snapshot: Snapshot) -> Record | None:
        """A record with at least the image's id, owner and size, from the cache or looked up.

        Only those of an active image are cached: its size never changes, and its owner rarely.
        Nothing is cached of a look-up during which this process has changed an image: it may show
        the image as it was before the change.
        """
        cached = self.cached_owner(operation)
        if cached is not None:
            return cached
        image_id = str(operation.image_id)
        latest_change = self._latest_change
        record = self.record(operation, snapshot)
        if record is None or record.get("status") != "active":
            return record
        kept = {key: record.get(key) for key in ("id", "owner", "size")}
        if self._owner_cache_time:
            self._owners.pop(image_id, None)  # a new entry is the last that the bound takes
            self._owners[image_id] = _CachedOwner(time.monotonic() + self._owner_cache_time, kept)
            while len(self._owners) > CACHE_ENTRIES:
                self._owners.popitem(last=False)
        if self._latest_change is not latest_change:
            self._owners.pop(image_id, None)
        return kept

    def forget_owner(self, operation: Operation) -> None:
        """Drop what is cached of the operation's image, as this process has changed the image."""
        self._latest_change = object()
        self._owners.pop(str(operation.image_id), None)


def _result(status: int) -> Counted:
    if status == 200:
        return Counted.LOOKUP_FOUND
    return Counted.LOOKUP_REFUSED if 400 <= status < 500 else Counted.LOOKUP_FAILED


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
