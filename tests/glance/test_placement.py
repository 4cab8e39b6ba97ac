"""Where the filter may stand in the pipelines of a real Glance, and what it logs where it cannot
work."""

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
"""The text before the first word of a pipeline."""
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
LIFE = [
    *("image.create", "image.prepare", "image.upload", "image.activate", "image.update"),
    *("image.update", "image.member.create", "image.member.delete", "image.send", "image.send"),
    *("image.update", "image.delete", "image.delete"),
]

Events = list[dict[str, Any]]


def life(in_process: InProcess, app: WSGIApplication, version: str, **more: Any) -> Events:
    """The events of an image's life, without what differs between images.

    The paths of the requests begin with `version`.
    """

    def ask(method: str, path: str, **again: Any) -> Any:
        headers = {**more.get("headers", {}), **again.pop("headers", {})}
        answer = in_process.ask(
            app, method, version + path, **{**more, **again, "headers": headers}
        )
        return answer, answer.body

    in_process.new_messages()
    image = ask("POST", "/images", json=NEW)[0].json["id"]
    path = f"/images/{image}"
    ask("PUT", f"{path}/file", body=DATA)
    ask("PUT", f"{path}/tags/t")
    rename = [{"op": "replace", "path": "/name", "value": "m"}]
    ask("PATCH", path, json=rename, headers=PATCH)
    ask("POST", f"{path}/members", json={"member": BOB.project_id})
    ask("DELETE", f"{path}/members/{BOB.project_id}")
    assert ask("GET", f"{path}/file")[1] == DATA
    assert ask("GET", f"{path}/file")[1] == DATA
    ask("POST", f"{path}/actions/deactivate")
    ask("DELETE", f"{path}x")
    ask("DELETE", path)
    return [
        {
            "event": f"{message['event_type']} {message['priority']}",
            "who": (message["_context_project_id"], message["_context_user_id"]),
            "request": message["_context_request_id"] is not None,
            "payload": _comparable(message["payload"], image),
        }
        for message in in_process.new_messages()
    ]


def _comparable(payload: Any, image: str) -> Any:
    if isinstance(payload, Mapping):
        return {
            key: key if key.endswith("_at") and value else _comparable(value, image)
            for key, value in payload.items()
        }
    return payload.replace(image, "IMAGE") if isinstance(payload, str) else payload


