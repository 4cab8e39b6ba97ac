"""Which API call is which operation: the table of them. `matching` reads it.

ROUTES holds the calls of the Images API that change an image or send its data. Every other request
is no operation. Version 1 was removed from Glance in 2018; its calls here are those of its public
reference (Image service API v1).
"""

import enum
from dataclasses import dataclass
from typing import NamedTuple

from glance_notify_middleware.events.notification import EventType


class Action(enum.Enum):
    """What a request asks Glance to do."""

    __hash__ = object.__hash__  # the fastest one; a request hashes an action many times

    CREATE = enum.auto()
    UPLOAD = enum.auto()
    STAGE = enum.auto()
    SEND = enum.auto()
    PATCH = enum.auto()
    DEACTIVATE = enum.auto()
    REACTIVATE = enum.auto()
    TAG = enum.auto()
    STORE_DELETE = enum.auto()
    DELETE = enum.auto()
    IMPORT = enum.auto()
    ADD_LOCATION = enum.auto()
    TASK = enum.auto()  # an import by the tasks API, which creates the image itself
    MEMBER_CREATE = enum.auto()
    MEMBER_UPDATE = enum.auto()
    MEMBER_DELETE = enum.auto()
    CREATE_V1 = enum.auto()  # with or without data
    UPDATE_V1 = enum.auto()  # with or without data
    MEMBERS_V1 = enum.auto()  # replaces all members at once


class Source(enum.Enum):
    """Where the record for a payload, an image record or a member record, comes from."""

    ANSWER = enum.auto()  # the body of the response
    AFTER = enum.auto()  # a look-up after Glance has answered
    BEFORE = enum.auto()  # a look-up before the request, while the record still exists
    OWNER = enum.auto()  # a look-up of owner and size, which may come from a cache
    HEADERS = enum.auto()  # the headers of the response


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One API call.

    `path` is the path below the version; `{word}` stands for one component of any text. A route is
    equal to itself alone, so that a look-up in a table by route is fast.
    """

    version: int
    method: str
    path: str
    action: Action
    success_events: tuple[EventType, ...]  # can be emitted when the operation succeeds
    failure_event: EventType  # emitted when the operation is refused or fails
    source: Source | None  # None: the success events need no record


_UPDATE = (EventType.UPDATE,)
_UPLOAD = (EventType.PREPARE, EventType.UPLOAD, EventType.ACTIVATE)
_PATCH = (EventType.UPDATE, EventType.ACTIVATE)
_TASK = (EventType.CREATE, *_UPLOAD)
_CREATE_V1 = (EventType.CREATE, *_UPLOAD)
_UPDATE_V1 = (*_UPLOAD, EventType.UPDATE)

# fmt: off
ROUTES = (
    Route(2, "POST",   "images",                            Action.CREATE,        (EventType.CREATE,),        EventType.CREATE,        Source.ANSWER),
    Route(2, "PUT",    "images/{image}/file",               Action.UPLOAD,        _UPLOAD,                    EventType.UPLOAD,        Source.AFTER),
    Route(2, "PUT",    "images/{image}/stage",              Action.STAGE,         _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "POST",   "images/{image}/import",             Action.IMPORT,        _UPLOAD,                    EventType.UPLOAD,        Source.AFTER),
    Route(2, "POST",   "images/{image}/locations",          Action.ADD_LOCATION,  _PATCH,                     EventType.UPDATE,        Source.AFTER),
    Route(2, "POST",   "tasks",                             Action.TASK,          _TASK,                      EventType.CREATE,        Source.AFTER),
    Route(2, "GET",    "images/{image}/file",               Action.SEND,          (EventType.SEND,),          EventType.SEND,          Source.OWNER),
    Route(2, "PATCH",  "images/{image}",                    Action.PATCH,         _PATCH,                     EventType.UPDATE,        Source.ANSWER),
    Route(2, "POST",   "images/{image}/actions/deactivate", Action.DEACTIVATE,    _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "POST",   "images/{image}/actions/reactivate", Action.REACTIVATE,    _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "PUT",    "images/{image}/tags/{tag}",         Action.TAG,           _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "DELETE", "images/{image}/tags/{tag}",         Action.TAG,           _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "DELETE", "stores/{store}/{image}",            Action.STORE_DELETE,  _UPDATE,                    EventType.UPDATE,        Source.AFTER),
    Route(2, "DELETE", "images/{image}",                    Action.DELETE,        (EventType.DELETE,),        EventType.DELETE,        Source.BEFORE),
    Route(2, "POST",   "images/{image}/members",            Action.MEMBER_CREATE, (EventType.MEMBER_CREATE,), EventType.MEMBER_CREATE, Source.ANSWER),
    Route(2, "PUT",    "images/{image}/members/{member}",   Action.MEMBER_UPDATE, (EventType.MEMBER_UPDATE,), EventType.MEMBER_UPDATE, Source.ANSWER),
    Route(2, "DELETE", "images/{image}/members/{member}",   Action.MEMBER_DELETE, (EventType.MEMBER_DELETE,), EventType.MEMBER_DELETE, Source.BEFORE),
    Route(1, "POST",   "images",                            Action.CREATE_V1,     _CREATE_V1,                 EventType.CREATE,        Source.ANSWER),
    Route(1, "PUT",    "images/{image}",                    Action.UPDATE_V1,     _UPDATE_V1,                 EventType.UPDATE,        Source.ANSWER),
    Route(1, "GET",    "images/{image}",                    Action.SEND,          (EventType.SEND,),          EventType.SEND,          Source.HEADERS),
    Route(1, "DELETE", "images/{image}",                    Action.DELETE,        (EventType.DELETE,),        EventType.DELETE,        Source.BEFORE),
    Route(1, "PUT",    "images/{image}/members",            Action.MEMBERS_V1,    (EventType.MEMBER_UPDATE,), EventType.MEMBER_UPDATE, None),
    Route(1, "PUT",    "images/{image}/members/{member}",   Action.MEMBER_CREATE, (EventType.MEMBER_CREATE,), EventType.MEMBER_CREATE, None),
    Route(1, "DELETE", "images/{image}/members/{member}",   Action.MEMBER_DELETE, (EventType.MEMBER_DELETE,), EventType.MEMBER_DELETE, None),
)
# fmt: on


class Operation(NamedTuple):
    """A request of the table ROUTES: its route, and the ids that its path names.

    `root` is the part of PATH_INFO before the path of the route, such as `/v2/`. Ids that are
    longer than any id of Glance are shortened. `task_id` is the id of the task that Glance made of
    the request; it comes from Glance's answer, and not from the path.
    """

    route: Route
    root: str
    image_id: str | None = None
    member_id: str | None = None
    task_id: str | None = None

    @property
    def action(self) -> Action:
        return self.route.action

    @property
    def subject_id(self) -> str | None:
        """The id that the text of an event names: that of the task, if any, else of the image."""
        return self.task_id or self.image_id

    @property
    def record_path(self) -> str:
        """PATH_INFO for a look-up of the image record, member record or task record."""
        if self.image_id is None and self.task_id is not None:
            return f"{self.root}tasks/{self.task_id}"
        path = f"{self.root}images/{self.image_id}"
        return f"{path}/members/{self.member_id}" if self.member_id else path


def as_download(operation: Operation) -> Operation:
    """The download of the same image.

    The cache filter of Glance takes every GET for a download, whatever its `_method`. It handles
    version 2.
    """
    send = next(route for route in ROUTES if route.action is Action.SEND)
    return operation._replace(route=send)
