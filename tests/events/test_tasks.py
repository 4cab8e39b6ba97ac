"""Tasks of Glance: which one a request has made, and the events of a task of the tasks API."""

from typing import Any

import pytest

from glance_notify_middleware.events import rules, tasks
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.matching import match
from glance_notify_middleware.events.operations import Action, Operation
from tests.events.cases import IMAGE, METADATA, RECORD

TASK = "4b0c2b34-0000-4000-8000-000000000001"
REQUESTED = {"name": "by-task", "disk_format": "raw", "container_format": "bare"}
INPUT = {"import_from": "http://u:secret@h/i", "import_from_format": "raw"}
GIVEN = INPUT | {"image_properties": REQUESTED}


def made(task_id: str, seconds: int, status: str = "processing", **more: str) -> dict[str, str]:
    created_at = f"2026-11-29T12:00:{seconds:02}"
    return {"id": task_id, "status": status, "created_at": created_at, **more}


def listed(*found: dict[str, str]) -> tuple[tasks.Task, ...]:
    there = tasks.parse_listing({"tasks": list(found)}, Action.IMPORT)
    assert there is not None
    return there


def by_task(image_id: str | None = None) -> Operation:
    operation = match("POST", "/v2/tasks")
    assert operation is not None
    return operation._replace(task_id=TASK, image_id=image_id)


@pytest.mark.parametrize("answer", [None, {}, {"tasks": "failure"}, {"tasks": None}])
def test_answer_without_a_list_of_tasks_is_none(answer: Any) -> None:
    assert tasks.parse_listing(answer, Action.IMPORT) is None
    assert tasks.ids_to_keep(None) is None


def test_listing_has_the_tasks_of_its_action_alone() -> None:
    found = [
        made("a", 1, type="api_image_import"),
        made("b", 2, type="location_import"),
        made("c", 3, type="import"),
        "failure",
    ]
    assert [each.id for each in tasks.parse_listing({"tasks": found}, Action.IMPORT) or ()] == ["a"]
    assert [
        each.id for each in tasks.parse_listing({"tasks": found}, Action.ADD_LOCATION) or ()
    ] == ["b"]


@pytest.mark.parametrize(
    ("after", "before", "expected"),
    [
        ([made("a", 1)], [], "a"),
        ([made("a", 1), made("b", 2)], ["a"], "b"),
        ([made("b", 2), made("a", 1)], [], "a"),  # a later task exists
        ([made("a", 1), made("b", 1)], [], None),  # neither of them is known to be the first
        ([made("a", 1)], ["a"], None),
        ([], [], None),
    ],
)
def test_first_new_task_is_the_oldest_that_was_not_there_before(
    after: list[dict[str, str]], before: list[str], expected: str | None
) -> None:
    assert tasks.first_new_id(listed(*after), frozenset(before)) == expected


def test_status_is_that_of_the_task_with_the_id_whatever_request_made_it() -> None:
    found = listed(made("a", 1, "failure", request_id="r"), made("b", 2, "success", request_id="r"))
    assert [tasks.status_of(found, each) for each in ("a", "b", "c", None)] == [
        *("failure", "success"),
        *(None, None),
    ]


def test_ids_to_keep_are_at_most_100() -> None:
    many = listed(*(made(str(number), 1) for number in range(101)))
    assert tasks.ids_to_keep(many) is None
    assert tasks.ids_to_keep(many[1:]) == frozenset(str(number) for number in range(1, 101))


def test_task_that_succeeded_carries_its_image_as_it_was_at_each_step() -> None:
    events = tasks.success_events(by_task(IMAGE), {"input": GIVEN}, RECORD)
    fresh = {**METADATA, "size": None, "checksum": None, "virtual_size": None}
    wanted = fresh | {"status": "queued", "disk_format": "raw"}
    assert [(each.event_type, each.priority, each.payload) for each in events] == [
        ("image.create", "INFO", wanted),
        ("image.prepare", "INFO", fresh | {"status": "saving"}),
        ("image.upload", "INFO", METADATA),
        ("image.activate", "INFO", METADATA),
    ]


def test_task_that_succeeded_without_a_record_carries_what_was_requested() -> None:
    events = tasks.success_events(by_task(IMAGE), {"input": GIVEN}, None)
    assert len(events) == 4
    for each in events:
        assert isinstance(each.payload, dict)
        assert each.payload["id"] == IMAGE
        assert {name: each.payload[name] for name in REQUESTED} == REQUESTED
        assert len(each.payload) == 20
    assert events[-1].payload["status"] == "active"  # type: ignore[index]


