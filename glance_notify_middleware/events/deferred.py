"""Deferred notifications: stored with the JSON that they carry, and made when they are sent.

The event of an operation that succeeded carries the record that Glance's answer holds. The thread
of the request only keeps the bytes of that answer. Whoever delivers the notification parses the
answer and makes the payload, by the same rules as for any other event. The payload of a download is
small: it is stored as its JSON.
"""

from collections.abc import Mapping
from typing import NamedTuple, cast

import orjson

from glance_notify_middleware.events import images, payloads
from glance_notify_middleware.events.facts import encode_facts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.notification import (
    LONGEST_JSON,
    EventType,
    ImageEvent,
    Notification,
    Payload,
    Priority,
)
from glance_notify_middleware.events.operations import ROUTES, Action, Operation, Route, Source

ACTION_NAMES: Mapping[Route, str] = {
    route: route.action.name
    for route in ROUTES
    if route.action is Action.SEND or (route.version == 2 and route.source is Source.ANSWER)
}
"""The routes that have deferred notifications, and the names of their actions, as the journal
stores them. Success on each of them, but for a download, has an event that carries the record of
Glance's answer."""

_FACTS_OF_VERSION_2 = 3  # behind the member's id: the ids of request, project and user

_ROUTES = {name: route for route, name in ACTION_NAMES.items()}
_EVENT_TYPES: Mapping[str, EventType] = {each.value: each for each in EventType}  # a faster call


class DeferredNotification(NamedTuple):
    """A notification whose payload is still to be made of `content`.

    `key` holds the 16 bytes of its message_id, `timestamp` is in seconds since the epoch. `action`
    is the name of the Action. The ids of image and member are those that the path names. `status`
    is that of the answer. `content` is the JSON of the payload of a download. For any other action
    it is the body of Glance's answer: see `can_be_deferred`. `bytes_sent` is that of a download
    that was just recorded; None otherwise.
    """

    key: bytes
    timestamp: float
    event_type: EventType
    priority: Priority
    publisher_id: str
    action: str
    image_id: str | None
    member_id: str | None
    requester: Requester
    status: int | None
    content: bytes
    bytes_sent: int | None = None

    def made(self) -> Notification:
        """The notification. An answer that cannot be read gives a payload of the ids alone."""
        digits = self.key.hex()
        return Notification.of(
            f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}",
            self.publisher_id,
            ImageEvent(self.event_type, self.priority, self._payload()),
            self.timestamp,
            self.requester,
            self.status,
        )

    def _payload(self) -> Payload:
        route = _ROUTES[self.action]
        try:
            content = images.parse_json(self.content)
        except (ValueError, RecursionError):
            content = {}
        if route.action is Action.SEND:
            return cast(Payload, content)
        operation = Operation(route, "/", self.image_id, self.member_id)
        return payloads.of_success(operation, content if isinstance(content, dict) else {}, str)


def can_be_deferred(answer: bytes) -> bool:
    """Whether the body of an answer may be stored as it is: a JSON object, and no location in it.

    Glance's records hold locations where the operator shows them: as the `url` of each of
    `locations`, and as `direct_url`. A backslash could spell these keys in another way.
    """
    return (
        answer[:1] == b"{"
        and answer[-1:] == b"}"
        and len(answer) <= LONGEST_JSON
        and b'url"' not in answer
        and b"\\" not in answer
    )


def encode(deferred: DeferredNotification) -> bytes:
    """What the journal stores of it beside its key, time, event type and priority."""
    # Sums of tuples take less time than one with stars.
    facts = deferred[4:8] + (deferred.status,) + deferred.requester  # noqa: RUF005
    return encode_facts(facts) + b"\n" + deferred.content


def decode(
    key: bytes, timestamp: float, event_type: str, priority: Priority, stored: bytes
) -> DeferredNotification:
    """What `encode` was given. Raises ValueError or TypeError for any other `stored`."""
    encoded_facts, _, content = stored.partition(b"\n")
    publisher_id, action, image_id, member_id, *facts = orjson.loads(encoded_facts)
    if len(facts) == _FACTS_OF_VERSION_2:
        request_id, project_id, user_id = facts
        status, requester = None, Requester(project_id, user_id, request_id)
    else:
        status, requester = facts[0], Requester(*facts[1:])
    of_event = key, timestamp, _EVENT_TYPES.get(event_type) or EventType(event_type), priority
    of_operation = publisher_id, action, image_id, member_id
    return DeferredNotification(*of_event, *of_operation, requester, status, content)
