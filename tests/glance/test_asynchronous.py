"""Imports and added locations on a real Glance: exactly the events that the contract names, and
what its own notifier tells of them.

A named part runs always, all of it with LONG=1.
"""

import contextlib
import hashlib
import os
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
from tests.agreement.page import Followed
from tests.agreement.told import Request
from tests.glance.conftest import AWAY, Comparison, InProcess
from tests.glance.web import GOOD, away

LONG = os.environ.get("LONG") == "1"
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
    """One import: of which image, what is asked for, and what must be told of it.

    `lacks` says what is broken meanwhile: a store, the staged data, the source of a copy. `uri`
    names a file of the web server, for a download by itself or from the Glance of another region.
    """

    method: str
    image: str
    asked: dict[str, Any]
    told: list[str]
    lacks: str = ""
    uri: str = "/good"
    who: Person = ALICE
    record: dict[str, Any] = {}  # noqa: RUF012 (a tuple's default)
    headers: dict[str, str] = {}  # noqa: RUF012

    @property
    def what(self) -> str:
        """The method, and whether one store is asked for."""
        several = self.asked.get("all_stores") or len(self.asked.get("stores", ())) > 1
        return f"{self.method}, {'several stores' if several else 'one store'}"

    def __str__(self) -> str:
        words = [self.method, self.image, *self.asked, self.lacks, self.uri.strip("/")]
        return "-".join([*filter(None, words), self.told[-1] if self.told else "nothing"])


def direct(asked: dict[str, Any], told: list[str], **more: Any) -> Case:
    return Case("glance-direct", more.pop("image", STAGED), asked, told, **more)


def web(asked: dict[str, Any], told: list[str], **more: Any) -> Case:
    return Case("web-download", more.pop("image", QUEUED), asked, told, **more)


def download(asked: dict[str, Any], told: list[str], **more: Any) -> Case:
    return Case("glance-download", more.pop("image", QUEUED), asked, told, **more)


def copy(asked: dict[str, Any], told: list[str], **more: Any) -> Case:
    more = {"who": ROOT, "image": ACTIVE, **more}
    return Case("copy-image", more.pop("image"), asked, told, **more)


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
    in_process.told()
    yield in_process.pipeline()
    in_process.rests()


def image_of(case: Case, app: WSGIApplication, in_process: InProcess) -> str:
    """An image as the case wants it; returns its id. Forgets what both told."""
    data = DATA if case.image == ACTIVE else None
    image = in_process.image(app, data, **case.record)
    if case.image == STAGED:
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/stage", body=DATA)
        assert answer.status_int == 204
        in_process.forget()
    return image


@contextlib.contextmanager
def lacking(what: str, image: str, folder: Path) -> Iterator[None]:
    """While something that Glance needs is not there."""
    broken = folder / what
    if what == "store3":
        shutil.rmtree(broken, ignore_errors=True)
        broken.touch()
    elif what:
        ({"staged": folder / "staging", "source": folder / "images"}[what] / image).unlink()
    try:
        yield
    finally:
        if what == "store3":
            broken.unlink()
            broken.mkdir()


def events(told: list[dict[str, Any]]) -> list[str]:
    return [f"{each['event_type'].removeprefix('image.')} {each['priority']}" for each in told]


def compared(
    what: str,
    request: Request,
    told: list[dict[str, Any]],
    expected: list[str],
    comparison: Comparison,
) -> None:
    """Native tells the same, or there is a reason. `what` names the row of the page."""
    findings = comparison.compare(request, told)
    if request.status == 202:
        exactly = events(told) == expected
        comparison.agreement.settled(Followed(what, ", ".join(expected), exactly, findings))
    else:
        comparison.agreement.found(findings)
    assert not unexplained(findings)


