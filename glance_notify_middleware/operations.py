"""Which API call is which operation: one table, and one function that reads it.

The calls are those of the Images API v2 that change an image or send its data;
whatever is not in ROUTES is none of our business.
"""

import enum
import re
from dataclasses import dataclass

from webob import Request

from glance_notify_middleware.notification import EventType


class Action(enum.Enum):
    """What a request asks Glance to do."""

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
    MEMBER_CREATE = enum.auto()
    MEMBER_UPDATE = enum.auto()
    MEMBER_DELETE = enum.auto()


class Record(enum.Enum):
    """Where the record comes from that the payload is made of."""

    ANSWER = enum.auto()  # the response's own body
    AFTER = enum.auto()  # a look-up when Glance has answered
    BEFORE = enum.auto()  # a look-up while the record still exists
    OWNER = enum.auto()  # a look-up of two fields that may be a minute old


@dataclass(frozen=True, slots=True)
class Route:
    """One API call: `path` stands below the version; `{word}` is one segment of any text."""

    method: str
    path: str
    action: Action
    events: tuple[EventType, ...]  # told when it succeeds
    refused: EventType  # told when it is refused or fails
    record: Record | None  # None: they tell no record


_TYPE = EventType
_UPDATE = (EventType.UPDATE,)
_UPLOAD = (EventType.PREPARE, EventType.UPLOAD, EventType.ACTIVATE)
_PATCH = (EventType.UPDATE, EventType.ACTIVATE)

# fmt: off
ROUTES = (
    Route("POST",   "images",                            Action.CREATE,        (_TYPE.CREATE,),        _TYPE.CREATE,        Record.ANSWER),
    Route("PUT",    "images/{image}/file",               Action.UPLOAD,        _UPLOAD,                _TYPE.UPLOAD,        Record.AFTER),
    Route("PUT",    "images/{image}/stage",              Action.STAGE,         _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("GET",    "images/{image}/file",               Action.SEND,          (_TYPE.SEND,),          _TYPE.SEND,          Record.OWNER),
    Route("PATCH",  "images/{image}",                    Action.PATCH,         _PATCH,                 _TYPE.UPDATE,        Record.ANSWER),
    Route("POST",   "images/{image}/actions/deactivate", Action.DEACTIVATE,    _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("POST",   "images/{image}/actions/reactivate", Action.REACTIVATE,    _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("PUT",    "images/{image}/tags/{tag}",         Action.TAG,           _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("DELETE", "images/{image}/tags/{tag}",         Action.TAG,           _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("DELETE", "stores/{store}/{image}",            Action.STORE_DELETE,  _UPDATE,                _TYPE.UPDATE,        Record.AFTER),
    Route("DELETE", "images/{image}",                    Action.DELETE,        (_TYPE.DELETE,),        _TYPE.DELETE,        Record.BEFORE),
    Route("POST",   "images/{image}/members",            Action.MEMBER_CREATE, (_TYPE.MEMBER_CREATE,), _TYPE.MEMBER_CREATE, Record.ANSWER),
    Route("PUT",    "images/{image}/members/{member}",   Action.MEMBER_UPDATE, (_TYPE.MEMBER_UPDATE,), _TYPE.MEMBER_UPDATE, Record.ANSWER),
    Route("DELETE", "images/{image}/members/{member}",   Action.MEMBER_DELETE, (_TYPE.MEMBER_DELETE,), _TYPE.MEMBER_DELETE, Record.BEFORE),
)
# fmt: on


@dataclass(frozen=True, slots=True)
class Operation:
    """A request that is in the table: its route, and what its path names.

    `root` is what stands in PATH_INFO before the path of the route, such as `/v2/`.
    """

    route: Route
    root: str
    image_id: str | None = None
    member_id: str | None = None

    @property
    def action(self) -> Action:
        return self.route.action

    @property
    def record_path(self) -> str:
        """PATH_INFO of the record that the operation is about, for a look-up."""
        path = f"{self.root}images/{self.image_id}"
        return f"{path}/members/{self.member_id}" if self.member_id else path


_VERSION = re.compile(r"v2(\.\d+)?")
_BY_SHAPE: dict[tuple[str, int], list[tuple[Route, list[str]]]] = {}
for _route in ROUTES:
    _pattern = _route.path.split("/")
    _BY_SHAPE.setdefault((_route.method, len(_pattern)), []).append((_route, _pattern))


def match(method: str, path_info: str, script_name: str, query_string: str) -> Operation | None:
    """The operation that a request asks for; None when it is not in the table.

    The four texts are those of the WSGI environ. The version is looked for in
    PATH_INFO, and only where it is not there in the last segment of SCRIPT_NAME
    (the filter stands below a mount at `/v2`): a client can make a SCRIPT_NAME with
    X-Forwarded-Prefix, and must not hide a request behind it.
    """
    sends_no_body = method == "HEAD"
    if "_method" in query_string:
        method = _overridden(query_string) or method
    segments = path_info.split("/")
    last = segments[-1]
    segments = [segment for segment in segments if segment]
    if not last or not segments:
        return None  # Glance knows no path that ends in a slash
    if _VERSION.fullmatch(segments[0]):
        root = f"/{segments.pop(0)}/"
    elif _VERSION.fullmatch(script_name.rstrip("/").rpartition("/")[2]):
        root = "/"
    else:
        return None
    for route, pattern in _BY_SHAPE.get((method, len(segments)), ()):
        names = _names(pattern, segments)
        if names is not None and not (sends_no_body and route.action is Action.SEND):
            return Operation(route, root, names.get("{image}"), names.get("{member}"))
    return None


def _names(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    """What the `{words}` of a pattern stand for, or None when it does not fit."""
    names = {}
    for expected, found in zip(pattern, segments, strict=True):
        if expected.startswith("{"):
            names[expected] = found
        elif expected != found:
            return None
    return names


def _overridden(query_string: str) -> str | None:
    """The method that `?_method=` asks for.

    Glance's router (the Routes package, `use_method_override`) obeys it: on glance
    33.0.0 a GET of `/v2/images/{id}?_method=DELETE` deletes. Read with WebOb, as Routes
    does, so that both understand every spelling alike. (Routes looks for it in a POSTed form,
    too; Glance refuses those for their body or their content type before anything is done.)
    """
    try:
        method: str | None = Request({"QUERY_STRING": query_string}).GET.get("_method")
    except UnicodeError:
        return None
    return method.upper() if method else None
