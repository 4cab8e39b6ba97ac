"""What Glance works on after a 202, followed; the clock and Glance are played."""

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events import background
from glance_notify_middleware.wsgi import middleware
from glance_notify_middleware.wsgi.following import Follower
from glance_notify_middleware.wsgi.middleware import NotifyMiddleware
from glance_notify_middleware.wsgi.snapshot import lasting_snapshot, take_snapshot
from tests.wsgi.doubles import IMAGE, ListRecorder, Server, answering, environ, with_filter

ONE = f"/v2/images/{IMAGE}"
LOCK, LISTS = (
    background.LOCK_KEY,
    {"os_glance_importing_to_stores": "", "os_glance_failed_import": ""},
)
QUEUED = {"status": "queued", LOCK: "task-1"}
IMPORTING = {"status": "importing", LOCK: "task-1", **LISTS}
ACTIVE = {"status": "active", "stores": "fast", **LISTS}
FAILED = {"status": "queued", **LISTS}
UPLOADED = ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]
BROKEN = ["image.prepare INFO", "image.upload ERROR"]


class Context:
    """As Glance's: who asks, and a token."""

    def __init__(self, request_id: str = "req-1") -> None:
        self.project_id, self.user_id, self.request_id = "the-project", "the-user", request_id
        self.auth_token: str | None = "secret-token"
        self.service_token: str | None = "secret-token"
        self.roles = ["member"]


class Glance:
    """Accepts imports; its record of an image is what a test says."""

    def __init__(self) -> None:
        self.accepts = "202 Accepted"
        self.before: Any = {"status": "queued"}  # what it shows until it has accepted
        self.shows: Any = QUEUED  # and then: a record, a status, or an exception
        self.lookups: list[WSGIEnvironment] = []
        self.tasks: list[dict[str, str]] = []

    def has_task(self, status: str = "processing", request_id: str = "req-1") -> None:
        """From now on Glance lists one more: task-1, task-2, ..."""
        number = len(self.tasks) + 1
        made = {"id": f"task-{number}", "created_at": f"2026-11-29T12:00:{number:02}"}
        self.tasks.append({**made, "status": status, "request_id": request_id})

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "GET":
            environ["wsgi.input"].read()
            if self.accepts.startswith("202"):
                self.has_task()
            return answering(self.accepts, [b""])(environ, start_response)
        if environ["PATH_INFO"].endswith("/tasks"):
            return answering("200 OK", [json.dumps({"tasks": self.tasks}).encode()])(
                environ, start_response
            )
        self.lookups.append(environ)
        if isinstance(self.shows, Exception):
            raise self.shows
        if isinstance(self.shows, str):
            return answering(self.shows)(environ, start_response)
        image_id = environ["PATH_INFO"].partition("images/")[2].partition("/")[0]
        body = json.dumps({"id": image_id, **self.shows}).encode()
        return answering("200 OK", iter([body[:5], body[5:]]))(environ, start_response)