def imported(
    app: WSGIApplication,
    in_process: InProcess,
    image: str,
    case: Case,
    comparison: Comparison | None = None,
) -> list[dict[str, Any]]:
    """What was told of the import, whose notifications must be those of its request. With a
    comparison it must be what native tells, too."""
    uri = f"{in_process.web.url}{case.uri}" if case.uri.startswith("/") else case.uri
    of_method = {
        "web-download": {"uri": uri},
        "glance-download": {"glance_region": AWAY, "glance_image_id": away(case.uri)},
    }
    method = {"name": case.method} | of_method.get(case.method, {})
    path = f"/v2/images/{image}/import"
    answer = in_process.ask(
        app,
        "POST",
        path,
        who=case.who,
        json={"method": method, **case.asked},
        headers=case.headers,
    )
    assert (answer.status_int == 202) is (case.told != REFUSED), answer.text
    told = in_process.waits_for(len(case.told))
    if not case.uri.startswith("/slow"):
        in_process.rests()
    for each in told:
        assert each["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert each["_context_user_id"] == case.who.user_id
        assert each["_context_project_id"] == case.who.project_id
        payload = each["payload"]
        assert image in payload if isinstance(payload, str) else payload["id"] == image
        assert in_process.web.url not in str(payload)
    if comparison is not None:
        request = Request(str(case), 0, "POST", path, answer.status_int)
        compared(case.what, request, told, case.told, comparison)
    return told


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_import_is_told_as_it_ended(
    case: Case, app: WSGIApplication, in_process: InProcess, comparison: Comparison
) -> None:
    image = image_of(case, app, in_process)
    with lacking(case.lacks, image, in_process.folder):
        told = imported(app, in_process, image, case, comparison)
    assert events(told) == case.told
    by_type = {each["event_type"]: each["payload"] for each in told if each["priority"] == "INFO"}
    if case.told != REFUSED:
        assert by_type["image.prepare"]["status"] == (
            "active" if case.method == "copy-image" else "importing"
        )
    size = len(GOOD if case.method.endswith("-download") else DATA)
    for event_type in by_type.keys() - {"image.prepare"}:
        payload = by_type[event_type]
        assert (payload["status"], payload["size"]) == ("active", size)
        assert len(payload) == 20


def test_a_copy_of_what_is_everywhere_is_nothing(
    app: WSGIApplication, in_process: InProcess
) -> None:
    case = copy(ALL, COPIED)
    image = image_of(case, app, in_process)
    assert events(imported(app, in_process, image, case)) == COPIED
    assert imported(app, in_process, image, case._replace(told=[])) == []
    answer = in_process.ask(app, "GET", f"/v2/images/{image}")  # settles it, if nothing has
    assert answer.json["stores"] == "store1,store2,store3"
    time.sleep(1.0)
    assert in_process.told() == []


def test_what_failed_before_is_not_told_again_of_the_next(
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

    def goes_on_between_look_ups(uri: str, app: WSGIApplication, in_process: InProcess) -> str:
        """An image whose import has just got the rest of its data; the next look-up is seconds
        away."""
        image = image_of(web({}, []), app, in_process)
        slow = web({}, UPLOADED[:1], uri=uri)
        assert events(imported(app, in_process, image, slow)) == UPLOADED[:1]
        time.sleep(4)
        in_process.web.go_on(uri)
        return image

    def test_a_record_that_a_client_asks_for_settles_it_at_once(
        app: WSGIApplication, in_process: InProcess
    ) -> None:
        image = goes_on_between_look_ups("/slow", app, in_process)
        plain = in_process.stock_pipeline()
        deadline = time.monotonic() + 60
        while "os_glance_import_task" in in_process.ask(plain, "GET", f"/v2/images/{image}").json:
            assert time.monotonic() < deadline
        one = f"/v2/images/{image}"
        with_filter, without = (in_process.ask(each, "GET", one) for each in (app, plain))
        assert (with_filter.status, with_filter.body) == (without.status, without.body)
        assert set(with_filter.headers) == set(without.headers)
        assert events(in_process.waits_for(2)) == UPLOADED[1:]

    def test_an_import_that_failed_is_told_so_after_an_upload_in_its_place(
        app: WSGIApplication, in_process: InProcess
    ) -> None:
        image = goes_on_between_look_ups("/slow-short", app, in_process)
        in_process.rests()
        answer = in_process.ask(app, "PUT", f"/v2/images/{image}/file", body=DATA)
        assert answer.status_int == 204
        upload = answer.headers["x-openstack-request-id"]
        told = in_process.waits_for(4)  # the next look-up may come while the upload is under way
        assert events([e for e in told if e["_context_request_id"] == upload]) == UPLOADED
        assert events([e for e in told if e["_context_request_id"] != upload]) == BROKEN[1:]


def test_what_fails_before_it_has_begun_is_told_though_glance_never_unlocks_it(
    app: WSGIApplication, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followed_work, "LONGEST_WAIT", 1.0)
    case = web({"stores": ["store1", "store1"]}, BROKEN)
    image = image_of(case, app, in_process)
    assert events(imported(app, in_process, image, case)) == BROKEN
    record = in_process.ask(in_process.stock_pipeline(), "GET", f"/v2/images/{image}").json
    assert "os_glance_import_task" in record


def test_an_image_that_is_deleted_meanwhile_leaves_an_unknown_outcome(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = image_of(web({}, []), app, in_process)
    begun = imported(app, in_process, image, web({}, UPLOADED[:1], uri="/slow"))
    assert events(begun) == UPLOADED[:1]
    in_process.web.is_asked_for("/slow")
    assert in_process.ask(app, "DELETE", f"/v2/images/{image}").status_int == 204
    told = in_process.waits_for(2)
    in_process.web.go_on("/slow")
    assert events(told) == ["delete INFO", "upload ERROR"]
    assert "the outcome is unknown: the image is gone" in told[1]["payload"]


@pytest.mark.parametrize("payload", ["id", "metadata"])
def test_an_import_that_has_ended_well_is_told_so_though_its_image_is_deleted_at_once(
    payload: str, in_process: InProcess
) -> None:
    in_process.told()
    app = in_process.pipeline(image_delete_payload=payload)
    image = image_of(web({}, []), app, in_process)
    body = {"method": {"name": "web-download", "uri": f"{in_process.web.url}/good"}}
    answer = in_process.ask(app, "POST", f"/v2/images/{image}/import", json=body)
    assert answer.status_int == 202
    in_process.rests()
    assert in_process.ask(app, "DELETE", f"/v2/images/{image}").status_int == 204
    told = in_process.waits_for(4)
    assert sorted(events(told)) == sorted(["delete INFO", *UPLOADED])
    assert {each["payload"]["status"] for each in told if "activate" in each["event_type"]} == {
        "active"
    }


@pytest.mark.parametrize(
    ("uris", "ends"),
    [(("/none", "/good"), (BROKEN, UPLOADED)), (("/none", "/none"), (BROKEN, BROKEN))],
)
def test_imports_under_one_request_id_are_each_told_as_they_ended(
    uris: tuple[str, ...], ends: tuple[list[str], ...], app: WSGIApplication, in_process: InProcess
) -> None:
    """A client may send the id that Glance takes, and most send one for all of a user's action."""
    image = image_of(web({}, []), app, in_process)
    headers = {"X-OpenStack-Request-ID": "req-of-a-whole-action"}
    for uri, told in zip(uris, ends, strict=True):
        case = web({}, told, uri=uri, headers=headers)
        assert events(imported(app, in_process, image, case)) == told
        assert in_process.told() == []


def test_a_failed_import_is_told_so_though_a_good_upload_had_the_same_request_id(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = image_of(web({}, []), app, in_process)
    headers = {"X-OpenStack-Request-ID": "req-of-a-whole-action"}
    body = {"method": {"name": "web-download", "uri": f"{in_process.web.url}/none"}}
    path = f"/v2/images/{image}"
    answer = in_process.ask(app, "POST", f"{path}/import", json=body, headers=headers)
    assert answer.status_int == 202
    in_process.rests()
    answer = in_process.ask(app, "PUT", f"{path}/file", body=DATA, headers=headers)
    assert answer.status_int == 204
    assert sorted(events(in_process.waits_for(5))) == sorted([*BROKEN, *UPLOADED])


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
    ("url", "of", "validation", "expected"), LOCATIONS + (LOCATIONS_WHEN_LONG if LONG else [])
)
def test_a_location_that_is_added_is_told_as_it_ended(
    url: str,
    of: str,
    validation: dict[str, str],
    expected: list[str],
    app: WSGIApplication,
    in_process: InProcess,
    comparison: Comparison,
) -> None:
    image = image_of(web({}, [], image=of), app, in_process)
    body: dict[str, Any] = {"url": f"{in_process.web.url}{url}" if url[0] == "/" else url}
    if validation:
        body["validation_data"] = validation
    path = f"/v2/images/{image}/locations"
    answer = in_process.ask(app, "POST", path, json=body)
    assert (answer.status_int == 202) is (expected in (ADDED, NOT_ADDED)), answer.text
    told = in_process.waits_for(len(expected))
    request = Request(f"locations {url}", 0, "POST", path, answer.status_int)
    compared("locations", request, told, expected, comparison)
    assert events(told) == expected
    for each in told:
        assert each["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert each["_context_user_id"] == ALICE.user_id
        assert "127.0.0.1" not in str(each["payload"])
    if expected == ADDED:
        assert {each["payload"]["status"] for each in told} == {"active"}
