"""Imports and locations on a real Glance: the filter emits exactly the events that the contract
demands, and what Glance's own notifier emits for them agrees.

ALWAYS runs in every run of the tests, the rest in `make long` only.
"""

import contextlib
import hashlib
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, CAROL, ROOT, Person
from glance_notify_middleware.wsgi import followed_work
from tests.agreement.comparison import unexplained
from tests.agreement.observed import Request
from tests.agreement.page import BackgroundOperation
from tests.glance.conftest import AWAY, Comparison, InProcess
from tests.glance.web import GOOD, away
from tests.long_runs import LONG

DATA = b"data" * 100

UPLOADED = ["prepare INFO", "upload INFO", "activate INFO"]
PARTLY = ["prepare INFO", "upload ERROR", "activate INFO"]
BROKEN = ["prepare INFO", "upload ERROR"]
COPIED = ["prepare INFO", "upload INFO"]
REFUSED = ["upload WARN"]
ADDED = ["update INFO", "activate INFO"]
NOT_ADDED = ["update ERROR"]

QUEUED, STAGED, ACTIVE = "queued", "staged", "active"
BOTH, ALL = {"stores": ["store1", "store2"]}, {"all_stores": True}
MUST, MAY = {"all_stores_must_succeed": True}, {"all_stores_must_succeed": False}
WITH_BROKEN, ONLY_BROKEN = {"stores": ["store1", "store3"]}, {"stores": ["store3"]}


class Case(NamedTuple):
    """One import: the image, what the request asks for, and the events that are expected.

    `lacks` names what is missing meanwhile: a store, the staged data, the source of a copy. `uri`
    names a file of the web server, for a web-download or a download from the Glance of another
    region.
    """

    method: str
    image: str
    asked: dict[str, Any]
    expected: list[str]
    lacks: str = ""
    uri: str = "/good"
    who: Person = ALICE
    record: dict[str, Any] = {}  # noqa: RUF012 (a tuple's default)
    headers: dict[str, str] = {}  # noqa: RUF012

    @property
    def operation(self) -> str:
        """The method, and whether the request names one store or several."""
        several = self.asked.get("all_stores") or len(self.asked.get("stores", ())) > 1
        return f"{self.method}, {'several stores' if several else 'one store'}"

    def __str__(self) -> str:
        words = [self.method, self.image, *self.asked, self.lacks, self.uri.strip("/")]
        return "-".join([*filter(None, words), self.expected[-1] if self.expected else "nothing"])


def direct(asked: dict[str, Any], expected: list[str], **more: Any) -> Case:
    return Case("glance-direct", more.pop("image", STAGED), asked, expected, **more)


def web(asked: dict[str, Any], expected: list[str], **more: Any) -> Case:
    return Case("web-download", more.pop("image", QUEUED), asked, expected, **more)


def download(asked: dict[str, Any], expected: list[str], **more: Any) -> Case:
    return Case("glance-download", more.pop("image", QUEUED), asked, expected, **more)


def copy(asked: dict[str, Any], expected: list[str], **more: Any) -> Case:
    more = {"who": ROOT, "image": ACTIVE, **more}
    return Case("copy-image", more.pop("image"), asked, expected, **more)


