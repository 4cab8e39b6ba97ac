"""The tasks API: background work after a 201 is followed by the task that the response names."""

import json
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from tests.wsgi.doubles import IMAGE, answering
from tests.wsgi.following_stage import ImportingGlance, Stage

TASK = "4b0c2b34-0000-4000-8000-000000000001"
ASKED = {"name": "by-task", "disk_format": "raw", "container_format": "bare"}
INPUT = {
    "import_from": "http://u:secret@h/i",
    "import_from_format": "raw",
    "image_properties": ASKED,
}
PENDING = {"id": TASK, "type": "import", "status": "pending", "input": INPUT, "result": None}
PROCESSING = PENDING | {"status": "processing"}
DONE = PENDING | {"status": "success", "result": {"image_id": IMAGE}}
FAILED = PENDING | {"status": "failure", "message": "Task failed due to Internal Error"}
MADE = [*("image.create INFO", "image.prepare INFO"), *("image.upload INFO", "image.activate INFO")]
LOCATION = [("Location", f"/v2/tasks/{TASK}")]


class TasksGlance(ImportingGlance):
    """Accepts tasks, and shows the task and image records that a test has set."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: Any = PENDING
        self.headers: list[tuple[str, str]] = []
        self.task: Any = PROCESSING
        self.shows = {"status": "active", "size": 3, **ASKED}
        self.asked: list[str] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if environ["REQUEST_METHOD"] == "POST":
            environ["wsgi.input"].read()
            body = self.answers if isinstance(self.answers, bytes) else json.dumps(self.answers)
            data = [body if isinstance(body, bytes) else body.encode()]
            return answering(self.response_status, data, self.headers)(environ, start_response)
        self.asked.append(path)
        if path != f"/v2/tasks/{TASK}":
            return super().__call__(environ, start_response)
        if isinstance(self.task, str):
            return answering(self.task)(environ, start_response)
        return answering("200 OK", [json.dumps(self.task).encode()])(environ, start_response)


class TasksStage(Stage):
    """The filter over a TasksGlance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.glance = self.tasks_glance = TasksGlance()
        self.glance.response_status = "201 Created"
        self.make_filter()

    def makes(self, **asked: Any) -> None:
        served = self.request("POST", "/v2/tasks", {"type": "import", "input": INPUT, **asked})
        assert served.trace[0][1] == self.glance.response_status


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> TasksStage:
    return TasksStage(monkeypatch)


def test_task_that_succeeded_emits_events_with_the_record_of_its_image(stage: TasksStage) -> None:
    stage.makes()
    stage.advance(3.0)
    assert (stage.recorder.events, stage.tasks_glance.asked) == ([], 2 * [f"/v2/tasks/{TASK}"])
    stage.tasks_glance.task = DONE
    stage.advance(0.5)
    assert stage.recorder.events == MADE
    assert stage.tasks_glance.asked[-2:] == [f"/v2/tasks/{TASK}", f"/v2/images/{IMAGE}"]
    assert [notification.payload["status"] for notification in stage.recorder.notifications] == [  # type: ignore[index]
        *("queued", "saving", "active", "active")
    ]
    for notification in stage.recorder.notifications:
        assert (notification.payload["id"], notification.payload["name"]) == (IMAGE, "by-task")  # type: ignore[index]
        assert (notification.user_id, notification.request_id) == ("the-user", "req-1")
        assert "secret" not in str(notification.payload)
    assert sorted(stage.recorder.ended) == sorted(stage.recorder.begun)
    assert (stage.follower.latest, stage.follower.turn()) == ({}, None)


def test_open_intent_names_the_task(stage: TasksStage) -> None:
    stage.makes()
    before, meanwhile = stage.recorder.begun
    assert stage.recorder.ended == [before]
    assert (before.image_id, meanwhile.image_id) == (None, TASK)
    assert (meanwhile.event_type, meanwhile.tried) == ("image.create", "import an image by task")
    assert (meanwhile.user_id, meanwhile.request_id) == ("the-user", "req-1")
    assert "secret" not in repr(stage.recorder.begun)


def test_failed_task_is_an_error(stage: TasksStage) -> None:
    stage.makes()
    stage.tasks_glance.task = FAILED
    stage.advance(0.5)
    assert stage.recorder.events == ["image.create INFO", "image.upload ERROR"]
    assert stage.recorder.notifications[1].payload == (
        f"import an image by task {TASK}: Glance accepted it, and it failed: "
        "Task failed due to Internal Error"
    )
    assert sorted(stage.recorder.ended) == sorted(stage.recorder.begun)


@pytest.mark.parametrize("status", ["404 Not Found", "410 Gone"])
def test_task_whose_record_is_gone_is_of_unknown_outcome(stage: TasksStage, status: str) -> None:
    stage.makes()
    stage.tasks_glance.task = status
    stage.advance(0.5)
    assert stage.recorder.events == ["image.create ERROR"]
    assert stage.recorder.notifications[0].payload == (
        f"import an image by task {TASK}: the outcome is unknown: the task is gone"
    )


