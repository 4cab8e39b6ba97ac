"""Glance's own tasks: which is the one that a request has made, and what the tasks API's mean."""

from typing import Any

import pytest

from glance_notify_middleware.events import rules, tasks
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from glance_notify_middleware.events.operations import Action, Operation, match
from tests.events.cases import IMAGE, METADATA, RECORD

TASK = "4b0c2b34-0000-4000-8000-000000000001"
ASKED = {"name": "by-task", "disk_format": "raw", "container_format": "bare"}
INPUT = {"import_from": "http://u:secret@h/i", "import_from_format": "raw"}
GIVEN = INPUT | {"image_properties": ASKED}


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
def test_what_is_no_list_is_none(answer: Any) -> None:
    assert tasks.parse_listing(answer, Action.IMPORT) is None
    assert tasks.ids_to_keep(None) is None


def test_a_list_has_those_of_its_action_and_nothing_that_is_no_task() -> None:
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
        ([made("b", 2), made("a", 1)], [], "a"),  # another came after it
        ([made("a", 1), made("b", 1)], [], None),  # which of them was first is not known
        ([made("a", 1)], ["a"], None),
        ([], [], None),
    ],
)
def test_its_own_task_is_the_first_that_was_not_there_before(
    after: list[dict[str, str]], before: list[str], expected: str | None
) -> None:
    assert tasks.first_new_id(listed(*after), frozenset(before)) == expected


def test_the_status_is_that_of_the_task_with_this_id_whatever_request_made_it() -> None:
    found = listed(made("a", 1, "failure", request_id="r"), made("b", 2, "success", request_id="r"))
    assert [tasks.status_of(found, each) for each in ("a", "b", "c", None)] == [
        *("failure", "success"),
        *(None, None),
    ]


def test_no_more_than_a_hundred_ids_are_kept() -> None:
    many = listed(*(made(str(number), 1) for number in range(101)))
    assert tasks.ids_to_keep(many) is None
    assert tasks.ids_to_keep(many[1:]) == frozenset(str(number) for number in range(1, 101))


def test_a_task_that_succeeded_tells_its_image_as_it_was_at_each_step() -> None:
    told = tasks.success_events(by_task(IMAGE), {"input": GIVEN}, RECORD)
    fresh = {**METADATA, "size": None, "checksum": None, "virtual_size": None}
    wanted = fresh | {"status": "queued", "disk_format": "raw"}
    assert [(each.event_type, each.priority, each.payload) for each in told] == [
        ("image.create", "INFO", wanted),
        ("image.prepare", "INFO", fresh | {"status": "saving"}),
        ("image.upload", "INFO", METADATA),
        ("image.activate", "INFO", METADATA),
    ]


def test_where_the_record_is_not_to_be_had_it_tells_what_was_asked_for() -> None:
    told = tasks.success_events(by_task(IMAGE), {"input": GIVEN}, None)
    assert len(told) == 4
    for each in told:
        assert isinstance(each.payload, dict)
        assert each.payload["id"] == IMAGE
        assert {name: each.payload[name] for name in ASKED} == ASKED
        assert len(each.payload) == 20
    assert told[-1].payload["status"] == "active"  # type: ignore[index]


def test_what_glance_alone_sets_is_not_taken_from_what_was_asked_for() -> None:
    wrong = ASKED | {"id": "x", "status": "killed", "size": 7, "created_at": "1999-01-01T00:00:00Z"}
    given = {"input": INPUT | {"image_properties": wrong}}
    told = (
        tasks.success_events(by_task(IMAGE), given, None)
        + tasks.failure_events(by_task(), given)[:1]
    )
    for each in told:
        assert isinstance(each.payload, dict)
        assert each.payload["id"] in (IMAGE, None)
        assert (each.payload["size"], each.payload["created_at"]) == (None, None)
        assert each.payload["status"] != "killed"


def test_a_task_that_failed_tells_what_it_was_to_create_and_why() -> None:
    message = "Uploading the image failed due to: <urlopen http://u:secret@h/i /srv/tasks/x>"
    create, upload = tasks.failure_events(by_task(), {"input": GIVEN, "message": message})
    assert (create.event_type, create.priority) == ("image.create", "INFO")
    assert isinstance(create.payload, dict)
    assert {name: value for name, value in create.payload.items() if value is not None} == {
        **ASKED,
        **{"status": "queued", "properties": {}, "deleted": False},
    }
    assert (upload.event_type, upload.priority) == ("image.upload", "ERROR")
    assert upload.payload == (
        f"import an image by task {TASK}: Glance accepted it, and it failed: "
        "Uploading the image failed due to:"
    )


@pytest.mark.parametrize("message", [None, "", 7])
def test_why_may_be_missing(message: Any) -> None:
    text = str(tasks.failure_events(by_task(), {"input": GIVEN, "message": message})[1].payload)
    assert text.startswith(f"import an image by task {TASK}: Glance accepted it, and it failed")


def test_a_task_that_lacks_what_glance_needs_has_created_nothing() -> None:
    (told,) = tasks.failure_events(
        by_task(), {"input": INPUT, "message": "Input does not contain it"}
    )
    assert (told.event_type, told.priority) == ("image.create", "ERROR")
    assert str(told.payload).endswith("it failed: Input does not contain it")


@pytest.mark.parametrize("task", [{}, {"input": None}, {"input": {**INPUT, "image_properties": 1}}])
def test_what_was_asked_for_may_not_be_seen(task: dict[str, Any]) -> None:
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
def test_the_image_is_that_of_the_result(task: dict[str, Any], image_id: str | None) -> None:
    assert tasks.created_image_id(task) == image_id


@pytest.mark.parametrize(
    ("body", "told"),
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
def test_a_task_that_is_refused_is_told_unless_it_was_to_make_no_image(
    body: bytes | None, told: bool, status: int, priority: str
) -> None:
    operation = match("POST", "/v2/tasks")
    assert operation is not None
    request = RequestFacts(Requester(), None, body_start=body)
    exchange = Exchange(operation, request, ResponseFacts(status))
    found = rules.decide(exchange, None, lambda: "")
    assert [(each.event_type, each.priority) for each in found] == (
        [("image.create", priority)] if told else []
    )
    if told:
        assert str(found[0].payload).startswith(f"import an image by task: {status}")


def test_what_glance_has_accepted_goes_on_whatever_its_type_is() -> None:
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
def test_only_a_task_of_type_import_makes_an_image(task: dict[str, Any], makes: bool) -> None:
    assert tasks.may_make_image(task) is makes