ALWAYS = [
    direct({}, UPLOADED),
    direct(BOTH | MUST, UPLOADED),
    direct(WITH_BROKEN | MUST, BROKEN, lacks="store3"),
    direct(WITH_BROKEN | MAY, PARTLY, lacks="store3"),
    direct({}, BROKEN, record={"disk_format": "qcow2"}),
    direct({}, REFUSED, image=QUEUED),
    web({}, UPLOADED),
    web(ALL | MAY, PARTLY, lacks="store3"),
    web({}, BROKEN, uri="/none"),
    web({}, REFUSED, uri="http://192.0.2.1/good"),
    download({}, UPLOADED),
    download({}, BROKEN, uri="/none"),
    copy({"stores": ["store2"]}, COPIED),
    copy(ALL | MAY, BROKEN, lacks="store3"),
    copy({"stores": ["store2"]}, BROKEN, lacks="source"),
    copy({"stores": ["store1"]}, REFUSED),
]
WHEN_LONG = [
    direct({"stores": ["store2"]}, UPLOADED),
    direct(BOTH | MAY, UPLOADED),
    direct(ALL | MUST, UPLOADED),
    direct(ALL | MAY, UPLOADED),
    direct(ALL | MUST, BROKEN, lacks="store3"),
    direct(ALL | MAY, PARTLY, lacks="store3"),
    direct(ONLY_BROKEN | MUST, BROKEN, lacks="store3"),
    direct(ONLY_BROKEN | MAY, BROKEN, lacks="store3"),
    direct({}, UPLOADED, headers={"X-Image-Meta-Store": "store2"}),
    direct(MAY, BROKEN, headers={"X-Image-Meta-Store": "store3"}, lacks="store3"),
    direct({}, BROKEN, lacks="staged"),
    direct({}, REFUSED, who=CAROL),
    direct({"stores": ["none"]}, REFUSED),
    direct({}, REFUSED, image=ACTIVE),
    web({"stores": ["store2"]}, UPLOADED),
    web(BOTH | MUST, UPLOADED),
    web(BOTH | MAY, UPLOADED),
    web(ALL | MUST, UPLOADED),
    web(ALL | MAY, UPLOADED),
    web(WITH_BROKEN | MUST, BROKEN, lacks="store3"),
    web(WITH_BROKEN | MAY, PARTLY, lacks="store3"),
    web(ONLY_BROKEN | MAY, BROKEN, lacks="store3"),
    web(BOTH, BROKEN, uri="/none"),
    web(ALL | MAY, BROKEN, uri="/none"),
    web({}, BROKEN, uri="/503"),
    web({}, BROKEN, uri="/short"),
    web({}, BROKEN, record={"disk_format": "qcow2"}),
    web({}, REFUSED, uri="ftp://127.0.0.1/good"),
    web({}, REFUSED, uri="no url"),
    web({}, REFUSED, image=ACTIVE),
    web({}, REFUSED, image=STAGED),
    copy({"stores": ["store2", "store3"]}, COPIED),
    copy(ALL, COPIED),
    copy({}, REFUSED),
    copy(ALL | MUST, BROKEN, lacks="store3"),
    copy(ONLY_BROKEN | MAY, BROKEN, lacks="store3"),
    copy(ONLY_BROKEN | MUST, BROKEN, lacks="store3"),
    copy(ALL, REFUSED, who=ALICE),
    copy(ALL, REFUSED, image=QUEUED),
    download(BOTH | MUST, UPLOADED),
    download(ALL | MAY, UPLOADED),
    download(WITH_BROKEN | MUST, BROKEN, lacks="store3"),
    download(WITH_BROKEN | MAY, PARTLY, lacks="store3"),
    download({}, BROKEN, uri="/short"),
    download({}, REFUSED, image=ACTIVE),
    Case("no-such-method", QUEUED, {}, REFUSED),
]
CASES = ALWAYS + (WHEN_LONG if LONG else [])


@pytest.fixture
def app(in_process: InProcess) -> Iterator[WSGIApplication]:
    in_process.new_messages()
    yield in_process.pipeline()
    in_process.wait_for_background_work()


def image_of(case: Case, app: WSGIApplication, in_process: InProcess) -> str:
    """Make an image as the case wants it; returns its id. Forgets the events of both notifiers."""
    data = DATA if case.image == ACTIVE else None
    image = in_process.image(app, data, **case.record)
    if case.image == STAGED:
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/stage", body=DATA)
        assert answer.status_int == 204
        in_process.forget()
    return image


@contextlib.contextmanager
def lacking(thing: str, image: str, folder: Path) -> Iterator[None]:
    """While a thing that Glance needs is missing."""
    broken = folder / thing
    if thing == "store3":
        shutil.rmtree(broken, ignore_errors=True)
        broken.touch()
    elif thing:
        ({"staged": folder / "staging", "source": folder / "images"}[thing] / image).unlink()
    try:
        yield
    finally:
        if thing == "store3":
            broken.unlink()
            broken.mkdir()


