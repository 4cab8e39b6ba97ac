"""The tasks API on a real Glance: the filter emits exactly the events that the contract demands,
and what Glance's own notifier emits for them agrees."""

import time
from collections.abc import Iterator
from typing import Any, NamedTuple
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, ROOT, Person
from glance_notify_middleware.wsgi import followed_work
from tests.agreement.comparison import unexplained
from tests.agreement.observed import Request
from tests.agreement.page import BackgroundOperation
from tests.glance.conftest import Comparison, InProcess
from tests.glance.test_background import events
from tests.glance.web import GOOD

PROPERTIES = {"name": "by-task", "disk_format": "raw", "container_format": "bare", "os": "linux"}
MADE = ["create INFO", "prepare INFO", "upload INFO", "activate INFO"]
BROKEN = ["create INFO", "upload ERROR"]
REFUSED = ["create WARN"]


class Case(NamedTuple):
    """One task: what the request asks for, the status, and the events that are expected."""

    name: str
    expected: list[str]
    asked: dict[str, Any]
    status: int = 201
    type: str = "import"
    who: Person = ROOT

    def __str__(self) -> str:
        return self.name


def task_input(uri: str = "/good", **properties: Any) -> dict[str, Any]:
    return {
        "import_from": uri,
        "import_from_format": "raw",
        "image_properties": PROPERTIES | properties,
    }


CASES = [
    Case("good", MADE, task_input()),
    Case("good, with an image id of the client's", MADE, task_input() | {"image_id": "made up"}),
    Case("of a missing file", BROKEN, task_input("/none")),
    Case("of a file that breaks off", BROKEN, task_input("/short")),
    Case("of another format than requested", MADE, task_input(disk_format="qcow2")),
    Case("without the required input", ["create ERROR"], {"import_from": "/good"}),
    Case("of an import", [], {"image_id": "IMAGE", "import_req": {}}, type="api_image_import"),
    Case(
        "of a location",
        [],
        {"image_id": "IMAGE", "loc_url": "/good", "validation_data": {}},
        type="location_import",
    ),
    Case("of an unknown type", [], task_input(), 400, type="clone"),
    Case("from a file", REFUSED, task_input("file:///etc/hostname"), 400),
    Case("by a user who is no administrator", REFUSED, task_input(), 403, who=ALICE),
]


@pytest.fixture
def app(in_process: InProcess) -> Iterator[WSGIApplication]:
    in_process.new_messages()
    yield in_process.pipeline()
    in_process.wait_for_background_work()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_task_emits_the_events_of_how_it_ended(
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
    in_process.wait_for_background_work()
    messages = in_process.wait_for(len(case.expected))
    if not case.expected:
        time.sleep(2 * followed_work.FIRST_WAIT)
        messages = in_process.new_messages()
    assert events(messages) == case.expected
    request = Request(f"task {case}", 0, "POST", "/v2/tasks", answer.status_int)
    findings = comparison.compare(request, messages)
    if answer.status_int == 201:
        expected = ", ".join(case.expected) or "nothing"
        is_exact = events(messages) == case.expected
        comparison.agreement.add_background(
            BackgroundOperation("tasks", expected, is_exact, findings)
        )
    else:
        comparison.agreement.add(findings)
    assert not unexplained(findings)
    for message in messages:
        assert message["_context_request_id"] == answer.headers["x-openstack-request-id"]
        assert message["_context_user_id"] == case.who.user_id
        assert in_process.web.url not in str(message["payload"])
    if case.expected == MADE:
        task = in_process.ask(app, "GET", f"/v2/tasks/{answer.json['id']}", who=ROOT).json
        for message in messages:
            assert message["payload"]["id"] == task["result"]["image_id"]
            assert message["payload"]["properties"] == {"os": "linux"}
        assert [message["payload"]["size"] for message in messages] == [
            None,
            None,
            len(GOOD),
            len(GOOD),
        ]
        requested = case.asked["image_properties"]["disk_format"]
        assert [message["payload"]["disk_format"] for message in messages] == [
            requested,
            *3 * ["raw"],
        ]
    if case.expected == BROKEN:
        assert answer.json["id"] in messages[1]["payload"]
        assert (messages[0]["payload"]["id"], messages[0]["payload"]["name"]) == (
            None,
            "by-task",
        )
