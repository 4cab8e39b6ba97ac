"""Every route of Glance's own routers is an operation, or is listed here as changing no image.

A Glance that has another route fails these tests: then the route has to be added to one of the two.
"""

import configparser
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from demo.glance import STOCK_PASTE_FILE
from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.operations import ROUTES
from tests.glance.conftest import InProcess

Call = tuple[str, str]  # the method, and the path below /v2

READS = {
    ("GET", path)
    for path in (
        *("/images", "/images/{image_id}", "/images/{image_id}/tasks"),
        *("/images/{image_id}/locations", "/images/{image_id}/members"),
        *("/images/{image_id}/members/{member_id}", "/tasks", "/tasks/{task_id}"),
        *("/info/import", "/info/stores", "/info/stores/detail", "/info/usage"),
        *("/cache", "/cache/nodes/{image_id}", "/cached_images", "/queued_images"),
        *("/schemas/image", "/schemas/images", "/schemas/member", "/schemas/members"),
        *("/schemas/task", "/schemas/tasks"),
        *(
            f"/schemas/metadefs/{kind}{s}"
            for kind in ("namespace", "object", "resource_type", "tag")
            for s in ("", "s")
        ),
        *("/schemas/metadefs/property", "/schemas/metadefs/properties"),
    )
}
"""Routes that only read records, and send no image data."""

KEEPS_A_COPY = {
    ("DELETE", "/cache"),
    ("DELETE", "/cache/{image_id}"),
    ("PUT", "/cache/{image_id}"),
    ("POST", "/cache/clean"),
    ("POST", "/cache/prune"),
    ("DELETE", "/cached_images"),
    ("DELETE", "/cached_images/{image_id}"),
    ("DELETE", "/queued_images"),
    ("DELETE", "/queued_images/{image_id}"),
    ("PUT", "/queued_images/{image_id}"),
}
"""Routes that fill and empty the cache of one node: the image stays as it is, and no client gets
its data."""

ALWAYS_REFUSED = {("DELETE", "/tasks/{task_id}")}
"""Routes that Glance 33 always answers with 405."""

REDIRECTED = {("(any)", "/")}
"""The root of each router of Glance: only a redirect to it."""

DEFINITIONS = "/metadefs/"
"""The path of the definitions of metadata, which belong to no image."""

NO_IMAGE = READS | KEEPS_A_COPY | ALWAYS_REFUSED | REDIRECTED

APPLICATIONS = {
    "app:apiversions": "glance.api.versions:create_resource",
    "app:apiv2app": "glance.api.v2.router:API.factory",
    "app:healthcheck": "oslo_middleware:Healthcheck.app_factory",
}
"""The applications of the stock paste file; only `apiv2app` routes by its path."""

FILTERS = {
    *("authtoken", "cache", "cachemanage", "context", "cors", "gzip", "http_proxy_to_wsgi"),
    *("osprofiler", "unauthenticated-context", "versionnegotiation"),
}
"""The filters of the stock paste file; `cachemanage` has routes, and `cache` answers downloads."""


def routes(mapper: Any) -> Iterator[Call]:
    """Each method and path that a mapper of the Routes package gives to a controller."""
    for route in mapper.matchlist:
        if route.defaults.get("action") != "reject":
            for method in (route.conditions or {}).get("method", ["(any)"]):
                yield method, "/" + route.routepath.removeprefix("/").removeprefix("v2/")


def unclassified(calls: Iterable[Call]) -> list[Call]:
    """The calls that are neither an operation nor listed as changing no image, or that are both."""
    return [
        (method, path)
        for method, path in calls
        if (match(method, f"/v2{path}") is not None)
        == ((method, path) in NO_IMAGE or path.startswith(DEFINITIONS))
    ]


@pytest.fixture
def found(in_process: InProcess) -> set[Call]:
    """The routes of the API and of the cache's management."""
    from glance.api.middleware import cache_manage  # type: ignore[import-untyped]
    from glance.api.v2 import router  # type: ignore[import-untyped]
    from glance.common import wsgi  # type: ignore[import-untyped]

    mapper = wsgi.APIMapper()
    router.API(mapper)
    managed = cache_manage.CacheManageFilter(None)._mapper
    return {*routes(mapper), *routes(managed)}


def test_every_route_is_an_operation_or_changes_no_image(found: set[Call]) -> None:
    assert len(found) > 80
    assert unclassified(found) == []


def test_operations_and_listed_calls_are_routes_of_glance(found: set[Call]) -> None:
    """An entry that Glance does not have could hide a new route."""
    assert not NO_IMAGE - found
    of_operations = {
        (route.method, "/" + re.sub(r"\{\w+\}", "{}", route.path))
        for route in ROUTES
        if route.version == 2
    }
    of_glance = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in found}
    assert not of_operations - of_glance


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "/images/{image_id}/clone"),
        ("PUT", "/tasks/{task_id}"),
        ("(any)", "/images/{image_id}/file"),
        ("GET", "/metadefs"),
    ],
)
def test_new_route_of_glance_is_found(call: Call) -> None:
    assert unclassified([call]) == [call]


def test_stock_paste_file_has_the_listed_applications_and_filters() -> None:
    paste = configparser.ConfigParser(interpolation=None)
    paste.read_string(STOCK_PASTE_FILE.read_text())
    applications = {
        name: paste[name]["paste.app_factory"]
        for name in paste.sections()
        if name.startswith("app:")
    }
    filters = {name[7:] for name in paste.sections() if name.startswith("filter:")}
    assert applications == APPLICATIONS
    assert filters == FILTERS
