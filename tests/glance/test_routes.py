"""Every route of Glance's own routers is an operation here, or is known to change no image.

A Glance that has another route fails this: somebody has to say which of the two it is.
"""

import configparser
import re
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from demo.glance import STOCK_PASTE_FILE
from glance_notify_middleware.events.operations import ROUTES, match
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
"""What only reads records, and sends no image's data."""

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
"""What fills and empties the cache of one node: the image stays as it is, and nobody gets it."""

ALWAYS_REFUSED = {("DELETE", "/tasks/{task_id}")}
"""What Glance 33 answers with 405 to everybody."""

REDIRECTED = {("(any)", "/")}
"""The root of each router of Glance's: nothing but a redirect to it."""

DEFINITIONS = "/metadefs/"
"""Below it are definitions of metadata, of which no image is a part."""

NO_IMAGE = READS | KEEPS_A_COPY | ALWAYS_REFUSED | REDIRECTED

APPLICATIONS = {
    "app:apiversions": "glance.api.versions:create_resource",
    "app:apiv2app": "glance.api.v2.router:API.factory",
    "app:healthcheck": "oslo_middleware:Healthcheck.app_factory",
}
"""What the stock paste file has; of these `apiv2app` alone routes by its path."""

FILTERS = {
    *("authtoken", "cache", "cachemanage", "context", "cors", "gzip", "http_proxy_to_wsgi"),
    *("osprofiler", "unauthenticated-context", "versionnegotiation"),
}
"""Those of the stock paste file: `cachemanage` has routes, and `cache` answers downloads."""


def routes(mapper: Any) -> Iterator[Call]:
    """Each method and path that a mapper of the Routes package gives to somebody."""
    for route in mapper.matchlist:
        if route.defaults.get("action") != "reject":
            for method in (route.conditions or {}).get("method", ["(any)"]):
                yield method, "/" + route.routepath.removeprefix("/").removeprefix("v2/")


def unclassified(calls: Iterable[Call]) -> list[Call]:
    """Those that are neither an operation nor known to change no image, or both."""
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


def test_each_route_is_an_operation_or_changes_no_image(found: set[Call]) -> None:
    assert len(found) > 80
    assert unclassified(found) == []


def test_what_is_listed_and_each_operation_is_a_route_of_glances(found: set[Call]) -> None:
    """Nothing stands in the lists that Glance does not have, so that no entry hides a new route."""
    assert not NO_IMAGE - found
    ours = {
        (route.method, "/" + re.sub(r"\{\w+\}", "{}", route.path))
        for route in ROUTES
        if route.version == 2
    }
    theirs = {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path in found}
    assert not ours - theirs


@pytest.mark.parametrize(
    "call",
    [
        ("POST", "/images/{image_id}/clone"),
        ("PUT", "/tasks/{task_id}"),
        ("(any)", "/images/{image_id}/file"),
        ("GET", "/metadefs"),
    ],
)
def test_a_route_that_glance_would_have_tomorrow_is_seen(call: Call) -> None:
    assert unclassified([call]) == [call]


def test_no_other_application_or_filter_stands_in_the_stock_paste_file() -> None:
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
