"""Where the filter may stand in a real Glance, and what it says where it cannot work."""

import logging
from collections.abc import Mapping
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
from paste.urlmap import URLMap

from demo import glance
from demo.keystone import ALICE, BOB
from tests.glance.conftest import InProcess

CHUNK = 64 * 1024
DATA = bytes(range(256)) * 1024  # four chunks
NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}
VERSION_2 = {"Accept": "application/vnd.openstack.images-v2"}
FIRST = "="
"""What stands before the first word of a pipeline."""
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
LIFE = [
    *("image.create", "image.prepare", "image.upload", "image.activate", "image.update"),
    *("image.update", "image.member.create", "image.member.delete", "image.send", "image.send"),
    *("image.update", "image.delete", "image.delete"),
]

Told = list[dict[str, Any]]


def life(in_process: InProcess, app: WSGIApplication, version: str, **more: Any) -> Told:
    """What is told of an image's life, less what differs from image to image.

    `version` is what the paths begin with.
    """

    def ask(method: str, path: str, **again: Any) -> Any:
        headers = {**more.get("headers", {}), **again.pop("headers", {})}
        answer = in_process.ask(
            app, method, version + path, **{**more, **again, "headers": headers}
        )
        return answer, answer.body

    in_process.told()
    image = ask("POST", "/images", json=NEW)[0].json["id"]
    one = f"/images/{image}"
    ask("PUT", f"{one}/file", body=DATA)
    ask("PUT", f"{one}/tags/t")
    rename = [{"op": "replace", "path": "/name", "value": "m"}]
    ask("PATCH", one, json=rename, headers=PATCH)
    ask("POST", f"{one}/members", json={"member": BOB.project_id})
    ask("DELETE", f"{one}/members/{BOB.project_id}")
    assert ask("GET", f"{one}/file")[1] == DATA
    assert ask("GET", f"{one}/file")[1] == DATA
    ask("POST", f"{one}/actions/deactivate")
    ask("DELETE", f"{one}x")
    ask("DELETE", one)
    return [
        {
            "event": f"{each['event_type']} {each['priority']}",
            "who": (each["_context_project_id"], each["_context_user_id"]),
            "request": each["_context_request_id"] is not None,
            "payload": _settled(each["payload"], image),
        }
        for each in in_process.told()
    ]


def _settled(payload: Any, image: str) -> Any:
    if isinstance(payload, Mapping):
        return {
            key: key if key.endswith("_at") and value else _settled(value, image)
            for key, value in payload.items()
        }
    return payload.replace(image, "IMAGE") if isinstance(payload, str) else payload


@pytest.fixture(scope="module")
def expected(in_process: InProcess) -> Told:
    """What is told where the README puts the filter."""
    told = life(in_process, in_process.pipeline(image_delete_payload="metadata"), "/v2")
    assert [each["event"].partition(" ")[0] for each in told] == LIFE
    assert {each["who"] for each in told} == {(ALICE.project_id, ALICE.user_id)}
    assert all(each["payload"] for each in told)
    assert told[-1]["payload"]["owner"] == ALICE.project_id
    return told


def complaints(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        each.getMessage()
        for each in caplog.records
        if each.name == "glance_notify_middleware" and each.levelno >= logging.WARNING
    ]


