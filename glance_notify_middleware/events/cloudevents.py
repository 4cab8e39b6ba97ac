"""Notifications as CloudEvents 1.0, in the JSON format, in structured mode.

    https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md

The payload is the data. What else a notification has stands in extension attributes: `priority`,
and each `_context_*` key that is known, without that prefix and without underscores (requestid,
projectid, userid), as a name has lower-case letters and digits alone. So do the three parts of
`_sequence`: sequencejournal, sequencenumber, sequenceafter.
"""

import functools
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, unquote

from glance_notify_middleware.events import sequence
from glance_notify_middleware.events.escaping import printable
from glance_notify_middleware.events.images import parse_json
from glance_notify_middleware.events.notification import Priority, encoded
from glance_notify_middleware.events.reading import Fields, image_id
from glance_notify_middleware.events.trial import trial

TYPE_PREFIX = "org.openstack."
"""Stands before the event type in the attribute `type`."""

_CONTEXT = "_context_"


def encoded_event(plain: bytes) -> bytes:
    """The CloudEvent of a notification, from its plain JSON."""
    return encoded(event(parse_json(plain)))


def event(fields: Fields) -> dict[str, Any]:
    """The attributes of the CloudEvent, and `data`.

    `source` is the publisher_id as a URI reference. `subject` is the id of the image; it is missing
    where the notification names none. An attribute that is not known is missing: null is no value
    of an attribute.
    """
    subject = image_id(fields)
    return {
        "specversion": "1.0",
        "id": fields["message_id"],
        "type": f"{TYPE_PREFIX}{fields['event_type']}",
        "source": _source(fields["publisher_id"]),
        **({"subject": printable(subject)} if subject else {}),
        "time": f"{fields['timestamp'].replace(' ', 'T')}Z",
        "datacontenttype": "application/json",
        "priority": fields["priority"],
        **dict(_context(fields)),
        **dict(_sequence(fields)),
        "data": fields["payload"],
    }


@functools.lru_cache(maxsize=16)
def _source(publisher_id: str) -> str:
    return quote(publisher_id, safe="", errors="replace")


def notification(read: Fields) -> dict[str, Any]:
    """The keys and values of the notification whose CloudEvent was read.

    Raises KeyError, TypeError or AttributeError where it is none of this filter.
    """
    return {
        "message_id": read["id"],
        "publisher_id": unquote(read["source"]),
        "event_type": read["type"].removeprefix(TYPE_PREFIX),
        "priority": read["priority"],
        "timestamp": read["time"].replace("T", " ").removesuffix("Z"),
        "payload": read["data"],
        "_unique_id": read["id"],
        **{key: read.get(_name(key)) for key in _CONTEXT_KEYS},
        **_read_sequence(read),
    }


def _read_sequence(read: Fields) -> dict[str, Any]:
    if "sequencejournal" not in read:
        return {}
    parts = {key: read.get(f"sequence{key}") for key in sequence.PARTS}
    return {sequence.KEY: parts}


def _name(key: str) -> str:
    return key.removeprefix(_CONTEXT).replace("_", "")


_CONTEXT_KEYS = [
    key for key in trial("", "", Priority.INFO, 0.0).as_dict() if key.startswith(_CONTEXT)
]
"""The keys that each notification has beside its payload, for who asked for what."""


def _sequence(fields: Fields) -> Iterator[tuple[str, str | int]]:
    found = sequence.known(fields)
    for part in sequence.PARTS:
        if (value := found.get(part)) is not None:
            yield f"sequence{part}", value


def _context(fields: Fields) -> Iterator[tuple[str, str | int]]:
    for key, value in fields.items():
        if key.startswith(_CONTEXT) and value is not None:
            # An attribute has no control characters, surrogates and noncharacters: section 3.
            yield _name(key), printable(value) if isinstance(value, str) else value
