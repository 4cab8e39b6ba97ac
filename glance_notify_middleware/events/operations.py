"""Which API call is which operation: one table, and one function that reads it.

ROUTES holds the calls of the Images API that change an image or send its data. Every other request
is no operation. Version 1 was removed from Glance in 2018; its calls here are those of its public
reference (Image service API v1).
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
    OWNER = enum.auto()  # a look-up of owner and size, which may be a minute old
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


_VERSION = re.compile(r"v([12])(\.\d+)?")
_LONGEST_VERSION = 16  # characters
_LIST_V1 = ["images", "detail"]  # a GET lists all images; `detail` is no id there
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_IMAGE_PATH = re.compile(r"(?:.*/)?v2(?:\.\d+)?/images/([^/]+)", re.DOTALL)
_MEDIA_TYPE = "application/vnd.openstack.images-"


def _patterns() -> dict[tuple[str, str, int], list[tuple[Route, list[str]]]]:
    """By version, method and number of components: the routes, and the components of their paths."""
    patterns: dict[tuple[str, str, int], list[tuple[Route, list[str]]]] = {}
    for route in ROUTES:
        components = route.path.split("/")
        key = (str(route.version), route.method, len(components))
        patterns.setdefault(key, []).append((route, components))
    return patterns


_PATTERNS = _patterns()


def match(
    method: str,
    path_info: str,
    script_name: str = "",
    query_string: str = "",
    content_type: str = "",
    accept: str = "",
) -> Operation | None:
    """The operation that a request asks for; None when the request is no operation.

    The texts are those of the WSGI environ. The version is the first component of PATH_INFO; only
    when it is not there, `_version_elsewhere` finds it.

    Every spelling that Glance answers is matched: its router and its cache filter ignore a line end
    after the path, and obey `?_method=` in part (see `_candidate_methods`).
    """
    path_info = path_info.removesuffix("\n")
    components = [component for component in path_info.split("/") if component]
    if not components or path_info.endswith("/"):
        return None  # Glance has no path that ends with a slash
    found = _VERSION.fullmatch(components[0])
    if found:
        root = f"/{components.pop(0)}/"
    else:
        found, root = _version_elsewhere(script_name, accept)
        if found is None:
            return None
    version = found[1]
    overrides = "_method" in query_string
    for candidate in _candidate_methods(method, query_string) if overrides else (method,):
        for route, pattern in _PATTERNS.get((version, candidate, len(components)), ()):
            names = _names(pattern, components)
            if names is not None and (method, route.action) != ("HEAD", Action.SEND):
                if route.version == 1 and candidate == "GET" and components == _LIST_V1:
                    return None
                if len(path_info) > LONGEST_ID:  # clients choose the ids, and they are kept
                    names = {word: bounded(name) for word, name in names.items()}
                    root = "/" if root == "/" else _root(found)
                return Operation(route, root, names.get("{image}"), names.get("{member}"))
    if method == "POST" and content_type.partition(";")[0].strip().lower() in _FORM_TYPES:
        # The Routes package also obeys _method in a form. Glance refuses all such requests for
        # their body or its type, except the PUT of a member: its body can be JSON and a form at
        # once.
        put = match("PUT", path_info, script_name, accept=accept)
        return put if put is not None and put.action is Action.MEMBER_UPDATE else None
    return None


def _version_elsewhere(script_name: str, accept: str) -> tuple[re.Match[str] | None, str]:
    """The version of a request whose path has none, and the root that its operation gets.

    The version can be the last component of SCRIPT_NAME (this filter stands below a mount at `/v2`),
    or the end of the accepted media type (this filter stands above the version negotiation of
    Glance, which goes by that type). A client can choose SCRIPT_NAME with X-Forwarded-Prefix, and
    must not hide a request behind it: version 2, which Glance has, counts before version 1.
    """
    mounted = _VERSION.fullmatch(script_name.rstrip("/").rpartition("/")[2])
    if mounted and mounted[1] == "2":
        return mounted, "/"
    if _MEDIA_TYPE in accept:
        # Glance reads the header with WebOb, too: so both understand every spelling alike.
        accepted = str(Request({"HTTP_ACCEPT": accept}).accept)
        found = _VERSION.fullmatch(accepted.removeprefix(_MEDIA_TYPE))
        if found and accepted.startswith(_MEDIA_TYPE):
            return found, _root(found)
    return mounted, "/"


def _root(version: re.Match[str]) -> str:
    """The part of a path up to the version, such as `/v2/`, as the client wrote it.

    A client can write any number of zeros into the minor version. A version of more than
    _LONGEST_VERSION characters is shortened to its major number.
    """
    return f"/{version[0]}/" if len(version[0]) <= _LONGEST_VERSION else f"/v{version[1]}/"


def shown_image_id(method: str, path_info: str, script_name: str = "") -> str | None:
    """The image id of a GET of a v2 image record in its usual spelling; None: another request."""
    found = _IMAGE_PATH.fullmatch(script_name + path_info) if method == "GET" else None
    return None if found is None else found[1]


def as_download(operation: Operation) -> Operation:
    """The download of the same image.

    The cache filter of Glance takes every GET for a download, whatever its `_method`. It handles
    version 2.
    """
    send = next(route for route in ROUTES if route.action is Action.SEND)
    return operation._replace(route=send)


def _names(pattern: list[str], components: list[str]) -> dict[str, str] | None:
    """The components for the `{words}` of a pattern; None when the pattern does not fit."""
    names = {}
    for expected, found in zip(pattern, components, strict=True):
        if expected.startswith("{"):
            names[expected] = found
        elif expected != found:
            return None
    return names


def _candidate_methods(method: str, query_string: str) -> list[str]:
    """The methods by which Glance may handle a request, the likeliest first.

    The router of Glance (the Routes package, `use_method_override`) obeys `?_method=`: with glance
    33.0.0 a GET of `/v2/images/{id}?_method=DELETE` deletes the image. The cache filter of Glance,
    above the router, does not: a GET is a download of the cached image, whatever the query is.
    Routes reads the query with WebOb. So it is read with WebOb here: both understand every spelling
    alike.
    """
    try:
        override = Request({"QUERY_STRING": query_string}).GET.get("_method")
    except UnicodeError:
        override = None
    if not override:
        return [method]
    return [override.upper(), "GET"] if method == "GET" else [override.upper()]
