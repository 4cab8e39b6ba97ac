"""The table of routes agrees with Glance's own router for many spellings of each request."""

import itertools
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from glance_notify_middleware.events.matching import is_plain_read, match
from tests.glance.conftest import InProcess
from tests.wsgi.doubles import environ

IMAGE = "2b1c1b5e-0000-4000-8000-000000000001"
PATHS = (
    "/images",
    f"/images/{IMAGE}",
    f"/images/{IMAGE}/file",
    f"/images/{IMAGE}/stage",
    f"/images/{IMAGE}/import",
    f"/images/{IMAGE}/locations",
    f"/images/{IMAGE}/tasks",
    "/tasks",
    f"/tasks/{IMAGE}",
    f"/cache/{IMAGE}",
    "/info/import",
    f"/images/{IMAGE}/actions/deactivate",
    f"/images/{IMAGE}/actions/reactivate",
    f"/images/{IMAGE}/tags/t",
    f"/images/{IMAGE}/members",
    f"/images/{IMAGE}/members/m",
    f"/stores/s/{IMAGE}",
    "/schemas/image",
    "/metadefs/namespaces/n",
)
ENDINGS = ("", "/", "\n", "\n\n", "\r", " ", ".json", ";a", "/..", "%0a", "\x00", "\xe9")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "get", "put")
QUERIES = (
    *("", "_method=PUT", "_method=delete", "_method=GET", "_method=POST;x", "%5fmethod=PUT"),
    *(
        "a=1&_method=PATCH",
        "_method=",
        "_method=PUT&_method=DELETE",
        "_method=put%20",
        "_method=%FF",
    ),
)

# The action of each controller of Glance that the table of routes knows; the others emit no event.
ACTIONS = {
    ("ImagesController", "create"): "CREATE",
    ("ImagesController", "update"): "PATCH",
    ("ImagesController", "delete"): "DELETE",
    ("ImagesController", "delete_from_store"): "STORE_DELETE",
    ("ImagesController", "import_image"): "IMPORT",
    ("ImagesController", "add_location"): "ADD_LOCATION",
    ("TasksController", "create"): "TASK",
    ("ImageDataController", "upload"): "UPLOAD",
    ("ImageDataController", "stage"): "STAGE",
    ("ImageDataController", "download"): "SEND",
    ("ImageActionsController", "deactivate"): "DEACTIVATE",
    ("ImageActionsController", "reactivate"): "REACTIVATE",
    ("Controller", "update"): "TAG",
    ("Controller", "delete"): "TAG",
    ("ImageMembersController", "create"): "MEMBER_CREATE",
    ("ImageMembersController", "update"): "MEMBER_UPDATE",
    ("ImageMembersController", "delete"): "MEMBER_DELETE",
}


class Router:
    """Glance's router, which reports the action that it would have called."""

    def __init__(self) -> None:
        from glance.api.v2 import router  # type: ignore[import-untyped]
        from glance.common import wsgi  # type: ignore[import-untyped]
        from routes.middleware import RoutesMiddleware  # type: ignore[import-untyped]

        mapper = wsgi.APIMapper()
        router.API(mapper)
        self._app = RoutesMiddleware(self._note, mapper)
        self._found: tuple[str | None, str | None, str | None] = (None, None, None)

    def action(self, method: str, path: str, query: str) -> tuple[str | None, ...]:
        """The action, the image and the member that a request below /v2 is routed to."""
        self._found = (None, None, None)
        self._app(environ(method, path, QUERY_STRING=query), lambda *_: None)
        return self._found

    def _note(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        names: dict[str, Any] = environ["wsgiorg.routing_args"][1]
        resource = names.get("controller")
        controller = type(getattr(resource, "controller", None)).__name__
        action = ACTIONS.get((controller, names.get("action", "")))
        self._found = (
            (action, names.get("image_id"), names.get("member_id")) if action else (None,) * 3
        )
        return []


def test_exactly_the_requests_that_glances_router_acts_on_are_matched(
    in_process: InProcess,
) -> None:
    router = Router()
    compared = acted = plain = 0
    wrong = []
    for path, ending, method, query in itertools.product(PATHS, ENDINGS, METHODS, QUERIES):
        expected = router.action(method, path + ending, query)
        if method == "HEAD" and expected[0] == "SEND":
            expected = (None, None, None)  # it is answered without a body
        if method == "GET" and expected[0] is None and "_method" in query:
            # The cache filter, which stands above the router, may still answer it.
            expected = router.action(method, path + ending, "")
        found = match(method, f"/v2{path}{ending}", "", query)
        matched = (
            (found.action.name, found.image_id, found.member_id) if found else (None, None, None)
        )
        if is_plain_read(environ(method, f"/v2{path}{ending}", QUERY_STRING=query)):
            plain += 1
            matched = (None, None, None)
        compared += 1
        acted += expected[0] is not None
        if matched != expected:
            wrong.append((method, path + ending, query, expected, matched))
    assert not wrong, wrong[:10]
    assert compared == len(PATHS) * len(ENDINGS) * len(METHODS) * len(QUERIES) == 22_572
    assert acted > 500
    assert plain > 200
