"""The formats in which notifications are sent: the values of the option message_format.

Each format is a function of the plain JSON of a notification, which the journal and log files hold.
"""

from collections.abc import Callable, Mapping

import orjson

from glance_notify_middleware.events import cadf, cloudevents

Format = Callable[[bytes], bytes]
"""Makes of the plain JSON of a notification its JSON in a format. Both are UTF-8."""


def _plain(plain: bytes) -> bytes:
    return plain


def _oslo(plain: bytes) -> bytes:
    """The envelope of oslo.messaging (18.3: _drivers/common.py, serialize_msg). Only its listeners
    unwrap it."""
    return orjson.dumps({"oslo.version": "2.0", "oslo.message": plain.decode()})


FORMATS: Mapping[str, Format] = {
    "plain": _plain,
    "oslo": _oslo,
    "cloudevents": cloudevents.encoded_event,
    "cadf": cadf.encoded_event,
}
"""The value of message_format -> the function that makes the format."""

_JSON = "application/json"

CONTENT_TYPES: Mapping[str, str] = {
    "plain": _JSON,
    "oslo": _JSON,
    "cloudevents": "application/cloudevents+json; charset=utf-8",
    "cadf": _JSON,
}
"""The value of message_format -> the content type of one message. RFC 8259 defines no charset for
application/json. The JSON format of CloudEvents 1.0 (section 3) names its own type."""

BATCH_CONTENT_TYPES: Mapping[str, str] = {
    **CONTENT_TYPES,
    "cloudevents": "application/cloudevents-batch+json; charset=utf-8",
}
"""The value of message_format -> the content type of a JSON array of messages (for CloudEvents: the
JSON batch format, section 4)."""


def in_format(plain: bytes, message_format: str) -> bytes:
    """The plain JSON of a notification in `message_format`, the operator's choice."""
    return FORMATS[message_format](plain)
