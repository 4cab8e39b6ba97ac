"""Finds the operation that a request is, in every spelling that Glance answers."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from webob import Request

from glance_notify_middleware.events.bounds import LONGEST_ID, bounded
from glance_notify_middleware.events.operations import ROUTES, Action, Operation, Route

_VERSION = re.compile(r"v([12])(\.\d+)?")
_usual_version = {text: _VERSION.fullmatch(text) for text in ("v2", "v1")}.get
_LONGEST_VERSION = 16  # characters
_LIST_V1 = ["images", "detail"]  # a GET lists all images; `detail` is no id there
_FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
_IMAGE_PATH = re.compile(r"(?:.*/)?v2(?:\.\d+)?/images/([^/]+)", re.DOTALL)
_MEDIA_TYPE = "application/vnd.openstack.images-"


class _Pattern(NamedTuple):
    """The path of a route, by its components: the fixed ones, and the places of the two ids."""

    route: Route
    fixed: tuple[tuple[int, str], ...]
    image_at: int | None
    member_at: int | None

    @classmethod
    def of(cls, route: Route) -> Self:
        places = {component: at for at, component in enumerate(route.path.split("/"))}
        fixed = tuple((at, text) for text, at in places.items() if not text.startswith("{"))
        return cls(route, fixed, places.get("{image}"), places.get("{member}"))


def _patterns() -> dict[tuple[str, str, int], list[_Pattern]]:
    """The patterns of ROUTES by version, method and number of components."""
    patterns: dict[tuple[str, str, int], list[_Pattern]] = {}
    for route in ROUTES:
        key = (str(route.version), route.method, route.path.count("/") + 1)
        patterns.setdefault(key, []).append(_Pattern.of(route))
    return patterns


_PATTERNS = _patterns()


def is_plain_read(environ: Mapping[str, Any]) -> bool:
    """Whether a request reads a record, a list or a schema of version 2 in its usual spelling.

    Then it is no operation, whatever the rest of its WSGI environ is. False says nothing: `match`
    decides. Most requests of a Glance are plain reads, so this takes next to no time.
    """
    if environ["REQUEST_METHOD"] != "GET":
        return False
    path_info = environ.get("PATH_INFO", "")
    return (
        path_info[:3] == "/v2"
        and "/file" not in path_info
        and "_method" not in environ.get("QUERY_STRING", "")
    )


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
    components = list(filter(None, path_info.split("/")))
    if not components or path_info.endswith("/"):
        return None  # Glance has no path that ends with a slash
    found = _usual_version(components[0]) or _VERSION.fullmatch(components[0])
    if found:
        root = f"/{components.pop(0)}/"
    else:
        found, root = _version_elsewhere(script_name, accept)
        if found is None:
            return None
    version, count = found[1], len(components)
    overrides = "_method" in query_string
    for candidate in _candidate_methods(method, query_string) if overrides else (method,):
        for route, fixed, image_at, member_at in _PATTERNS.get((version, candidate, count), ()):
            for at, text in fixed:
                if components[at] != text:
                    break
            else:
                if method == "HEAD" and route.action is Action.SEND:
                    continue
                if version == "1" and candidate == "GET" and components == _LIST_V1:
                    return None
                image = None if image_at is None else components[image_at]
                member = None if member_at is None else components[member_at]
                if len(path_info) > LONGEST_ID:  # clients choose the ids, and they are kept
                    image, member = bounded(image), bounded(member)
                    root = "/" if root == "/" else _root(found)
                return Operation(route, root, image, member)
    if method == "POST" and content_type.partition(";")[0].strip().lower() in _FORM_TYPES:
        # The Routes package also obeys _method in a form. Glance refuses all such requests for
        # their body or its type, except the PUT of a member: its body can be JSON and a form at
        # once.
        put = match("PUT", path_info, script_name, accept=accept)
        return put if put is not None and put.action is Action.MEMBER_UPDATE else None
    return None


def _version_elsewhere(script_name: str, accept: str) -> tuple[re.Match[str] | None, str]:
    """The version of a request whose path has none, and the root that its operation gets.

    The version can be the last component of SCRIPT_NAME, as this filter can stand below a mount at
    `/v2`. It can be the end of the accepted media type, as this filter can stand above the version
    negotiation of Glance, which goes by that type. A client can choose SCRIPT_NAME with
    X-Forwarded-Prefix, and must not hide a request behind it: version 2, which Glance has, counts
    before version 1.
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
