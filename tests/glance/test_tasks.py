"""The tasks API on a real Glance: exactly the events that the contract names, and what its own
notifier tells of them."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, ROOT, Person
from glance_notify_middleware.wsgi import followed_work
from tests.agreement.comparison import unexplained
from tests.agreement.page import Followed
from tests.agreement.told import Request
from tests.glance.conftest import Comparison, InProcess
from tests.glance.test_asynchronous import events
from tests.glance.web import GOOD

PROPERTIES = {"name": "by-task", "disk_format": "raw", "container_format": "bare", "os": "linux"}
MADE = ["create INFO", "prepare INFO", "upload INFO", "activate INFO"]
BROKEN = ["create INFO", "upload ERROR"]
REFUSED = ["create WARN"]


class Case(NamedTuple):
    """One task: what is asked for, how Glance answers, and what must be told of it."""

    name: str
    told: list[str]
    asked: dict[str, Any]
    status: int = 201
    type: str = "import"
    who: Person = ROOT

    def __str__(self) -> str:
        return self.name


def asks(uri: str = "/good", **properties: Any) -> dict[str, Any]:
    return {
        "import_from": uri,
        "import_from_format": "raw",
        "image_properties": PROPERTIES | properties,
    }


CASES = [
    Case("good", MADE, asks()),
    Case("good, of the client's own image id", MADE, asks() | {"image_id": "made up"}),
    Case("not there", BROKEN, asks("/none")),
    Case("breaks off", BROKEN, asks("/short")),
    Case("of another format than it is said to be", MADE, asks(disk_format="qcow2")),
    Case("without what is needed", ["create ERROR"], {"import_from": "/good"}),
    Case("of an import", [], {"image_id": "IMAGE", "import_req": {}}, type="api_image_import"),
    Case(
        "of a location",
        [],
        {"image_id": "IMAGE", "loc_url": "/good", "validation_data": {}},
        type="location_import",
    ),
    Case("of no known type", [], asks(), 400, type="clone"),
    Case("from a file", REFUSED, asks("file:///etc/hostname"), 400),
    Case("by no administrator", REFUSED, asks(), 403, who=ALICE),
]


@pytest.fixture
def app(in_process: InProcess) -> Iterator[WSGIApplication]:
    in_process.told()
    yield in_process.pipeline()
    in_process.rests()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_task_is_told_as_it_ended(
    case: Case, app: WSGIApplication, in_process: InProcess, comparison: Comparison
) -> None:
    image = in_process.image(app)
    asked = dict(case.asked)
    for name in ("import_from", "loc_url"):
        if asked.get(name, "").startswith("/"):
            asked[name] = f"{in_process.web.url}{asked[name]}"
    if asked.get("image_id") == "IMAGE":
        asked["image_id"] = image
    body = {"type": case.type, "input": asked}
    answer = in_process.ask(app, "POST", "/v2/tasks", who=case.who, json=body)
    assert answer.status_int == case.status, answer.text
    in_process.rests()
    told = in_process.waits_for(len(case.told))
    if not case.told:
        time.sleep(2 * followed_work.FIRST_WAIT)
        told = in_process.told()
    assert events(told) == case.told
    request = Request(f"task {case}", 0, "POST", "/v2/tasks", answer.status_int)
    findings = comparison.compare(request, told)
    if answer.status_int == 201:
        ends = ", ".join(case.told) or "nothing"
        exactly = events(told) == case.told
        comparison.agreement.settled(Followed("tasks", ends, exactly, findings))
    else:
        comparison.agreement.found(findings)
    assert not unexplained(findings)
    for each in told:
        assert each["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert each["_context_user_id"] == case.who.user_id
        assert in_process.web.url not in str(each["payload"])
    if case.told == MADE:
        task = in_process.ask(app, "GET", f"/v2/tasks/{answer.json['id']}", who=ROOT).json
        for each in told:
            assert each["payload"]["id"] == task["result"]["image_id"]
            assert each["payload"]["properties"] == {"os": "linux"}
        assert [each["payload"]["size"] for each in told] == [None, None, len(GOOD), len(GOOD)]
        said = case.asked["image_properties"]["disk_format"]
        assert [each["payload"]["disk_format"] for each in told] == [said, *3 * ["raw"]]
    if case.told == BROKEN:
        assert answer.json["id"] in told[1]["payload"]
        assert (told[0]["payload"]["id"], told[0]["payload"]["name"]) == (None, "by-task")
