"""Records that clients read of an image that is followed."""

from typing import Any

import pytest

from tests.wsgi.doubles import IMAGE, ListRecorder, Server, answering, environ, with_filter
from tests.wsgi.following_stage import (
    ACTIVE,
    FAILED,
    IMPORTING,
    LOCK,
    ONE,
    QUEUED,
    UPLOADED,
    Stage,
)


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


def test_without_any_a_record_passes_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [b"a body of its own"]
    app = with_filter(answering("200 OK", body), ListRecorder())
    assert app(environ("GET", ONE), Server()._start_response) is body
