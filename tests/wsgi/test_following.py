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
    Glance,
    Stage,
)


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
