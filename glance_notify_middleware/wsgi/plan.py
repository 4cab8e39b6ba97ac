"""What the requests of a route are watched for: decided once per route, from the options."""

from dataclasses import dataclass
from typing import Self

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.deferred import ACTION_NAMES
from glance_notify_middleware.events.notification import EventType, Priority
from glance_notify_middleware.events.operations import Action, Route, Source
from glance_notify_middleware.events.rules import Wants
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
_LISTED_AS_TASKS = (Action.IMPORT, Action.ADD_LOCATION)  # by Glance, below the image


@dataclass(frozen=True, slots=True)
class LookupPlan:
    """The look-ups that the requests of a route may make, in the order in which they are made."""

    # Before the application is called.
    # The image, if background work on it is followed. The operation may change the image so that
    # a later look-up cannot show how that work ended.
    followed_work: bool
    record_before: bool  # the record that the operation is about
    task_listing: bool  # the image's tasks, to know the operation's own task from them later

    # While the application reads the request.
    record_at_prepare: bool  # the image, when the first bytes of its data are read
    record_before_locations: bool  # the image, when the patch may change its locations

    # When the application has answered.
    owner: bool  # owner and size of an image that is sent; they may come from a cache
    owner_early: bool  # the same, while the body is sent: else only if they are needed
    record_after: bool  # the image, where the events carry its record

    @classmethod
    def of(cls, route: Route, wants: Wants, *, wants_success: bool, follows: bool) -> Self:
        """The plan of `route`; `follows` is that of RoutePlan."""
        is_upload, is_patch = route.action is Action.UPLOAD, route.action is Action.PATCH
        # An upload may turn out to be a download, see observation.may_be_cached.
        may_send = route.source is Source.OWNER or is_upload
        wants_sent = wants(EventType.SEND, Priority.INFO)
        return cls(
            followed_work=route.action is not Action.SEND,
            record_before=(wants_success or follows) and rules.needs_record_before(route),
            task_listing=follows and route.action in _LISTED_AS_TASKS,
            record_at_prepare=is_upload and wants(EventType.PREPARE, Priority.INFO),
            record_before_locations=is_patch and wants(EventType.ACTIVATE, Priority.INFO),
            owner=may_send and (wants_sent or wants(EventType.SEND, Priority.ERROR)),
            owner_early=may_send and wants_sent,
            record_after=wants_success and route.source is Source.AFTER,
        )


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """What the requests of a route are watched for, as the operator wants their events.

    `begins`: an intent is recorded before the call. `input_kept` is how many bytes of the request's
    body are kept; 0: the input is not watched. `may_send_data`: the body of the response can be
    image data. `deferred`: an event of success can be stored with Glance's answer as it is.
    `follows`: background work is followed. `looks_up`: a look-up can be made, as the requester;
    `looks_first`: one is made before the call, whatever the process follows.
    """

    route: Route
    begins: bool
    input_kept: int
    may_send_data: bool
    deferred: bool
    follows: bool
    lookups: LookupPlan
    looks_up: bool
    looks_first: bool

    @classmethod
    def of(cls, route: Route, wants: Wants) -> Self:
        """The plan of `route`."""
        wants_success = any(wants(event_type, Priority.INFO) for event_type in route.success_events)
        wants_outcome = wants_success or wants(route.failure_event, Priority.ERROR)
        follows = wants_outcome and route.action in rules.BACKGROUND_STATUS
        lookups = LookupPlan.of(route, wants, wants_success=wants_success, follows=follows)
        return cls(
            route=route,
            begins=wants(route.failure_event, Priority.ERROR),
            input_kept=_INPUT_KEPT.get(route.action, 0),
            may_send_data=route.action in (Action.SEND, Action.UPLOAD),
            deferred=route in ACTION_NAMES
            and route.action is not Action.SEND
            and wants(route.success_events[0], Priority.INFO),
            follows=follows,
            lookups=lookups,
            looks_first=lookups.record_before or lookups.task_listing,
            looks_up=follows
            or lookups.record_before
            or lookups.record_at_prepare
            or lookups.record_before_locations
            or lookups.owner
            or lookups.record_after,
        )
