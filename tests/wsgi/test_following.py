"""Background work is followed: when it is looked up, and which events its end has."""

import logging
from collections.abc import Iterable
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import pytest

from glance_notify_middleware.events import background
from glance_notify_middleware.wsgi.snapshot import lasting_snapshot, take_snapshot
from tests.wsgi.doubles import IMAGE, environ
from tests.wsgi.following_stage import (
    ACTIVE,
    BROKEN,
    FAILED,
    IMPORTING,
    LOCK,
    ONE,
    UPLOADED,
    Context,
    ImportingGlance,
    Stage,
)


def test_import_is_an_upload_when_glance_has_ended_it(stage: Stage) -> None:
    assert stage.import_image().trace[0][1] == "202 Accepted"
    assert stage.look_ups_before == 1
    assert (stage.recorder.events, stage.glance.lookups) == ([], [])
    stage.advance(0.4)
    assert stage.glance.lookups == []
    stage.advance(0.1)
    assert (stage.recorder.events, len(stage.glance.lookups)) == ([], 1)
    stage.glance.shows = IMPORTING
    stage.advance(1.0)
    assert stage.recorder.events == UPLOADED[:1]
    stage.advance(2.0)
    assert (stage.recorder.events, stage.recorder.ended) == (UPLOADED[:1], [])
    stage.glance.shows = ACTIVE
    stage.advance(4.0)
    assert stage.recorder.events == UPLOADED
    assert stage.recorder.ended == stage.recorder.begun
    assert stage.follower.latest == {}
    stage.advance(1000)
    assert len(stage.glance.lookups) == 4
    for notification in stage.recorder.notifications:
        assert (notification.project_id, notification.user_id, notification.request_id) == (
            "the-project",
            "the-user",
            "req-1",
        )


def test_look_ups_come_at_doubling_intervals_up_to_30_seconds(stage: Stage) -> None:
    times: list[float] = []
    stage.glance.lookups = type("", (list,), {"append": lambda *_: times.append(stage.now)})()
    stage.import_image()
    stage.advance(123.5)
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
def test_end_of_work_has_its_events(stage: Stage, shows: Any, call: str, events: list[str]) -> None:
    stage.glance.shows = shows
    stage.request("POST", f"{ONE}/{call}", {"method": {"name": "glance-direct"}})
    stage.advance(0.5)
    assert stage.recorder.events == events
    assert stage.recorder.ended == stage.recorder.begun
    if isinstance(shows, str):
        assert str(stage.recorder.notifications[0].payload).endswith(
            "the outcome is unknown: the image is gone"
        )