def test_task_that_is_not_shown_is_of_unknown_outcome_after_the_limit(
    stage: TasksStage,
) -> None:
    stage.make_filter(follow_limit="1m")
    stage.makes()
    stage.tasks_glance.task = "403 Forbidden"
    stage.advance(60)
    assert stage.recorder.events == ["image.create ERROR"]


def test_task_whose_image_is_gone_emits_what_is_known(stage: TasksStage) -> None:
    stage.makes()
    stage.tasks_glance.task = DONE
    stage.glance.shows = "404 Not Found"
    stage.advance(0.5)
    assert stage.recorder.events == MADE
    for notification in stage.recorder.notifications:
        assert (notification.payload["id"], notification.payload["name"]) == (IMAGE, "by-task")  # type: ignore[index]


def test_task_that_succeeded_without_naming_an_image_is_of_unknown_outcome(
    stage: TasksStage,
) -> None:
    stage.makes()
    stage.tasks_glance.task = DONE | {"result": None, "image_id": "the-clients-choice"}
    stage.advance(0.5)
    assert stage.recorder.events == ["image.create ERROR"]
    assert str(stage.recorder.notifications[0].payload).endswith("names no image")
    assert stage.tasks_glance.asked == [f"/v2/tasks/{TASK}"]


def test_image_whose_look_up_raises_is_looked_up_again(stage: TasksStage) -> None:
    stage.makes()
    stage.tasks_glance.task = DONE
    stage.glance.shows = OSError("mysql://glance:secret@db")
    stage.advance(0.5)
    assert stage.recorder.events == []
    stage.glance.shows = {"status": "active", **ASKED}
    stage.advance(1.0)
    assert stage.recorder.events == MADE


@pytest.mark.parametrize("where", ["body", "record"])
def test_task_of_another_type_is_no_event(stage: TasksStage, where: str) -> None:
    other = PENDING | {"type": "api_image_import", "status": "success"}
    if where == "body":
        stage.tasks_glance.answers = other
    else:  # the response cannot be read, and names the task in a header alone
        stage.tasks_glance.answers, stage.tasks_glance.headers = b"\x1f\x8b", LOCATION
        stage.tasks_glance.task = other
    stage.makes(type="api_image_import")
    stage.advance(0.5)
    assert stage.recorder.events == []
    assert sorted(stage.recorder.ended) == sorted(stage.recorder.begun)
    assert bool(stage.tasks_glance.asked) is (where == "record")


@pytest.mark.parametrize(("body", "id_is_known"), [(b"\x1f\x8b", True), (b'{"id": 7}', False)])
def test_response_that_cannot_be_read_may_name_the_task_in_a_header(
    stage: TasksStage, body: bytes, id_is_known: bool
) -> None:
    stage.tasks_glance.answers, stage.tasks_glance.headers = body, LOCATION
    stage.tasks_glance.task = DONE
    stage.makes()
    if not id_is_known:
        assert stage.recorder.events == ["image.create ERROR"]
        assert str(stage.recorder.notifications[0].payload).endswith("does not name the task")
        assert stage.recorder.ended == stage.recorder.begun
    else:
        stage.advance(0.5)
        assert stage.recorder.events == MADE


@pytest.mark.parametrize("status", ["403 Forbidden", "400 Bad Request", "500 Oops"])
def test_refused_task_is_an_event_at_once(stage: TasksStage, status: str) -> None:
    stage.glance.response_status = status
    stage.makes()
    priority = "ERROR" if status.startswith("5") else "WARN"
    assert stage.recorder.events == [f"image.create {priority}"]
    assert (stage.follower.turn(), stage.started, stage.tasks_glance.asked) == (None, [], [])
    assert stage.recorder.ended == stage.recorder.begun


def test_image_with_the_id_of_the_task_is_not_followed(stage: TasksStage) -> None:
    stage.makes()
    assert stage.follower.find(TASK) is None
    stage.request("DELETE", f"/v2/images/{TASK}")
    assert [path for path in stage.tasks_glance.asked if "tasks" in path] == []


def test_task_beyond_follow_max_is_of_unknown_outcome_at_once(stage: TasksStage) -> None:
    stage.make_filter(follow_max="1")
    stage.makes()
    stage.tasks_glance.answers = PENDING | {"id": "another"}
    stage.makes()
    assert stage.recorder.events == ["image.create ERROR"]
    assert str(stage.recorder.notifications[0].payload).startswith(
        "import an image by task another:"
    )


def test_task_whose_events_are_unwanted_is_not_looked_up(stage: TasksStage) -> None:
    stage.make_filter(disabled_notifications="image")
    stage.tasks_glance.task = DONE
    stage.makes()
    stage.advance(10)
    assert (stage.recorder.begun, stage.recorder.events, stage.tasks_glance.asked) == ([], [], [])


def test_task_is_looked_up_once_more_as_the_process_ends(stage: TasksStage) -> None:
    stage.makes()
    stage.follower.turn()
    stage.tasks_glance.task = DONE
    stage.follower._look_all_up()
    assert stage.recorder.events == MADE
