"""What is to be watched of the requests of a route: the same for all of them, so found out once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Action, Route, Source
from glance_notify_middleware.wsgi.request_input import DATA_KEPT, JSON_KEPT

_INPUT_KEPT = {
    Action.UPLOAD: DATA_KEPT,
    Action.STAGE: DATA_KEPT,
    Action.PATCH: JSON_KEPT,
    Action.CREATE_V1: DATA_KEPT,
    Action.UPDATE_V1: DATA_KEPT,
    Action.IMPORT: JSON_KEPT,
    Action.TASK: JSON_KEPT,
    Action.MEMBERS_V1: JSON_KEPT,
}
_LISTED = (Action.IMPORT, Action.ADD_LOCATION)  # as tasks, below the image
_WITHOUT_LOOK_UP = (None, Source.ANSWER, Source.HEADERS)


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Of a route, as the operator wants it told."""

    route: Route
    wants_success: bool
    wants_prepare: bool
    wants_activate: bool
    input_kept: int  # bytes of the request's body; 0: what is read of it tells nothing
    looks_before: bool
    lists_tasks: bool  # those of the image are asked for before, to know the new one from them
    follows: bool  # what comes of it after the answer is told
    may_look_up: bool  # the answer alone may not tell all: of an upload and a patch it never does

    @classmethod
    def of(cls, route: Route, wants: Callable[[EventType, Priority], bool]) -> Self:
        """`wants` tells which events the operator wants to be told of."""
        wants_success = any(wants(event_type, Priority.INFO) for event_type in route.success_events)
        wants_outcome = wants_success or wants(route.failure_event, Priority.ERROR)
        follows = wants_outcome and route.action in rules.BACKGROUND_STATUS
        return cls(
            route=route,
            wants_success=wants_success,
            wants_prepare=wants(EventType.PREPARE, Priority.INFO),
            wants_activate=wants(EventType.ACTIVATE, Priority.INFO),
            input_kept=_INPUT_KEPT.get(route.action, 0),
            looks_before=(wants_success or follows) and rules.needs_record_before(route),
            lists_tasks=follows and route.action in _LISTED,
            follows=follows,
            may_look_up=route.source not in _WITHOUT_LOOK_UP
            or route.action in (Action.UPLOAD, Action.PATCH),
        )