@pytest.mark.parametrize(
    ("flavor", "after"),
    [
        ("keystone", FIRST),
        ("keystone", "cors"),
        ("keystone", "http_proxy_to_wsgi"),
        ("keystone", "versionnegotiation"),
        ("keystone", "osprofiler"),
        ("keystone", "authtoken"),
        ("keystone+cachemanagement", FIRST),
        ("keystone+cachemanagement", "context"),
    ],
)
def test_above_the_cache_every_place_tells_the_same(
    flavor: str,
    after: str,
    in_process: InProcess,
    expected: Told,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = in_process.pipeline(flavor, after=after, image_delete_payload="metadata")
    assert life(in_process, app, "/v2") == expected
    assert complaints(caplog) == []


@pytest.mark.parametrize("after", [FIRST, "versionnegotiation"])
@pytest.mark.parametrize(
    ("version", "headers"),
    [("/v2.9", {}), ("//v2/", {}), ("", VERSION_2)],
    ids=["minor", "slashes", "accepted"],
)
def test_every_way_to_name_the_version_tells_the_same_before_and_after_its_negotiation(
    version: str, headers: dict[str, str], after: str, in_process: InProcess, expected: Told
) -> None:
    app = in_process.pipeline(after=after, image_delete_payload="metadata")
    assert life(in_process, app, version, headers=headers) == expected


@pytest.mark.parametrize(("version", "after"), [("/v2.9", FIRST), ("/v2", "context")])
def test_below_a_prefix_it_tells_the_same(
    version: str, after: str, in_process: InProcess, expected: Told
) -> None:
    mounted = URLMap()
    mounted["/image"] = in_process.pipeline(after=after, image_delete_payload="metadata")
    assert life(in_process, mounted, f"/image{version}") == expected


@pytest.mark.parametrize(
    ("prefix", "headers"), [("/image", {}), ("", VERSION_2)], ids=["path", "accepted"]
)
def test_in_a_composite_that_takes_the_version_off_the_path_it_tells_the_same(
    prefix: str, headers: dict[str, str], in_process: InProcess, expected: Told
) -> None:
    text = glance.STOCK_PASTE_FILE.read_text().replace("/v2: apiv2app", "/v2: watched")
    text += "\n[pipeline:watched]\npipeline = notify apiv2app\n"
    text += in_process.section(image_delete_payload="metadata")
    mounted = URLMap()
    mounted[prefix] = in_process.loaded("keystone", text)
    version = prefix if headers else f"{prefix}/v2"
    assert life(in_process, mounted, version, headers=headers) == expected


def test_above_authentication_what_was_refused_without_a_token_is_told_of_nobody(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline(after=FIRST)
    forged = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Project-Id": "p"}
    headers = {**forged, "X-Auth-Token": "made up"}
    assert in_process.ask(app, "DELETE", "/v2/images/x", headers=headers).status_int == 401
    (told,) = in_process.told()
    assert (told["event_type"], told["priority"]) == ("image.delete", "WARN")
    assert (told["_context_user_id"], told["_context_project_id"]) == (None, None)


@pytest.mark.parametrize("after", ["versionnegotiation", "osprofiler", "context"])
def test_glances_own_log_goes_on_with_the_request_that_a_look_up_was_made_for(
    after: str, in_process: InProcess
) -> None:
    """Above `context` a look-up passes that filter, which makes a context of its own."""
    from oslo_context import context

    logged: list[str | None] = []
    handler = logging.Handler()
    handler.emit = lambda record: logged.append(  # type: ignore[method-assign]
        getattr(context.get_current(), "request_id", None)
    )
    app = in_process.pipeline(after=after)
    image = in_process.image(app)
    logger = logging.getLogger("glance.location")  # it has a word on the data, once that is read
    logger.addHandler(handler)
    try:
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
    finally:
        logger.removeHandler(handler)
    assert len(in_process.told()) == 3
    own = answer.headers["x-openstack-request-id"]
    assert logged
    assert set(logged) == {own}
    current = context.get_current()
    assert current is not None
    assert current.request_id == own


AUDIT = """
[filter:audit]
paste.filter_factory = keystonemiddleware.audit:filter_factory
use_oslo_messaging = False
"""


@pytest.mark.parametrize(
    ("filters", "records"), [("audit notify", 2), ("notify audit", 6)], ids=["above", "below"]
)
def test_an_audit_filter_below_records_the_look_ups_too(
    filters: str, records: int, in_process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "keystonemiddleware.audit")
    text = glance.paste_file(section=in_process.section() + AUDIT)
    app = in_process.loaded("keystone", text.replace(" notify rootapp", f" {filters} rootapp"))
    image = in_process.image(app)
    caplog.clear()
    in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
    found = [each for each in caplog.messages if each.startswith("Event type: audit.http.")]
    assert len(found) == records
    assert len(in_process.told()) == 3


def test_the_first_version_which_this_glance_does_not_have_tells_nothing(
    in_process: InProcess,
) -> None:
    for after in (FIRST, "context"):
        app = in_process.pipeline(after=after)
        for method, path in (("POST", "/v1/images"), ("GET", "/v1/images/x")):
            assert in_process.ask(app, method, path).status_int == 300
    assert in_process.told() == []


def sent(told: Told) -> list[tuple[str, int]]:
    return [(each["priority"], each["payload"]["bytes_sent"]) for each in told]


def test_below_the_cache_hits_pass_by_and_that_is_said_once(
    in_process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    app = in_process.pipeline("keystone+caching", after="cache")
    for _ in range(2):
        image = in_process.image(app, DATA)
        for _ in ("from the store", "from the cache"):
            assert in_process.ask(app, "GET", f"/v2/images/{image}/file").body == DATA
        assert sent(in_process.told()) == [("INFO", len(DATA))]
    (said,) = complaints(caplog)
    assert "put it directly before `cache` in the pipeline" in said


def test_above_the_cache_misses_without_a_length_and_hits_are_told_to_the_byte(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    path = f"/v2/images/{image}/file"
    cached = in_process.folder / "cache" / image
    miss = in_process.ask(app, "GET", path)
    assert (miss.content_length, miss.body, cached.exists()) == (None, DATA, True)
    hit = in_process.ask(app, "GET", path)
    assert (hit.content_length, hit.body) == (len(DATA), DATA)
    assert sent(in_process.told()) == [("INFO", len(DATA))] * 2


@pytest.mark.parametrize("cached", [False, True], ids=["miss", "hit"])
def test_a_client_that_goes_away_is_an_error_from_the_store_and_from_the_cache(
    cached: bool, in_process: InProcess
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    if cached:
        in_process.ask(app, "GET", f"/v2/images/{image}/file").body  # noqa: B018 (it is read)
        in_process.told()
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    chunks = iter(answer.app_iter)
    next(chunks), next(chunks)
    answer.app_iter.close()  # type: ignore[attr-defined]
    assert sent(in_process.told()) == [("ERROR", CHUNK)]


def test_a_miss_that_is_shorter_than_the_image_is_an_error_though_it_had_no_length(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    with (in_process.folder / "images" / image).open("r+b") as file:
        file.truncate(CHUNK + 10)
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    assert answer.content_length is None
    with pytest.raises(Exception, match="Checksum verification failed"):  # the cache filter's
        list(answer.app_iter)
    assert sent(in_process.told()) == [("ERROR", CHUNK + 10)]
