"""What is counted beside notifications: look-ups, background work, outcomes that stay unknown."""

from typing import Any

import pytest

from glance_notify_middleware.recorder import Counted
from tests.wsgi.doubles import (
    FILE,
    FakeGlance,
    ListRecorder,
    Server,
    answering,
    environ,
    with_filter,
)
from tests.wsgi.following_stage import ACTIVE, QUEUED, UPLOADED, Stage


@pytest.mark.parametrize(
    ("shows", "counted"),
    [
        (QUEUED, Counted.LOOKUP_FOUND),
        ("403 Forbidden", Counted.LOOKUP_REFUSED),
        ("404 Not Found", Counted.LOOKUP_REFUSED),
        ("503 Busy", Counted.LOOKUP_FAILED),
        (OSError("swift://user:secret@store"), Counted.LOOKUP_FAILED),
    ],
    ids=["found", "403", "404", "503", "raised"],
)
def test_look_up_is_counted_by_its_result(stage: Stage, shows: Any, counted: Counted) -> None:
    stage.import_image()
    before = stage.recorder.counted.copy()
    stage.glance.shows = shows
    stage.advance(0.5)
    assert stage.recorder.counted[counted] == before[counted] + 1
    others = {Counted.LOOKUP_FOUND, Counted.LOOKUP_REFUSED, Counted.LOOKUP_FAILED} - {counted}
    assert all(stage.recorder.counted[other] == before[other] for other in others)


def test_download_looks_its_image_up_once_a_minute_and_counts_that() -> None:
    glance = FakeGlance(answering("200 OK", [b"0123456789"], [("Content-Length", "10")]))
    recorder = ListRecorder()
    app = with_filter(glance, recorder)
    for _ in range(3):
        Server().serve(app, environ("GET", FILE))
    assert recorder.counted == {Counted.LOOKUP_FOUND: 1}


def test_request_that_is_no_event_counts_nothing() -> None:
    recorder = ListRecorder()
    app = with_filter(answering("200 OK", [b"{}"]), recorder)
    Server().serve(app, environ("GET", "/v2/images"))
    assert not recorder.counted


def test_background_work_is_followed_until_it_has_ended(stage: Stage) -> None:
    stage.import_image("image-1")
    stage.import_image("image-2")
    assert stage.recorder.counted[Counted.FOLLOWED] == 2
    stage.glance.shows = ACTIVE
    stage.advance(60)
    assert stage.recorder.counted[Counted.FOLLOWED] == 0
    assert stage.recorder.counted[Counted.UNKNOWN] == 0


def test_work_that_is_given_up_has_an_unknown_outcome(stage: Stage) -> None:
    stage.make_filter(follow_limit="10s", follow_max="1")
    stage.import_image("image-1")
    stage.import_image("image-2")
    assert stage.recorder.counted[Counted.FOLLOWED] == 1
    assert stage.recorder.counted[Counted.UNKNOWN] == 1
    stage.advance(60)
    assert stage.recorder.counted[Counted.FOLLOWED] == 0
    assert stage.recorder.counted[Counted.UNKNOWN] == 2


def test_unknown_outcome_that_nobody_wants_is_not_counted(stage: Stage) -> None:
    stage.make_filter(follow_max="1", priorities="info")
    for image in ("image-1", "image-2"):
        stage.import_image(image)
    assert stage.recorder.counted[Counted.UNKNOWN] == 0


def test_recorder_that_cannot_count_costs_no_request(stage: Stage) -> None:
    def fails(what: Counted, change: int = 1) -> None:
        raise RuntimeError("no counters")

    stage.recorder.count = fails  # type: ignore[method-assign]
    assert stage.import_image().trace[0][1] == "202 Accepted"
    stage.glance.shows = ACTIVE
    stage.advance(60)
    assert stage.recorder.events == UPLOADED