@pytest.fixture(scope="module")
def expected(in_process: InProcess) -> Events:
    """The events where the filter stands in its usual place."""
    events = life(in_process, in_process.pipeline(image_delete_payload="metadata"), "/v2")
    assert [event["event"].partition(" ")[0] for event in events] == LIFE
    assert {event["who"] for event in events} == {(ALICE.project_id, ALICE.user_id)}
    assert all(event["payload"] for event in events)
    assert events[-1]["payload"]["owner"] == ALICE.project_id
    return events


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines that the filter logged at WARNING or above."""
    return [
        line.getMessage()
        for line in caplog.records
        if line.name == "glance_notify_middleware" and line.levelno >= logging.WARNING
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
def test_every_place_above_the_cache_emits_the_same(
    flavor: str,
    after: str,
    in_process: InProcess,
    expected: Events,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = in_process.pipeline(flavor, after=after, image_delete_payload="metadata")
    assert life(in_process, app, "/v2") == expected
    assert warnings(caplog) == []


@pytest.mark.parametrize("after", [FIRST, "versionnegotiation"])
@pytest.mark.parametrize(
    ("version", "headers"),
    [("/v2.9", {}), ("//v2/", {}), ("", VERSION_2)],
    ids=["minor", "slashes", "accepted"],
)
def test_every_spelling_of_the_version_emits_the_same_before_and_after_its_negotiation(
    version: str, headers: dict[str, str], after: str, in_process: InProcess, expected: Events
) -> None:
    app = in_process.pipeline(after=after, image_delete_payload="metadata")
    assert life(in_process, app, version, headers=headers) == expected


@pytest.mark.parametrize(("version", "after"), [("/v2.9", FIRST), ("/v2", "context")])
def test_filter_below_a_prefix_emits_the_same(
    version: str, after: str, in_process: InProcess, expected: Events
) -> None:
    mounted = URLMap()
    mounted["/image"] = in_process.pipeline(after=after, image_delete_payload="metadata")
    assert life(in_process, mounted, f"/image{version}") == expected


@pytest.mark.parametrize(
    ("prefix", "headers"), [("/image", {}), ("", VERSION_2)], ids=["path", "accepted"]
)
def test_filter_in_a_composite_that_removes_the_version_emits_the_same(
    prefix: str, headers: dict[str, str], in_process: InProcess, expected: Events
) -> None:
    text = glance.STOCK_PASTE_FILE.read_text().replace("/v2: apiv2app", "/v2: watched")
    text += "\n[pipeline:watched]\npipeline = notify apiv2app\n"
    text += in_process.section(image_delete_payload="metadata")
    mounted = URLMap()
    mounted[prefix] = in_process.loaded("keystone", text)
    version = prefix if headers else f"{prefix}/v2"
    assert life(in_process, mounted, version, headers=headers) == expected


def test_request_without_a_token_has_no_user_where_the_filter_is_above_authentication(
    in_process: InProcess,
) -> None:
    app = in_process.pipeline(after=FIRST)
    forged = {"X-Identity-Status": "Confirmed", "X-User-Id": "u", "X-Project-Id": "p"}
    headers = {**forged, "X-Auth-Token": "made up"}
    assert in_process.ask(app, "DELETE", "/v2/images/x", headers=headers).status_int == 401
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["priority"]) == ("image.delete", "WARN")
    assert (message["_context_user_id"], message["_context_project_id"]) == (None, None)


@pytest.mark.parametrize("after", ["versionnegotiation", "osprofiler", "context"])
def test_log_of_glance_keeps_the_request_id_over_a_look_up(
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
    logger = logging.getLogger("glance.location")  # it logs a line once the data is read
    logger.addHandler(handler)
    try:
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
    finally:
        logger.removeHandler(handler)
    assert len(in_process.new_messages()) == 3
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
def test_audit_filter_below_records_the_look_ups_too(
    filters: str, records: int, in_process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "keystonemiddleware.audit")
    text = glance.paste_file(section=in_process.section() + AUDIT)
    app = in_process.loaded("keystone", text.replace(" notify rootapp", f" {filters} rootapp"))
    image = in_process.image(app)
    caplog.clear()
    in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
    found = [line for line in caplog.messages if line.startswith("Event type: audit.http.")]
    assert len(found) == records
    assert len(in_process.new_messages()) == 3


def test_version_1_which_this_glance_does_not_have_emits_nothing(
    in_process: InProcess,
) -> None:
    for after in (FIRST, "context"):
        app = in_process.pipeline(after=after)
        for method, path in (("POST", "/v1/images"), ("GET", "/v1/images/x")):
            assert in_process.ask(app, method, path).status_int == 300
    assert in_process.new_messages() == []


def sent(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Priority and bytes_sent of each image.send."""
    return [(message["priority"], message["payload"]["bytes_sent"]) for message in messages]


def test_filter_below_the_cache_misses_hits_and_logs_that_once(
    in_process: InProcess, caplog: pytest.LogCaptureFixture
) -> None:
    app = in_process.pipeline("keystone+caching", after="cache")
    for _ in range(2):
        image = in_process.image(app, DATA)
        for _ in ("from the store", "from the cache"):
            assert in_process.ask(app, "GET", f"/v2/images/{image}/file").body == DATA
        assert sent(in_process.new_messages()) == [("INFO", len(DATA))]
    (line,) = warnings(caplog)
    assert "put it directly before `cache` in the pipeline" in line


def test_filter_above_the_cache_counts_misses_without_a_length_and_hits_exactly(
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
    assert sent(in_process.new_messages()) == [("INFO", len(DATA))] * 2


@pytest.mark.parametrize("cached", [False, True], ids=["miss", "hit"])
def test_client_that_goes_away_is_an_error_from_the_store_and_from_the_cache(
    cached: bool, in_process: InProcess
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    if cached:
        in_process.ask(app, "GET", f"/v2/images/{image}/file").body  # noqa: B018 (it is read)
        in_process.new_messages()
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    chunks = iter(answer.app_iter)
    next(chunks), next(chunks)
    answer.app_iter.close()  # type: ignore[attr-defined]
    assert sent(in_process.new_messages()) == [("ERROR", CHUNK)]


def test_miss_that_is_shorter_than_the_image_is_an_error_although_it_had_no_length(
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
    assert sent(in_process.new_messages()) == [("ERROR", CHUNK + 10)]
