"""The uses of images, as notifications report them: downloads and uploads."""

import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from glance_notify_middleware.cli.audit.log_lines import DamagedLineError
from glance_notify_middleware.events.notification import EventType, Priority


class Kind(enum.Enum):
    """What a use was, and how it ended."""

    COMPLETE = enum.auto()
    CUT = enum.auto()
    REFUSED = enum.auto()
    UPLOAD = enum.auto()


_ENDS = {
    Priority.INFO: Kind.COMPLETE,
    Priority.ERROR: Kind.CUT,
    Priority.WARN: Kind.REFUSED,
}


class Use(NamedTuple):
    """One download or upload, as a notification reports it. A fact that it has not is None."""

    kind: Kind
    size: int
    """Bytes."""
    timestamp: str
    receiver: str | None
    owner: str | None
    image: str | None

    @property
    def day(self) -> str:
        """The day in UTC: `2026-11-01`."""
        return self.timestamp[:10]


def use_of(fields: Mapping[str, Any]) -> Use | None:
    """The use that a notification reports; None where it reports something else.

    Raises DamagedLineError where the payload is not that of its type.
    """
    event_type = fields["event_type"]
    if event_type == EventType.SEND:
        payload = _payload(fields)
        return Use(
            _ENDS[fields["priority"]],
            _size(payload, "bytes_sent"),
            fields["timestamp"],
            _text(payload, "receiver_tenant_id"),
            _text(payload, "owner_id"),
            _text(payload, "image_id"),
        )
    if event_type == EventType.UPLOAD and fields["priority"] == Priority.INFO:
        payload = _payload(fields)
        return Use(
            Kind.UPLOAD,
            _size(payload, "size"),
            fields["timestamp"],
            _text(fields, "_context_project_id"),
            _text(payload, "owner"),
            _text(payload, "id"),
        )
    return None


def _payload(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    payload = fields["payload"]
    if not isinstance(payload, dict):
        raise DamagedLineError("its payload is a text")
    return payload


def _size(payload: Mapping[str, Any], key: str) -> int:
    """Bytes; 0 where they are not known."""
    value = payload.get(key)
    if value is None:
        return 0
    if type(value) is not int or value < 0:
        raise DamagedLineError(f"its {key} is no number of bytes")
    return value


def _text(values: Mapping[str, Any], key: str) -> str | None:
    value = values.get(key)
    if value is not None and not isinstance(value, str):
        raise DamagedLineError(f"its {key} is no text")
    return value