def test_copy_is_judged_by_the_record_before_it(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    stage.import_image(name="copy-image", stores=["slow"])
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.advance(0.5)
    assert stage.recorder.events == UPLOADED[:2]
    stage.glance.before = stage.glance.shows
    stage.import_image(name="copy-image", all_stores=True)
    stage.advance(0.5)
    assert stage.recorder.events == UPLOADED[:2], "there was nothing to copy"
    assert len(stage.recorder.ended) == 2


def test_import_whose_body_uwsgi_hides_is_judged_by_the_record_before(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    hidden = {"uwsgi.version": b"2", "HTTP_TRANSFER_ENCODING": "chunked"}
    stage.request("POST", f"{ONE}/import", None, **hidden)
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.advance(0.5)
    assert stage.recorder.events == UPLOADED[:2]


@pytest.mark.parametrize(
    ("name", "before", "shows"),
    [
        ("web-download", {"status": "queued"}, IMPORTING),
        ("copy-image", ACTIVE, {**ACTIVE, LOCK: "task-1"}),
    ],
)
def test_failed_import_that_glance_leaves_locked_is_an_error(
    name: str, before: dict[str, str], shows: dict[str, str], stage: Stage
) -> None:
    stage.glance.before, stage.glance.shows = before, shows
    stage.import_image(name=name)
    stage.glance.add_task("failure")
    stage.advance(200)
    assert stage.recorder.events in (BROKEN[:1], [])
    stage.glance.tasks[0]["status"] = "failure"
    stage.advance(30)
    assert stage.recorder.events == BROKEN


@pytest.mark.parametrize(
    ("status", "call", "event"),
    [
        ("409 Conflict", "import", "image.upload WARN"),
        ("403 Forbidden", "locations", "image.update WARN"),
        ("500 Oops", "import", "image.upload ERROR"),
        ("503 No", "locations", "image.update ERROR"),
    ],
)
def test_refused_request_is_an_event_at_once_and_is_not_followed(
    stage: Stage, status: str, call: str, event: str
) -> None:
    stage.glance.response_status = status
    stage.request("POST", f"{ONE}/{call}", {"method": {"name": "glance-direct"}})
    assert stage.recorder.events == [event]
    assert stage.recorder.ended == stage.recorder.begun
    assert (stage.follower.turn(), stage.started, stage.glance.lookups) == (None, [], [])


def test_import_that_glance_passed_on_to_another_node_is_not_followed(stage: Stage) -> None:
    class PassesOn(ImportingGlance):
        def __call__(
            self, environ: WSGIEnvironment, start_response: StartResponse
        ) -> Iterable[bytes]:
            environ["webob.adhoc_attrs"]["context"].request_id = "req-there"
            return super().__call__(environ, start_response)

    stage.glance = PassesOn()
    stage.make_filter()
    stage.import_image()
    stage.advance(100)
    assert (stage.recorder.events, stage.glance.lookups) == ([], [])
    assert stage.recorder.ended == stage.recorder.begun


@pytest.mark.parametrize(
    ("options", "events"),
    [
        ({"priorities": "error"}, ["image.upload ERROR"]),
        ({"disabled_notifications": "image.prepare"}, ["image.upload ERROR"]),
        ({"priorities": "warn"}, []),
        ({"disabled_notifications": "image"}, []),
    ],
)
def test_work_is_followed_only_where_its_events_are_wanted(
    stage: Stage, options: dict[str, str], events: list[str]
) -> None:
    stage.make_filter(**options)
    stage.glance.shows = FAILED
    stage.import_image()
    stage.advance(1)
    assert stage.recorder.events == events
    assert len(stage.glance.lookups) == stage.look_ups_before == len(events)
    assert stage.recorder.ended == stage.recorder.begun


def test_follow_limit_ends_the_work_with_one_error(stage: Stage) -> None:
    stage.make_filter(follow_limit="1m")
    stage.glance.shows = IMPORTING
    stage.import_image()
    stage.advance(59)
    assert stage.recorder.events == UPLOADED[:1]
    stage.advance(1)
    assert stage.recorder.events == BROKEN
    assert str(stage.recorder.notifications[-1].payload).endswith(
        "Glance had not ended it after 60 s"
    )
    assert stage.recorder.ended == stage.recorder.begun
    assert (stage.follower.latest, stage.follower.turn()) == ({}, None)


def test_work_beyond_follow_max_is_one_error_at_once(stage: Stage) -> None:
    stage.make_filter(follow_max="2")
    for image_id in ("a", "b", "c"):
        stage.import_image(image_id)
    stage.follower.turn()
    assert stage.recorder.events == ["image.upload ERROR"]
    assert stage.recorder.begun[-1:] == stage.recorder.ended
    assert str(stage.recorder.notifications[0].payload) == (
        "import data of image c: the outcome is unknown: 2 others are followed already (follow_max)"
    )
    stage.glance.shows = ACTIVE
    stage.advance(1)
    assert stage.recorder.events[1:] == 2 * UPLOADED


def test_follow_max_counts_work_of_one_image_that_the_thread_has_not_judged(stage: Stage) -> None:
    """The thread may hang, and a client may import the same image again and again."""
    stage.make_filter(follow_max="2")
    for _ in range(3):
        stage.import_image()
    assert stage.recorder.events == ["image.upload ERROR"]
    assert stage.recorder.begun[-1:] == stage.recorder.ended


def test_failed_look_up_is_repeated_and_logged_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.import_image()
    stage.glance.shows = OSError("mysql://glance:secret@db")
    stage.advance(100)
    assert len(stage.glance.lookups) > 5
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "secret" not in caplog.text
    stage.glance.shows = "403 Forbidden"
    stage.advance(100)
    stage.glance.shows = ACTIVE
    stage.advance(30)
    assert stage.recorder.events == UPLOADED


def test_bug_in_the_filter_is_logged_once_and_the_limit_still_ends_the_work(
    stage: Stage, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: Any, **__: Any) -> bool:
        raise ValueError("a bug")

    monkeypatch.setattr(background, "has_ended", breaks)
    stage.make_filter(follow_limit="2m")
    assert stage.import_image().trace[0][1] == "202 Accepted"
    stage.advance(120)
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "a bug: notifications of background work may be missing" in caplog.text
    assert stage.recorder.events == ["image.upload ERROR"]


def test_followed_work_keeps_no_token_and_leaves_the_requests_context_as_it_is(
    stage: Stage,
) -> None:
    context = Context()
    given = {
        "webob.adhoc_attrs": {"context": context, "other": "secret-token"},
        "HTTP_X_SERVICE_TOKEN": "secret-token",
        "HTTP_X_ROLES": "member",
    }
    stage.request("POST", f"{ONE}/import", {"method": {"name": "glance-direct"}}, **given)
    stage.follower.turn()
    kept = stage.follower.latest[IMAGE].snapshot
    assert "secret" not in repr(kept)
    assert "wsgi.input" not in kept
    assert "secret" not in repr(vars(kept["webob.adhoc_attrs"]["context"]))
    assert (context.auth_token, context.service_token) == ("secret-token", "secret-token")
    assert stage.recorder.begun
    assert "secret" not in repr(stage.recorder.begun)
    stage.advance(0.5)
    (lookup,) = stage.glance.lookups
    assert lookup["webob.adhoc_attrs"]["context"].user_id == "the-user"
    assert (lookup["HTTP_X_ROLES"], lookup["PATH_INFO"]) == ("member", ONE)
    assert lookup["wsgi.input"].read() == b""


def test_lasting_snapshot_without_a_context_has_none() -> None:
    given = environ("POST", f"{ONE}/import", HTTP_X_AUTH_TOKEN="secret")
    kept = lasting_snapshot(take_snapshot(given), None)
    assert "webob.adhoc_attrs" not in kept
    assert "HTTP_X_AUTH_TOKEN" not in kept