class Stage:
    """The filter over that Glance, with a clock that a test moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.started: list[Callable[[], None]] = []
        self.glance, self.recorder = Glance(), ListRecorder()
        self._monkeypatch = monkeypatch
        self.app = self.filter()

    def filter(self, **options: str) -> NotifyMiddleware:
        def follower(*args: Any) -> Follower:
            self.follower = Follower(*args, clock=lambda: self.now, start=self.started.append)
            return self.follower

        self._monkeypatch.setattr(middleware, "Follower", follower)
        self.app = with_filter(self.glance, self.recorder, **options)
        return self.app

    def asks(self, method: str, path: str, body: Any = None, **more: Any) -> Server:
        data = b"" if body is None else json.dumps(body).encode()
        given = {"webob.adhoc_attrs": {"context": Context()}, "HTTP_X_AUTH_TOKEN": "secret-token"}
        request = environ(method, path, data, **(given | more))
        if method == "GET":
            return Server().serve(self.app, request)
        shows, lookups = self.glance.shows, self.glance.lookups
        self.glance.shows, self.glance.lookups = self.glance.before, []
        served = Server().serve(self.app, request)
        self.befores = len(self.glance.lookups)
        self.glance.shows, self.glance.lookups = shows, lookups
        return served

    def imports(self, image_id: str = IMAGE, name: str = "web-download", **asked: Any) -> Server:
        body = {"method": {"name": name, "uri": "http://secret"}, **asked}
        return self.asks("POST", f"/v2/images/{image_id}/import", body)

    def passes(self, seconds: float) -> None:
        """Let time pass, and the thread do what it would have done meanwhile."""
        until = self.now + seconds
        while (wait := self.follower.turn()) is not None and self.now + wait <= until:
            self.now += wait
        self.now = until


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


@pytest.mark.parametrize(
    ("name", "before", "shows"),
    [
        ("web-download", {"status": "queued"}, IMPORTING),
        ("copy-image", ACTIVE, {**ACTIVE, LOCK: "task-1"}),
    ],
)
def test_what_has_failed_and_is_still_locked_is_told_as_failed(
    name: str, before: dict[str, str], shows: dict[str, str], stage: Stage
) -> None:
    stage.glance.before, stage.glance.shows = before, shows
    stage.imports(name=name)
    stage.glance.has_task("failure")
    stage.passes(200)
    assert stage.recorder.events in (BROKEN[:1], [])
    stage.glance.tasks[0]["status"] = "failure"
    stage.passes(30)
    assert stage.recorder.events == BROKEN


def test_at_the_end_of_the_process_all_are_looked_at_once_more(stage: Stage) -> None:
    """Glance has ended what it worked on, as the process ends in good order."""
    stage.imports()
    stage.glance.shows = ACTIVE
    look_for_the_last_time(stage)
    assert stage.recorder.events == UPLOADED


def test_what_fails_since_the_process_ends_is_told_as_failed(stage: Stage) -> None:
    """Glance leaves it locked."""
    stage.imports()
    stage.glance.shows = IMPORTING
    stage.glance.tasks[0]["status"] = "failure"
    look_for_the_last_time(stage)
    assert stage.recorder.events == BROKEN


def look_for_the_last_time(stage: Stage) -> None:
    ending = threading.Thread(target=stage.follower.final_look)
    ending.start()
    while ending.is_alive():
        stage.follower.turn()
    assert stage.now == 0.0


def test_what_hangs_then_is_not_waited_for(stage: Stage) -> None:
    stage.imports()
    before = time.monotonic()
    stage.follower.final_look()  # no thread is there to do it
    assert time.monotonic() - before < 5.0
    assert stage.recorder.events == []


def test_an_import_is_told_when_glance_has_ended_it(stage: Stage) -> None:
    assert stage.imports().trace[0][1] == "202 Accepted"
    assert stage.befores == 1
    assert (stage.recorder.events, stage.glance.lookups) == ([], [])
    stage.passes(0.4)
    assert stage.glance.lookups == []
    stage.passes(0.1)
    assert (stage.recorder.events, len(stage.glance.lookups)) == ([], 1)
    stage.glance.shows = IMPORTING
    stage.passes(1.0)
    assert stage.recorder.events == UPLOADED[:1]
    stage.passes(2.0)
    assert (stage.recorder.events, stage.recorder.ended) == (UPLOADED[:1], [])
    stage.glance.shows = ACTIVE
    stage.passes(4.0)
    assert stage.recorder.events == UPLOADED
    assert stage.recorder.ended == stage.recorder.begun
    assert stage.follower.latest == {}
    stage.passes(1000)
    assert len(stage.glance.lookups) == 4
    for each in stage.recorder.notifications:
        assert (each.project_id, each.user_id, each.request_id) == (
            "the-project",
            "the-user",
            "req-1",
        )


def test_it_is_looked_up_at_doubling_intervals_up_to_30_seconds(stage: Stage) -> None:
    times: list[float] = []
    stage.glance.lookups = type("", (list,), {"append": lambda *_: times.append(stage.now)})()
    stage.imports()
    stage.passes(123.5)
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]


@pytest.mark.parametrize(
    ("shows", "call", "events"),
    [
        (FAILED, "import", BROKEN),
        ({**FAILED, "status": "importing"}, "import", BROKEN),
        (ACTIVE, "locations", ["image.update INFO", "image.activate INFO"]),
        ({"status": "queued"}, "locations", ["image.update ERROR"]),
        ("404 Not Found", "import", ["image.upload ERROR"]),
        ("404 Not Found", "locations", ["image.update ERROR"]),
    ],
)
def test_each_end_has_its_events(stage: Stage, shows: Any, call: str, events: list[str]) -> None:
    stage.glance.shows = shows
    stage.asks("POST", f"{ONE}/{call}", {"method": {"name": "glance-direct"}})
    stage.passes(0.5)
    assert stage.recorder.events == events
    assert stage.recorder.ended == stage.recorder.begun
    if isinstance(shows, str):
        assert str(stage.recorder.notifications[0].payload).endswith(
            "the outcome is unknown: the image is gone"
        )


def test_a_copy_is_judged_by_the_record_before_it(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    stage.imports(name="copy-image", stores=["slow"])
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.passes(0.5)
    assert stage.recorder.events == UPLOADED[:2]
    stage.glance.before = stage.glance.shows
    stage.imports(name="copy-image", all_stores=True)
    stage.passes(0.5)
    assert stage.recorder.events == UPLOADED[:2], "there was nothing to copy"
    assert len(stage.recorder.ended) == 2


def test_a_body_that_uwsgi_hides_is_made_up_for_by_the_record_before(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    hidden = {"uwsgi.version": b"2", "HTTP_TRANSFER_ENCODING": "chunked"}
    stage.asks("POST", f"{ONE}/import", None, **hidden)
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.passes(0.5)
    assert stage.recorder.events == UPLOADED[:2]


@pytest.mark.parametrize(
    ("status", "call", "event"),
    [
        ("409 Conflict", "import", "image.upload WARN"),
        ("403 Forbidden", "locations", "image.update WARN"),
        ("500 Oops", "import", "image.upload ERROR"),
        ("503 No", "locations", "image.update ERROR"),
    ],
)
def test_what_is_refused_is_told_at_once_and_not_followed(
    stage: Stage, status: str, call: str, event: str
) -> None:
    stage.glance.accepts = status
    stage.asks("POST", f"{ONE}/{call}", {"method": {"name": "glance-direct"}})
    assert stage.recorder.events == [event]
    assert stage.recorder.ended == stage.recorder.begun
    assert (stage.follower.turn(), stage.started, stage.glance.lookups) == (None, [], [])


def test_a_record_that_a_client_asks_for_settles_it_at_once_and_passes_as_it_is(
    stage: Stage,
) -> None:
    unwatched = stage.asks("GET", ONE).trace
    stage.imports()
    stage.follower.turn()
    assert stage.asks("GET", ONE).trace == unwatched
    stage.follower.turn()
    assert stage.recorder.events == []
    stage.glance.shows = ACTIVE
    served = stage.asks("GET", ONE)
    assert served.trace[0][1] == "200 OK"
    assert len([each for each in served.trace if each[0] == "chunk"]) == 2
    stage.follower.turn()
    assert (stage.recorder.events, stage.now) == (UPLOADED, 0.0)
    assert stage.follower.latest == {}


def shown_to_a_client(stage: Stage, record: dict[str, Any], then: Any) -> bytes:
    """What a client reads that asks for the image; others are shown something else by then."""
    stage.glance.shows = record
    body = stage.app(environ("GET", ONE), Server()._start_response)
    stage.glance.shows = then
    read = b"".join(body)
    getattr(body, "close", lambda: None)()
    return read


def test_who_holds_the_lock_is_seen_in_what_a_client_is_shown(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    shown_to_a_client(stage, QUEUED, then=QUEUED)
    stage.follower.turn()
    assert followed.lock_holder == QUEUED[LOCK]
    assert len(stage.glance.lookups) == 1  # the client's own


def test_what_is_told_is_the_record_of_who_imports_not_of_the_client_that_asks_for_it(
    stage: Stage,
) -> None:
    """Who may not read some properties (property_protection_file) is shown less."""
    stage.imports()
    stage.follower.turn()
    shown = shown_to_a_client(stage, ACTIVE, then=ACTIVE | {"protected_one": "value"})
    assert b"protected_one" not in shown
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED
    for each in stage.recorder.notifications:
        assert isinstance(each.payload, dict)
        assert each.payload["properties"]["protected_one"] == "value"


def test_where_nothing_is_shown_to_who_imports_the_record_of_a_client_is_told(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    assert b"active" in shown_to_a_client(stage, ACTIVE, then="401 Unauthorized")
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_a_record_is_seen_below_a_mount(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    stage.asks("GET", f"/images/{IMAGE}", SCRIPT_NAME="/v2")
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_an_answer_that_is_no_record_settles_nothing(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    for shows in ("404 Not Found", "500 Oops", "200 OK"):
        stage.glance.shows = shows
        stage.asks("GET", ONE)
    stage.glance.shows = RuntimeError("Glance's own")
    assert stage.asks("GET", ONE).trace == [("raised", "RuntimeError", "Glance's own")]
    stage.glance.shows = ACTIVE
    Server(chunks=1).serve(stage.app, environ("GET", ONE))
    stage.asks("GET", "/v2/images/another")
    stage.asks("GET", f"{ONE}/members")
    stage.follower.turn()
    assert stage.recorder.events == []


def test_a_record_asked_for_before_it_was_accepted_says_nothing_of_it(stage: Stage) -> None:
    stage.glance.shows = FAILED
    body = stage.app(environ("GET", ONE), Server()._start_response)
    stage.imports()
    stage.follower.turn()
    list(body)
    stage.follower.turn()
    assert stage.recorder.events == []


def test_what_was_handed_on_to_another_node_is_not_followed(stage: Stage) -> None:
    class PassesOn(Glance):
        def __call__(
            self, environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            environ["webob.adhoc_attrs"]["context"].request_id = "req-there"
            return super().__call__(environ, start_response)

    stage.glance = PassesOn()
    stage.filter()
    stage.imports()
    stage.passes(100)
    assert (stage.recorder.events, stage.glance.lookups) == ([], [])
    assert stage.recorder.ended == stage.recorder.begun


def test_no_token_is_kept_and_the_requests_own_context_stays_as_it_is(stage: Stage) -> None:
    context = Context()
    given = {
        "webob.adhoc_attrs": {"context": context, "other": "secret-token"},
        "HTTP_X_SERVICE_TOKEN": "secret-token",
        "HTTP_X_ROLES": "member",
    }
    stage.asks("POST", f"{ONE}/import", {"method": {"name": "glance-direct"}}, **given)
    stage.follower.turn()
    kept = stage.follower.latest[IMAGE].snapshot
    assert "secret" not in repr(kept)
    assert "wsgi.input" not in kept
    assert "secret" not in repr(vars(kept["webob.adhoc_attrs"]["context"]))
    assert (context.auth_token, context.service_token) == ("secret-token", "secret-token")
    assert stage.recorder.begun
    assert "secret" not in repr(stage.recorder.begun)
    stage.passes(0.5)
    (lookup,) = stage.glance.lookups
    assert lookup["webob.adhoc_attrs"]["context"].user_id == "the-user"
    assert (lookup["HTTP_X_ROLES"], lookup["PATH_INFO"]) == ("member", ONE)
    assert lookup["wsgi.input"].read() == b""


def test_where_there_is_no_context_none_is_made_up() -> None:
    given = environ("POST", f"{ONE}/import", HTTP_X_AUTH_TOKEN="secret")
    kept = lasting_snapshot(take_snapshot(given), None)
    assert "webob.adhoc_attrs" not in kept
    assert "HTTP_X_AUTH_TOKEN" not in kept


def test_when_the_limit_has_passed_it_is_one_error(stage: Stage) -> None:
    stage.filter(follow_limit="1m")
    stage.glance.shows = IMPORTING
    stage.imports()
    stage.passes(59)
    assert stage.recorder.events == UPLOADED[:1]
    stage.passes(1)
    assert stage.recorder.events == BROKEN
    assert str(stage.recorder.notifications[-1].payload).endswith(
        "Glance had not ended it after 60 s"
    )
    assert stage.recorder.ended == stage.recorder.begun
    assert (stage.follower.latest, stage.follower.turn()) == ({}, None)


def test_more_than_follow_max_are_one_error_each_at_once(stage: Stage) -> None:
    stage.filter(follow_max="2")
    for image_id in ("a", "b", "c"):
        stage.imports(image_id)
    stage.follower.turn()
    assert stage.recorder.events == ["image.upload ERROR"]
    assert stage.recorder.begun[-1:] == stage.recorder.ended
    assert str(stage.recorder.notifications[0].payload) == (
        "import data of image c: the outcome is unknown: 2 others are followed already (follow_max)"
    )
    stage.glance.shows = ACTIVE
    stage.passes(1)
    assert stage.recorder.events[1:] == 2 * UPLOADED


def test_those_of_one_image_count_too_while_the_thread_has_judged_none(stage: Stage) -> None:
    """It may hang, and a client may have the same image imported again and again."""
    stage.filter(follow_max="2")
    for _ in range(3):
        stage.imports()
    assert stage.recorder.events == ["image.upload ERROR"]
    assert stage.recorder.begun[-1:] == stage.recorder.ended


def test_that_another_is_accepted_shows_that_the_earlier_one_has_failed(stage: Stage) -> None:
    stage.imports()
    stage.imports()
    stage.follower.turn()
    assert stage.recorder.events == BROKEN
    assert stage.recorder.ended == stage.recorder.begun[:1]
    assert stage.follower.find(IMAGE) is not None, "the later one is followed still"
    stage.glance.shows = ACTIVE
    stage.passes(1)
    assert stage.recorder.events == BROKEN + UPLOADED
    assert stage.follower.find(IMAGE) is None


def test_that_a_copy_is_accepted_shows_that_the_import_before_it_has_succeeded(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before = ACTIVE
    stage.imports(name="copy-image", stores=["slow"])
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.passes(1)
    assert stage.recorder.events == UPLOADED + UPLOADED[:2]


def test_another_operation_that_another_process_accepted_ends_this_one(stage: Stage) -> None:
    stage.imports()
    stage.passes(0.5)
    stage.glance.shows = {**IMPORTING, LOCK: "task-2"}
    stage.passes(1.0)
    assert stage.recorder.events == BROKEN


@pytest.mark.parametrize(
    ("status", "events"), [("failure", BROKEN), ("success", UPLOADED), ("processing", UPLOADED)]
)
def test_what_failed_is_told_so_where_a_later_request_has_brought_the_data(
    stage: Stage, status: str, events: list[str]
) -> None:
    stage.imports()
    stage.glance.shows = ACTIVE
    stage.glance.tasks[0]["status"] = status
    stage.passes(1.0)
    assert stage.recorder.events == events


def test_one_that_failed_under_the_same_request_id_says_nothing_of_those_after_it(
    stage: Stage,
) -> None:
    """A client may use one request id for many requests: Glance takes it as it is given."""
    stage.glance.has_task("failure")
    stage.imports()
    stage.glance.has_task("failure")
    stage.glance.shows = ACTIVE
    stage.passes(1.0)
    assert stage.recorder.events == UPLOADED


@pytest.mark.parametrize("call", ["import", "locations"])
def test_the_lock_names_the_task_where_glances_list_could_not_be_had_before(
    stage: Stage, call: str
) -> None:
    listed, stage.glance.tasks = stage.glance.tasks, None  # type: ignore[assignment]
    stage.glance.accepts = "202"
    stage.glance.has_task = lambda *_: None  # type: ignore[method-assign]
    stage.asks("POST", f"{ONE}/{call}", {"method": {"name": "web-download"}})
    stage.passes(0.5)
    listed += [{"id": "task-1", "status": "failure"}, {"id": "task-2", "status": "success"}]
    stage.glance.tasks, stage.glance.shows = listed, ACTIVE
    stage.passes(1.0)
    assert stage.recorder.events == (BROKEN if call == "import" else ["image.update ERROR"])


def test_so_is_a_copy_that_is_followed_by_another(stage: Stage) -> None:
    stage.glance.before = {"status": "active", "stores": "fast"}
    stage.imports(name="copy-image", stores=["slow"])
    stage.follower.turn()
    stage.glance.tasks[0]["status"] = "failure"
    stage.glance.before = {**ACTIVE, "stores": "fast,slow"}
    stage.imports(name="copy-image", stores=["slower"])
    stage.follower.turn()
    assert stage.recorder.events == BROKEN


@pytest.mark.parametrize(
    ("status", "events"),
    [
        ("success", UPLOADED),
        ("failure", BROKEN),
        ("processing", ["image.upload ERROR"]),
    ],
)
@pytest.mark.parametrize("refusal", ["503 Down", OSError("mysql://glance:secret@db")])
def test_where_the_later_one_could_not_look_before_the_earlier_is_not_called_failed_by_a_guess(
    stage: Stage, refusal: Any, status: str, events: list[str]
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.tasks[0]["status"] = status
    stage.glance.before = refusal
    stage.imports()
    stage.follower.turn()
    assert stage.recorder.events == events
    if status == "processing":
        assert str(stage.recorder.notifications[0].payload).endswith(
            "the outcome is unknown: another has begun, and no look-up shows how this one ended"
        )
    assert stage.recorder.ended == stage.recorder.begun[:1]


def test_an_import_that_was_still_seen_at_work_before_the_next_was_accepted_has_failed(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before = IMPORTING
    stage.imports()
    stage.follower.turn()
    assert stage.recorder.events == BROKEN


def test_of_an_import_that_was_seen_at_work_before_a_copy_was_accepted_the_data_has_come(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before = IMPORTING
    stage.glance.shows = {**ACTIVE, LOCK: "task-2", "os_glance_importing_to_stores": "slow"}
    stage.imports(name="copy-image", stores=["slow"])
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_a_copy_that_was_seen_at_work_before_the_next_is_not_judged_by_that(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    stage.imports(name="copy-image", stores=["slow"])
    stage.follower.turn()
    stage.glance.before = {**ACTIVE, LOCK: "task-1", "os_glance_importing_to_stores": "slow"}
    stage.imports(name="copy-image", stores=["slower"])
    stage.follower.turn()
    assert stage.recorder.events == [UPLOADED[0], "image.upload ERROR"]
    assert "the outcome is unknown" in str(stage.recorder.notifications[-1].payload)


DELETES = [("DELETE", ONE, "204 No Content")]
OTHERS = [
    ("PUT", f"{ONE}/file", "204 No Content"),
    ("PUT", f"{ONE}/stage", "204 No Content"),
    ("PATCH", ONE, "200 OK"),
    ("POST", f"{ONE}/actions/deactivate", "204 No Content"),
    ("DELETE", f"/v2/stores/fast/{IMAGE}", "204 No Content"),
]


@pytest.mark.parametrize("payload", ["id", "metadata"])
@pytest.mark.parametrize(("method", "path", "status"), DELETES + OTHERS)
def test_before_a_request_changes_an_image_it_is_seen_how_its_import_has_ended(
    stage: Stage, method: str, path: str, status: str, payload: str
) -> None:
    stage.filter(image_delete_payload=payload)
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.accepts = status
    stage.asks(method, path)
    recorder = len(stage.recorder.events)
    stage.follower.turn()
    assert stage.recorder.events[recorder:] == UPLOADED
    assert (stage.follower.latest, stage.recorder.ended[-1]) == ({}, stage.recorder.begun[0])


def test_a_look_up_that_finds_the_image_gone_is_judged_by_what_its_delete_has_seen(
    stage: Stage,
) -> None:
    """The look-up was on its way already when the request came: nobody has read what it left."""
    stage.imports()
    stage.follower.turn()
    stage.now = 0.5

    def delete_meanwhile(environ: WSGIEnvironment) -> None:
        lookups.clear()
        stage.glance.lookups = lookups
        stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
        stage.glance.accepts = "204 No Content"
        stage.asks("DELETE", ONE)

    lookups: list[WSGIEnvironment] = []
    stage.glance.lookups = type("", (list,), {"append": lambda _, it: delete_meanwhile(it)})()
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *UPLOADED]


def test_what_failed_before_another_brought_the_data_is_so_though_the_image_is_gone_by_now(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.tasks[0]["status"] = "failure"
    stage.glance.accepts = "204 No Content"
    stage.asks("DELETE", ONE)
    stage.glance.tasks = []
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]


def test_a_delete_before_the_end_leaves_an_unknown_outcome(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = IMPORTING, "404 Not Found"
    stage.glance.accepts = "204 No Content"
    stage.asks("DELETE", ONE)
    stage.passes(0.5)
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]
    assert "the outcome is unknown: the image is gone" in str(
        stage.recorder.notifications[-1].payload
    )


def test_a_download_of_what_is_followed_asks_for_no_record_of_its_own(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    stage.asks("GET", f"{ONE}/file")
    owners = len(stage.glance.lookups)
    stage.filter()
    stage.glance.lookups = []
    stage.asks("GET", f"{ONE}/file")
    assert len(stage.glance.lookups) == owners


def test_while_the_thread_hangs_in_a_look_up_no_more_is_kept_than_follow_max(stage: Stage) -> None:
    stage.filter(follow_max="3")
    for number in range(20):
        stage.imports(str(number))
        stage.imports("one")
    assert stage.recorder.events == 37 * ["image.upload ERROR"]
    assert stage.follower._steps.qsize() <= 2 * 3
    assert len(stage.follower._open) == 3
    assert len(stage.recorder.ended) == 37


def test_while_it_hangs_the_records_that_clients_are_shown_are_bounded(stage: Stage) -> None:
    for number in range(20):
        stage.imports(str(number))
    steps = stage.follower._steps.qsize()
    for _ in range(5):
        for number in range(20):
            stage.glance.shows = {**IMPORTING, "property": "x" * 1_000_000}
            stage.asks("GET", f"/v2/images/{number}")
    assert stage.follower._steps.qsize() - steps <= 20
    kept = stage.follower._unjudged
    assert kept._size < 4 * 1024 * 1024
    assert len(kept._records) == 4
    stage.glance.shows = ACTIVE
    stage.passes(1.0)
    assert (kept._size, kept._records) == (0, {})
    assert sorted(stage.recorder.events) == sorted(20 * UPLOADED)


def test_of_one_image_what_shows_the_end_is_kept_whatever_clients_read_after_it(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    stage.follower.add_record(followed, {**IMPORTING, "id": IMAGE})
    stage.follower.add_record(followed, {**ACTIVE, "id": IMAGE})
    stage.follower.add_record(followed, {**IMPORTING, "id": IMAGE})
    stage.glance.shows = "404 Not Found"
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_what_has_ended_keeps_no_snapshot_and_no_record(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    stage.glance.shows = FAILED
    stage.asks("GET", ONE)
    stage.follower.turn()
    assert (followed.snapshot, stage.follower._open, stage.follower.latest) == ({}, set(), {})
    stage.follower.add_record(followed, {**ACTIVE, "id": IMAGE})
    assert stage.follower._unjudged._records == {}


def test_a_look_up_that_fails_is_tried_again_and_logged_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.imports()
    stage.glance.shows = OSError("mysql://glance:secret@db")
    stage.passes(100)
    assert len(stage.glance.lookups) > 5
    assert [each.levelno for each in caplog.records] == [logging.WARNING]
    assert "secret" not in caplog.text
    stage.glance.shows = "403 Forbidden"
    stage.passes(100)
    stage.glance.shows = ACTIVE
    stage.passes(30)
    assert stage.recorder.events == UPLOADED


def test_a_bug_of_ours_is_logged_once_and_the_limit_still_ends_it(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> bool:
        raise ValueError("a bug")

    monkeypatch.setattr(background, "has_ended", breaks)
    stage.filter(follow_limit="2m")
    assert stage.imports().trace[0][1] == "202 Accepted"
    stage.passes(120)
    assert [each.levelno for each in caplog.records] == [logging.ERROR]
    assert "a bug: what Glance does after a 202 may not be told" in caplog.text
    assert stage.recorder.events == ["image.upload ERROR"]


def test_a_thread_that_cannot_begin_costs_no_request_and_is_tried_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def cannot(run: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    begin, stage.follower._start = stage.follower._start, cannot
    assert stage.imports("a").trace[0][1] == "202 Accepted"
    assert "can't start new thread" in caplog.text
    stage.follower._start = begin
    stage.imports("b")
    assert len(stage.started) == 1
    stage.glance.shows = ACTIVE
    stage.passes(1)
    assert stage.recorder.events == 2 * UPLOADED


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"priorities": "error"}, ["image.upload ERROR"]),
        ({"disabled_notifications": "image.prepare"}, ["image.upload ERROR"]),
        ({"priorities": "warn"}, []),
        ({"disabled_notifications": "image"}, []),
    ],
)
def test_it_is_followed_only_where_somebody_wants_to_know(
    stage: Stage, options: dict[str, str], events: list[str]
) -> None:
    stage.filter(**options)
    stage.glance.shows = FAILED
    stage.imports()
    stage.passes(1)
    assert stage.recorder.events == events
    assert len(stage.glance.lookups) == stage.befores == len(events)
    assert stage.recorder.ended == stage.recorder.begun


def test_a_forked_child_follows_none_of_its_parents(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        inherited = stage.follower.find(IMAGE)
        stage.imports("another")
        stage.passes(1)
        image_ids = {str(each.payload["id"]) for each in stage.recorder.notifications}  # type: ignore[index]
        as_it_should = image_ids == {"another"} and len(stage.started) == 2 and inherited is None
        os._exit(0 if as_it_should else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    stage.passes(1)
    assert stage.recorder.events == UPLOADED


def test_one_thread_follows_all_and_begins_with_the_first() -> None:
    glance, recorder = Glance(), ListRecorder()
    app = with_filter(glance, recorder)
    glance.shows = ACTIVE

    def follower() -> list[threading.Thread]:
        return [each for each in threading.enumerate() if "following" in each.name]

    before = len(follower())
    for image_id in ("a", "b", "c"):
        body = json.dumps({"method": {"name": "glance-direct"}}).encode()
        Server().serve(app, environ("POST", f"/v2/images/{image_id}/import", body))
    assert len(follower()) == before + 1
    for _ in range(600):
        if len(recorder.ended) == 3:
            break
        time.sleep(0.1)
    assert recorder.events == 3 * UPLOADED


def test_without_any_a_record_passes_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [b"a body of its own"]
    app = with_filter(answering("200 OK", body), ListRecorder())
    assert app(environ("GET", ONE), Server()._start_response) is body
