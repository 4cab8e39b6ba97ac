"""A request/response pair that is described in words, as the rules judge one that was seen.

What nobody described is made up: the ids of the requester, the address, and the records that Glance
would have shown. The filter looks at no more of a request than here: the rules, the look-ups that
they ask for, and the bytes of the body that are kept are those of a running filter.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from glance_notify_middleware.config import Settings
from glance_notify_middleware.events import addresses, identity, images, rules
from glance_notify_middleware.events.exchange import (
    DATA_STATUSES,
    Exchange,
    RequestFacts,
    ResponseFacts,
)
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.notification import ImageEvent
from glance_notify_middleware.events.operations import Action, Operation, as_download
from glance_notify_middleware.wsgi.plan import RoutePlan

EXAMPLE_PEER = "192.0.2.7"
EXAMPLE_SIZE = 1048576  # bytes

_REQUESTER = Requester("3dceeb387d915fee9e9b1ad925ddaf89", "02e139eb50d75aafbfd69ba8a02a5ffc")
_OWNER = "86297fba107c086585082a08fefa76ae"
_IMAGE = "55354b8b-28d8-4e35-aa1e-20e5222c93a9"
_TIME = "2026-11-22T04:01:25Z"

_STATUS_BEFORE = {
    Action.DEACTIVATE: "active",
    Action.REACTIVATE: "deactivated",
    Action.PATCH: "queued",
}
_STATUS_AFTER = {
    Action.CREATE: "queued",
    Action.STAGE: "uploading",
    Action.DEACTIVATE: "deactivated",
}
_OF_MEMBERS = (Action.MEMBER_CREATE, Action.MEMBER_UPDATE, Action.MEMBER_DELETE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """A request/response pair in words.

    `path` may have a query. `status` is None when the application raised an exception. Header names
    are in lower case. `body` is that of the request, None when it is not described. `read` is how
    many bytes of it Glance had read; None: the server hides that. `size` and `sent` are the bytes
    of image data that the answer promised, and that left. `before` and `after` are the statuses of
    the image; None: those that are usual. `peer` is the address of the other end of the connection.
    """

    method: str
    path: str
    status: int | None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    read: int | None = 0
    size: int = EXAMPLE_SIZE
    sent: int = EXAMPLE_SIZE
    before: str | None = None
    after: str | None = None
    peer: str = EXAMPLE_PEER

    def operation(self) -> Operation | None:
        """The operation that the request asks for; None when it is none."""
        parts = urlsplit(self.path)
        operation = match(
            self.method,
            unquote_to_bytes(parts.path).decode("latin-1"),
            query_string=parts.query,
            content_type=self.headers.get("content-type", ""),
            accept=self.headers.get("accept", ""),
        )
        if operation is None or operation.action is not Action.UPLOAD or self.method != "GET":
            return operation
        # The cache filter of Glance takes every GET for a download, whatever its _method.
        return as_download(operation) if self.status in DATA_STATUSES else operation

    def exchange(self, operation: Operation, settings: Settings) -> Exchange:
        """What a filter with these settings sees of the pair."""
        if operation.action is Action.DELETE and not settings.records_deleted_images:
            operation = operation._replace(route=replace(operation.route, source=None))
        plan = RoutePlan.of(operation.route, settings.wants)
        body = None if self.body is None else self.body[: plan.input_kept]
        environ = self._environ()
        request = RequestFacts(
            requester=self._requester(environ),
            destination_ip=addresses.destination_ip(environ, settings.trusted_proxies),
            bytes_read=self.read if plan.input_kept else 0,
            body_start=body if plan.input_kept else None,
        )
        is_looked_up = plan.lookups.record_before or (
            plan.lookups.record_before_locations and rules.may_change_locations(body or b"")
        )
        before = self.before or _STATUS_BEFORE.get(operation.action, "active")
        return Exchange(
            operation,
            request,
            self._response(),
            self._record(operation, before) if is_looked_up else None,
        )

    def events(self, exchange: Exchange) -> list[ImageEvent]:
        """The events that follow at once, by the rules, with records that are made up."""
        found: Mapping[str, Any] | None = None
        if rules.record_source(exchange) is not None:
            found = self._record(exchange.operation, self._status_after(exchange))
        return rules.decide(exchange, found, lambda: _TIME)

    def _environ(self) -> dict[str, str]:
        """The headers as WSGI has them. Identity headers count as confirmed by the authtoken."""
        environ = {
            f"HTTP_{name.upper().replace('-', '_')}": self.headers[name] for name in self.headers
        }
        return {"REMOTE_ADDR": self.peer, "HTTP_X_IDENTITY_STATUS": "Confirmed", **environ}

    @staticmethod
    def _requester(environ: Mapping[str, str]) -> Requester:
        found = identity.from_headers(environ)
        return found if found.project_id or found.user_id else _REQUESTER

    def _response(self) -> ResponseFacts:
        if self.status is None:
            return ResponseFacts(None, error="Exception")
        kept = self.sent == self.size
        return ResponseFacts(self.status, reason(self.status), bytes_sent=self.sent, kept=kept)

    def _status_after(self, exchange: Exchange) -> str:
        action = exchange.operation.action
        if action is Action.CREATE_V1 and self.after is None:
            has_data = exchange.request.bytes_read != 0 or "x-image-meta-location" in self.headers
            return "active" if has_data else "queued"
        return self.after or _STATUS_AFTER.get(action, "active")

    def _record(self, operation: Operation, status: str) -> dict[str, Any]:
        """A record as Glance would show it: of the member, or of the image with this status."""
        if operation.action in _OF_MEMBERS:
            return self._member(operation)
        has_data = status in ("active", "deactivated")
        return {
            "id": operation.image_id or _IMAGE,
            "name": "example",
            "status": status,
            "visibility": "shared",
            "owner": _OWNER,
            "size": self.size if has_data else None,
            "checksum": "90b9c9d16b5f0ee6ba2f0fd1ba1ee1cc" if has_data else None,
            "container_format": "bare",
            "disk_format": "raw",
            "created_at": _TIME,
            "updated_at": _TIME,
            "min_disk": 0,
            "min_ram": 0,
            "protected": False,
            "tags": [],
            "virtual_size": None,
        }

    def _member(self, operation: Operation) -> dict[str, Any]:
        member = operation.member_id
        try:
            named = images.parse_json(self.body or b"")
        except (ValueError, RecursionError):
            named = None
        if member is None and isinstance(named, Mapping):
            member = named.get("member")
        return {
            "image_id": operation.image_id,
            "member_id": member or _REQUESTER.project_id,
            "status": "pending",
            "created_at": _TIME,
            "updated_at": _TIME,
        }


def reason(status: int) -> str:
    """The words that usually stand behind a status; empty for one that has none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
