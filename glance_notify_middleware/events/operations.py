"""Which API call is which operation: one table, and one function that reads it.

The calls are those of the Images API that change an image or send its data; whatever is not in
ROUTES is none of our business. Version 1 was removed from Glance in 2018; its calls are those of its
public reference (Image service API v1).
"""

import enum
import re
from dataclasses import dataclass
from typing import NamedTuple

from webob import Request

from glance_notify_middleware.events.bounds import LONGEST_ID, bounded
from glance_notify_middleware.events.notification import EventType


class Action(enum.Enum):
    """What a request asks Glance to do."""

    __hash__ = object.__hash__  # as fast as can be: a request is looked up by it many times

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
    TASK = enum.auto()  # an import by the tasks API, which creates the image
    MEMBER_CREATE = enum.auto()
    MEMBER_UPDATE = enum.auto()
    MEMBER_DELETE = enum.auto()
    CREATE_V1 = enum.auto()  # with or without data
    UPDATE_V1 = enum.auto()  # the same
    MEMBERS_V1 = enum.auto()  # all of them at once


class Source(enum.Enum):
    """Where the record comes from that the payload is made of."""

    ANSWER = enum.auto()  # the response's own body
    AFTER = enum.auto()  # a look-up when Glance has answered
    BEFORE = enum.auto()  # a look-up while the record still exists
    OWNER = enum.auto()  # a look-up of two fields that may be a minute old
    HEADERS = enum.auto()  # the response's own headers


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """One API call: `path` stands below the `version`; `{word}` is one segment of any text.

    A route is equal to itself alone, and so found in a table at once.
    """

    version: int
    method: str
    path: str
    action: Action
    success_events: tuple[EventType, ...]  # told when it succeeds
    failure_event: EventType  # told when it is refused or fails
    source: Source | None  # None: they tell no record


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
    """A request that is in the table: its route, and what its path names.

    `root` is what stands in PATH_INFO before the path of the route, such as `/v2/`. Ids that are
    longer than any of Glance's are shortened. `task_id` is the task that Glance made of it: its
    answer names that, no path does.
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
        """The id that a text names: the task's, where there is one, else the image's."""
        return self.task_id or self.image_id

    @property
    def record_path(self) -> str:
        """PATH_INFO of the record that the operation is about, for a look-up."""
        if self.image_id is None and self.task_id is not None:
            return f"{self.root}tasks/{self.task_id}"
        path = f"{self.root}images/{self.image_id}"
        return f"{path}/members/{self.member_id}" if self.member_id else path


_VERSION = re.compile(r"v([12])(\.\d+)?")
_LONGEST_VERSION = 16  # characters
_PATTERNS: dict[tuple[str, str, int], list[tuple[Route, list[str]]]] = {}  # by length, too
for _route in ROUTES:
    _pattern = _route.path.split("/")
    _key = (str(_route.version), _route.method, len(_pattern))
    _PATTERNS.setdefault(_key, []).append((_route, _pattern))
_LIST_V1 = ["images", "detail"]  # no image of that name: a GET of it lists them all
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
_RECORD = re.compile(r"(?:.*/)?v2(?:\.\d+)?/images/([^/]+)", re.DOTALL)
_MEDIA_TYPE = "application/vnd.openstack.images-"


def match(
    method: str,
    path_info: str,
    script_name: str = "",
    query_string: str = "",
    content_type: str = "",
    accept: str = "",
) -> Operation | None:
    """The operation that a request asks for; None when it is not in the table.

    The texts are those of the WSGI environ. The version is looked for in PATH_INFO, and only
    where it is not there elsewhere, see `_version_elsewhere`.

    Every spelling that Glance answers is understood: its router and its cache filter take a
    line end after the path for none, and obey `?_method=` in part, see `_methods`.
    """
    path_info = path_info.removesuffix("\n")
    segments = [segment for segment in path_info.split("/") if segment]
    if not segments or path_info.endswith("/"):
        return None  # Glance knows no path that ends in a slash
    found = _VERSION.fullmatch(segments[0])
    if found:
        root = f"/{segments.pop(0)}/"
    else:
        found, root = _version_elsewhere(script_name, accept)
        if found is None:
            return None
    version = found[1]
    for candidate in _methods(method, query_string) if "_method" in query_string else (method,):
        for route, pattern in _PATTERNS.get((version, candidate, len(segments)), ()):
            names = _names(pattern, segments)
            if names is not None and (method, route.action) != ("HEAD", Action.SEND):
                if route.version == 1 and candidate == "GET" and segments == _LIST_V1:
                    return None
                if len(path_info) > LONGEST_ID:  # clients choose them, and they are kept
                    names = {word: bounded(name) for word, name in names.items()}
                    root = "/" if root == "/" else _root(found)
                return Operation(route, root, names.get("{image}"), names.get("{member}"))
    if method == "POST" and content_type.partition(";")[0].strip().lower() in _FORMS:
        # Routes obeys _method in a form, too. Of what that can ask for Glance refuses all for
        # the body or its type, but the PUT of a member: it can be JSON and a form at once.
        put = match("PUT", path_info, script_name, accept=accept)
        return put if put is not None and put.action is Action.MEMBER_UPDATE else None
    return None


def _version_elsewhere(script_name: str, accept: str) -> tuple[re.Match[str] | None, str]:
    """The version of a request whose path has none, and what to put before its path.

    It can be the last segment of SCRIPT_NAME (the filter stands below a mount at `/v2`), or of
    the media type that is accepted (the filter stands above Glance's version negotiation, which
    goes by it). A client can make a SCRIPT_NAME with X-Forwarded-Prefix, and must not hide a
    request behind it: what says version 2, which Glance has, counts before what says 1.
    """
    mounted = _VERSION.fullmatch(script_name.rstrip("/").rpartition("/")[2])
    if mounted and mounted[1] == "2":
        return mounted, "/"
    if _MEDIA_TYPE in accept:
        # Read with WebOb, as Glance does, so that both understand every spelling alike.
        accepted = str(Request({"HTTP_ACCEPT": accept}).accept)
        found = _VERSION.fullmatch(accepted.removeprefix(_MEDIA_TYPE))
        if found and accepted.startswith(_MEDIA_TYPE):
            return found, _root(found)
    return mounted, "/"


def _root(version: re.Match[str]) -> str:
    """What stands before the path below a version, such as `/v2/`: as the client wrote it, unless
    it took any number of zeros for a minor version."""
    return f"/{version[0]}/" if len(version[0]) <= _LONGEST_VERSION else f"/v{version[1]}/"


def shown_image_id(method: str, path_info: str, script_name: str = "") -> str | None:
    """The id of the image whose record is asked for, as that is spelled mostly; None: no such."""
    found = _RECORD.fullmatch(script_name + path_info) if method == "GET" else None
    return None if found is None else found[1]


def as_download(operation: Operation) -> Operation:
    """The same image, sent: what Glance's cache filter makes of a GET whatever its `_method`.

    Of version 2, as Glance's cache filter is.
    """
    send = next(route for route in ROUTES if route.action is Action.SEND)
    return operation._replace(route=send)


def _names(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """What the `{words}` of a pattern stand for, or None when it does not fit."""
    names = {}
    for expected, found in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected] = found
        elif expected != found:
            return None
    return names


def _methods(method: str, query_string: str) -> list[str]:
    """The methods that Glance may take a request for, the likeliest first.

    Its router (the Routes package, `use_method_override`) obeys `?_method=`: on glance 33.0.0
    a GET of `/v2/images/{id}?_method=DELETE` deletes. Its cache filter, above the router, does
    not: a GET is a download of what is cached, whatever the query says. It is read with
    WebOb, as Routes does, so that both understand every spelling alike.
    """
    try:
        override = Request({"QUERY_STRING": query_string}).GET.get("_method")
    except UnicodeError:
        override = None
    if not override:
        return [method]
    return [override.upper(), "GET"] if method == "GET" else [override.upper()]