def test_task_events_do_not_take_from_the_request_what_glance_sets() -> None:
    wrong = REQUESTED | {
        "id": "x",
        "status": "killed",
        "size": 7,
        "created_at": "1999-01-01T00:00:00Z",
    }
    given = {"input": INPUT | {"image_properties": wrong}}
    events = (
        tasks.success_events(by_task(IMAGE), given, None)
        + tasks.failure_events(by_task(), given)[:1]
    )
    for each in events:
        assert isinstance(each.payload, dict)
        assert each.payload["id"] in (IMAGE, None)
        assert (each.payload["size"], each.payload["created_at"]) == (None, None)
        assert each.payload["status"] != "killed"


def test_task_that_failed_carries_what_was_requested_and_why() -> None:
    message = "Uploading the image failed due to: <urlopen http://u:secret@h/i /srv/tasks/x>"
    create, upload = tasks.failure_events(by_task(), {"input": GIVEN, "message": message})
    assert (create.event_type, create.priority) == ("image.create", "INFO")
    assert isinstance(create.payload, dict)
    assert {name: value for name, value in create.payload.items() if value is not None} == {
        **REQUESTED,
        **{"status": "queued", "properties": {}, "deleted": False},
    }
    assert (upload.event_type, upload.priority) == ("image.upload", "ERROR")
    assert upload.payload == (
        f"import an image by task {TASK}: Glance accepted it, and it failed: "
        "Uploading the image failed due to:"
    )


@pytest.mark.parametrize("message", [None, "", 7])
def test_task_that_failed_may_have_no_message(message: Any) -> None:
    text = str(tasks.failure_events(by_task(), {"input": GIVEN, "message": message})[1].payload)
    assert text.startswith(f"import an image by task {TASK}: Glance accepted it, and it failed")


def test_task_that_lacks_a_required_input_has_created_no_image() -> None:
    (event,) = tasks.failure_events(
        by_task(), {"input": INPUT, "message": "Input does not contain it"}
    )
    assert (event.event_type, event.priority) == ("image.create", "ERROR")
    assert str(event.payload).endswith("it failed: Input does not contain it")


@pytest.mark.parametrize("task", [{}, {"input": None}, {"input": {**INPUT, "image_properties": 1}}])
def test_task_that_failed_may_hide_what_was_requested(task: dict[str, Any]) -> None:
    create, upload = tasks.failure_events(by_task(), task)
    assert isinstance(create.payload, dict)
    assert create.payload["properties"] == {}
    assert upload.priority == "ERROR"


@pytest.mark.parametrize(
    ("task", "image_id"),
    [
        ({"result": {"image_id": IMAGE}, "image_id": "the-clients-choice"}, IMAGE),
        ({"result": None, "image_id": "the-clients-choice"}, None),
        ({"result": {"image_id": 7}}, None),
        ({}, None),
    ],
)
def test_created_image_is_that_of_the_result(task: dict[str, Any], image_id: str | None) -> None:
    assert tasks.created_image_id(task) == image_id


@pytest.mark.parametrize(
    ("body", "is_event"),
    [
        (b'{"type": "import", "input": {}}', True),
        (b'{"input": {}}', True),
        (b'{"type": "import"', True),
        (b"[" * 100_000, True),
        (b"[]", True),
        (b"", True),
        (None, True),
        (b'{"type": "api_image_import", "input": {"image_id": "x"}}', False),
        (b'{"type": "location_import"}', False),
    ],
)
@pytest.mark.parametrize(("status", "priority"), [(403, "WARN"), (400, "WARN"), (500, "ERROR")])
def test_refused_task_is_an_event_when_it_might_have_made_an_image(
    body: bytes | None, is_event: bool, status: int, priority: str
) -> None:
    operation = match("POST", "/v2/tasks")
    assert operation is not None
    request = RequestFacts(Requester(), None, body_start=body)
    exchange = Exchange(operation, request, ResponseFacts(status))
    found = rules.decide(exchange, None, lambda: "")
    assert [(each.event_type, each.priority) for each in found] == (
        [("image.create", priority)] if is_event else []
    )
    if is_event:
        assert str(found[0].payload).startswith(f"import an image by task: {status}")


def test_accepted_task_goes_on_in_the_background() -> None:
    operation = match("POST", "/v2/tasks")
    assert operation is not None
    request = RequestFacts(Requester(), None)
    assert rules.goes_on_in_background(Exchange(operation, request, ResponseFacts(201)))
    assert not rules.goes_on_in_background(Exchange(operation, request, ResponseFacts(202)))
    assert not rules.goes_on_in_background(
        Exchange(operation, request, ResponseFacts(201, error="OSError"))
    )
    assert operation._replace(task_id=TASK).record_path == f"/v2/tasks/{TASK}"
    assert by_task(IMAGE).record_path == f"/v2/images/{IMAGE}"


@pytest.mark.parametrize(
    ("task", "makes"),
    [({"type": "import"}, True), ({}, True), ({"type": "api_image_import"}, False)],
)
def test_task_may_make_an_image_unless_it_has_another_type(
    task: dict[str, Any], makes: bool
) -> None:
    assert tasks.may_make_image(task) is makes
