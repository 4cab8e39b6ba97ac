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


def test_record_that_a_client_reads_ends_the_work_at_once_and_passes_unchanged(
    stage: Stage,
) -> None:
    unwatched = stage.request("GET", ONE).trace
    stage.import_image()
    stage.follower.turn()
    assert stage.request("GET", ONE).trace == unwatched
    stage.follower.turn()
    assert stage.recorder.events == []
    stage.glance.shows = ACTIVE
    served = stage.request("GET", ONE)
    assert served.trace[0][1] == "200 OK"
    assert len([step for step in served.trace if step[0] == "chunk"]) == 2
    stage.follower.turn()
    assert (stage.recorder.events, stage.now) == (UPLOADED, 0.0)
    assert stage.follower.latest == {}


def read_by_client(stage: Stage, record: dict[str, Any], then: Any) -> bytes:
    """What a client reads that GETs the image record; `then` is what Glance shows from then on."""
    stage.glance.shows = record
    body = stage.app(environ("GET", ONE), Server()._start_response)
    stage.glance.shows = then
    read = b"".join(body)
    getattr(body, "close", lambda: None)()
    return read


def test_lock_holder_is_taken_from_the_record_that_a_client_reads(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    read_by_client(stage, QUEUED, then=QUEUED)
    stage.follower.turn()
    assert followed.lock_holder == QUEUED[LOCK]
    assert len(stage.glance.lookups) == 1  # the client's own


def test_events_carry_the_record_that_the_importer_may_read_not_the_clients(
    stage: Stage,
) -> None:
    """Glance shows a client fewer properties where the client may not read them.

    (property_protection_file)
    """
    stage.import_image()
    stage.follower.turn()
    shown = read_by_client(stage, ACTIVE, then=ACTIVE | {"protected_one": "value"})
    assert b"protected_one" not in shown
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED
    for notification in stage.recorder.notifications:
        assert isinstance(notification.payload, dict)
        assert notification.payload["properties"]["protected_one"] == "value"


def test_events_carry_the_clients_record_where_the_importer_may_read_none(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    assert b"active" in read_by_client(stage, ACTIVE, then="401 Unauthorized")
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_record_read_below_a_mount_is_seen(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    stage.request("GET", f"/images/{IMAGE}", SCRIPT_NAME="/v2")
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_response_without_the_images_record_ends_no_work(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    for shows in ("404 Not Found", "500 Oops", "200 OK"):
        stage.glance.shows = shows
        stage.request("GET", ONE)
    stage.glance.shows = RuntimeError("Glance's own")
    assert stage.request("GET", ONE).trace == [("raised", "RuntimeError", "Glance's own")]
    stage.glance.shows = ACTIVE
    Server(chunks=1).serve(stage.app, environ("GET", ONE))
    stage.request("GET", "/v2/images/another")
    stage.request("GET", f"{ONE}/members")
    stage.follower.turn()
    assert stage.recorder.events == []


def test_record_requested_before_the_import_was_accepted_is_ignored(stage: Stage) -> None:
    stage.glance.shows = FAILED
    body = stage.app(environ("GET", ONE), Server()._start_response)
    stage.import_image()
    stage.follower.turn()
    list(body)
    stage.follower.turn()
    assert stage.recorder.events == []


def test_hanging_thread_is_left_client_records_of_bounded_size(stage: Stage) -> None:
    for number in range(20):
        stage.import_image(str(number))
    steps = stage.follower._steps.qsize()
    for _ in range(5):
        for number in range(20):
            stage.glance.shows = {**IMPORTING, "property": "x" * 1_000_000}
            stage.request("GET", f"/v2/images/{number}")
    assert stage.follower._steps.qsize() - steps <= 20
    kept = stage.follower._unjudged
    assert kept._size < 4 * 1024 * 1024
    assert len(kept._records) == 4
    stage.glance.shows = ACTIVE
    stage.advance(1.0)
    assert (kept._size, kept._records) == (0, {})
    assert sorted(stage.recorder.events) == sorted(20 * UPLOADED)


def test_record_that_shows_the_end_is_kept_whatever_clients_read_after_it(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    stage.follower.add_record(followed, {**IMPORTING, "id": IMAGE})
    stage.follower.add_record(followed, {**ACTIVE, "id": IMAGE})
    stage.follower.add_record(followed, {**IMPORTING, "id": IMAGE})
    stage.glance.shows = "404 Not Found"
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_ended_work_keeps_no_snapshot_and_no_record(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    followed = stage.follower.latest[IMAGE]
    stage.glance.shows = FAILED
    stage.request("GET", ONE)
    stage.follower.turn()
    assert (followed.snapshot, stage.follower._open, stage.follower.latest) == ({}, set(), {})
    stage.follower.add_record(followed, {**ACTIVE, "id": IMAGE})
    assert stage.follower._unjudged._records == {}


def test_record_passes_untouched_where_no_work_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    body = [b"a body of its own"]
    app = with_filter(answering("200 OK", body), ListRecorder())
    assert app(environ("GET", ONE), Server()._start_response) is body