def events(messages: list[dict[str, Any]]) -> list[str]:
    """Type, without `image.`, and priority of each."""
    return [
        f"{message['event_type'].removeprefix('image.')} {message['priority']}"
        for message in messages
    ]


def compare_with_native(
    operation: str,
    request: Request,
    messages: list[dict[str, Any]],
    expected: list[str],
    comparison: Comparison,
) -> None:
    """Assert that the native events agree, or differ for a reason. `operation` names the row of
    the page."""
    findings = comparison.compare(request, messages)
    if request.status == 202:
        is_exact = events(messages) == expected
        comparison.agreement.add_background(
            BackgroundOperation(operation, ", ".join(expected), is_exact, findings)
        )
    else:
        comparison.agreement.add(findings)
    assert not unexplained(findings)


def imported(
    app: WSGIApplication,
    in_process: InProcess,
    image: str,
    case: Case,
    comparison: Comparison | None = None,
) -> list[dict[str, Any]]:
    """Import into the image; returns the messages, after an assertion that all of them are of
    that request. With a comparison the native events must agree, too."""
    uri = f"{in_process.web.url}{case.uri}" if case.uri.startswith("/") else case.uri
    arguments = {
        "web-download": {"uri": uri},
        "glance-download": {"glance_region": AWAY, "glance_image_id": away(case.uri)},
    }
    method = {"name": case.method} | arguments.get(case.method, {})
    path = f"/v2/images/{image}/import"
    answer = in_process.ask(
        app,
        "POST",
        path,
        who=case.who,
        json={"method": method, **case.asked},
        headers=case.headers,
    )
    assert (answer.status_int == 202) is (case.expected != REFUSED), answer.text
    messages = in_process.wait_for(len(case.expected))
    if not case.uri.startswith("/slow"):
        in_process.wait_for_background_work()
    for message in messages:
        assert message["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert message["_context_user_id"] == case.who.user_id
        assert message["_context_project_id"] == case.who.project_id
        payload = message["payload"]
        assert image in payload if isinstance(payload, str) else payload["id"] == image
        assert in_process.web.url not in str(payload)
    if comparison is not None:
        request = Request(str(case), 0, "POST", path, answer.status_int)
        compare_with_native(case.operation, request, messages, case.expected, comparison)
    return messages


@pytest.mark.parametrize("case", CASES, ids=str)
def test_import_emits_the_events_of_how_it_ended(
    case: Case, app: WSGIApplication, in_process: InProcess, comparison: Comparison
) -> None:
    image = image_of(case, app, in_process)
    with lacking(case.lacks, image, in_process.folder):
        messages = imported(app, in_process, image, case, comparison)
    assert events(messages) == case.expected
    by_type = {
        message["event_type"]: message["payload"]
        for message in messages
        if message["priority"] == "INFO"
    }
    if case.expected != REFUSED:
        assert by_type["image.prepare"]["status"] == (
            "active" if case.method == "copy-image" else "importing"
        )
    size = len(GOOD if case.method.endswith("-download") else DATA)
    for event_type in by_type.keys() - {"image.prepare"}:
        payload = by_type[event_type]
        assert (payload["status"], payload["size"]) == ("active", size)
        assert len(payload) == 20


def test_copy_to_stores_that_have_the_image_emits_nothing(
    app: WSGIApplication, in_process: InProcess
) -> None:
    case = copy(ALL, COPIED)
    image = image_of(case, app, in_process)
    assert events(imported(app, in_process, image, case)) == COPIED
    assert imported(app, in_process, image, case._replace(expected=[])) == []
    answer = in_process.ask(
        app, "GET", f"/v2/images/{image}"
    )  # ends what is followed, if nothing has
    assert answer.json["stores"] == "store1,store2,store3"
    time.sleep(1.0)
    assert in_process.new_messages() == []


def test_failure_of_an_import_is_not_reported_again_for_the_next_one(
    app: WSGIApplication, in_process: InProcess
) -> None:
    case = web(WITH_BROKEN | MUST, BROKEN, lacks="store3")
    image = image_of(case, app, in_process)
    with lacking("store3", image, in_process.folder):
        assert events(imported(app, in_process, image, case)) == BROKEN
        again = web(WITH_BROKEN | MAY, PARTLY)
        assert events(imported(app, in_process, image, again)) == PARTLY
        on = copy({"stores": ["store2"]}, COPIED)
        assert events(imported(app, in_process, image, on)) == COPIED


if LONG:

    def image_that_ends_between_look_ups(
        uri: str, app: WSGIApplication, in_process: InProcess
    ) -> str:
        """Make an image whose import has just received the rest of its data, seconds before the
        next look-up; returns its id."""
        image = image_of(web({}, []), app, in_process)
        slow = web({}, UPLOADED[:1], uri=uri)
        assert events(imported(app, in_process, image, slow)) == UPLOADED[:1]
        time.sleep(4)
        in_process.web.release(uri)
        return image

    def test_image_record_that_a_client_reads_ends_the_import_at_once(
        app: WSGIApplication, in_process: InProcess
    ) -> None:
        image = image_that_ends_between_look_ups("/slow", app, in_process)
        plain = in_process.stock_pipeline()
        deadline = time.monotonic() + 60
        while "os_glance_import_task" in in_process.ask(plain, "GET", f"/v2/images/{image}").json:
            assert time.monotonic() < deadline
        path = f"/v2/images/{image}"
        with_filter, without = (in_process.ask(pipeline, "GET", path) for pipeline in (app, plain))
        assert (with_filter.status, with_filter.body) == (without.status, without.body)
        assert set(with_filter.headers) == set(without.headers)
        assert events(in_process.wait_for(2)) == UPLOADED[1:]

    def test_failed_import_is_reported_after_an_upload_in_its_place(
        app: WSGIApplication, in_process: InProcess
    ) -> None:
        image = image_that_ends_between_look_ups("/slow-short", app, in_process)
        in_process.wait_for_background_work()
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
        assert answer.status_int == 204
        upload = answer.headers["x-openstack-request-id"]
        messages = in_process.wait_for(4)  # the next look-up may come while the upload is under way
        of_upload = [e for e in messages if e["_context_request_id"] == upload]
        of_import = [e for e in messages if e["_context_request_id"] != upload]
        assert events(of_upload) == UPLOADED
        assert events(of_import) == BROKEN[1:]


def test_import_that_fails_before_it_begins_is_reported_although_glance_keeps_its_lock(
    app: WSGIApplication, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_work, "LONGEST_WAIT", 1.0)
    case = web({"stores": ["store1", "store1"]}, BROKEN)
    image = image_of(case, app, in_process)
    assert events(imported(app, in_process, image, case)) == BROKEN
    record = in_process.ask(in_process.stock_pipeline(), "GET", f"/v2/images/{image}").json
    assert "os_glance_import_task" in record


def test_image_that_is_deleted_during_its_import_leaves_an_unknown_outcome(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = image_of(web({}, []), app, in_process)
    begun = imported(app, in_process, image, web({}, UPLOADED[:1], uri="/slow"))
    assert events(begun) == UPLOADED[:1]
    in_process.web.wait_for_request("/slow")
    assert in_process.ask(app, "DELETE", f"/v2/images/{image}").status_int == 204
    messages = in_process.wait_for(2)
    in_process.web.release("/slow")
    assert events(messages) == ["delete INFO", "upload ERROR"]
    assert "the outcome is unknown: the image is gone" in messages[1]["payload"]


@pytest.mark.parametrize("payload", ["id", "metadata"])
def test_good_import_is_reported_although_its_image_is_deleted_at_once(
    payload: str, in_process: InProcess
) -> None:
    in_process.new_messages()
    app = in_process.pipeline(image_delete_payload=payload)
    image = image_of(web({}, []), app, in_process)
    body = {"method": {"name": "web-download", "uri": f"{in_process.web.url}/good"}}
    answer = in_process.ask(app, "POST", f"/v2/images/{image}/import", json=body)
    assert answer.status_int == 202
    in_process.wait_for_background_work()
    assert in_process.ask(app, "DELETE", f"/v2/images/{image}").status_int == 204
    messages = in_process.wait_for(4)
    assert sorted(events(messages)) == sorted(["delete INFO", *UPLOADED])
    statuses = {
        message["payload"]["status"] for message in messages if "activate" in message["event_type"]
    }
    assert statuses == {"active"}


@pytest.mark.parametrize(
    ("uris", "ends"),
    [(("/none", "/good"), (BROKEN, UPLOADED)), (("/none", "/none"), (BROKEN, BROKEN))],
)
def test_imports_with_one_request_id_emit_the_events_of_how_each_ended(
    uris: tuple[str, ...], ends: tuple[list[str], ...], app: WSGIApplication, in_process: InProcess
) -> None:
    """Glance takes the id that a client sends, and most clients send one for a user's whole
    action."""
    image = image_of(web({}, []), app, in_process)
    headers = {"X-OpenStack-Request-ID": "req-of-a-whole-action"}
    for uri, expected in zip(uris, ends, strict=True):
        case = web({}, expected, uri=uri, headers=headers)
        assert events(imported(app, in_process, image, case)) == expected
        assert in_process.new_messages() == []


def test_failed_import_is_reported_although_a_good_upload_had_the_same_request_id(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = image_of(web({}, []), app, in_process)
    headers = {"X-OpenStack-Request-ID": "req-of-a-whole-action"}
    body = {"method": {"name": "web-download", "uri": f"{in_process.web.url}/none"}}
    path = f"/v2/images/{image}"
    answer = in_process.ask(app, "POST", f"{path}/import", json=body, headers=headers)
    assert answer.status_int == 202
    in_process.wait_for_background_work()
    answer = in_process.ask(app, "PUT", f"{path}/file", body=DATA, headers=headers)
    assert answer.status_int == 204
    assert sorted(events(in_process.wait_for(5))) == sorted([*BROKEN, *UPLOADED])


SHA = hashlib.sha512(GOOD).hexdigest()
LOCATIONS = [
    ("/good", QUEUED, {}, ADDED),
    ("/good", QUEUED, {"os_hash_algo": "sha512", "os_hash_value": "0" * 128}, NOT_ADDED),
    ("/none", QUEUED, {}, NOT_ADDED),
    ("/good", ACTIVE, {}, ["update WARN"]),
]
LOCATIONS_WHEN_LONG = [
    ("/good", QUEUED, {"os_hash_algo": "sha512", "os_hash_value": SHA}, ADDED),
    ("/503", QUEUED, {}, NOT_ADDED),
    ("http://192.0.2.1/good", QUEUED, {}, ["update WARN"]),
    ("file:///etc/hostname", QUEUED, {}, ["update WARN"]),
    ("/good", STAGED, {}, ["update WARN"]),
]


@pytest.mark.parametrize(
    ("url", "image_state", "validation", "expected"),
    LOCATIONS + (LOCATIONS_WHEN_LONG if LONG else []),
)
def test_location_emits_the_events_of_how_it_ended(
    url: str,
    image_state: str,
    validation: dict[str, str],
    expected: list[str],
    app: WSGIApplication,
    in_process: InProcess,
    comparison: Comparison,
) -> None:
    image = image_of(web({}, [], image=image_state), app, in_process)
    body: dict[str, Any] = {"url": f"{in_process.web.url}{url}" if url[0] == "/" else url}
    if validation:
        body["validation_data"] = validation
    path = f"/v2/images/{image}/locations"
    answer = in_process.ask(app, "POST", path, json=body)
    assert (answer.status_int == 202) is (expected in (ADDED, NOT_ADDED)), answer.text
    messages = in_process.wait_for(len(expected))
    request = Request(f"locations {url}", 0, "POST", path, answer.status_int)
    compare_with_native("locations", request, messages, expected, comparison)
    assert events(messages) == expected
    for message in messages:
        assert message["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert message["_context_user_id"] == ALICE.user_id
        assert "127.0.0.1" not in str(message["payload"])
    if expected == ADDED:
        assert {message["payload"]["status"] for message in messages} == {"active"}
