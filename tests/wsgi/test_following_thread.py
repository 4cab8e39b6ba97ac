"""The thread that follows: it starts once, may hang, and looks once more as the process ends."""

import json
import os
import threading
import time
from collections.abc import Callable

import pytest

from tests.wsgi.doubles import IMAGE, ListRecorder, Server, environ, with_filter
from tests.wsgi.following_stage import (
    ACTIVE,
    BROKEN,
    IMPORTING,
    UPLOADED,
    Glance,
    Stage,
)


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


def test_while_the_thread_hangs_in_a_look_up_no_more_is_kept_than_follow_max(stage: Stage) -> None:
    stage.filter(follow_max="3")
    for number in range(20):
        stage.imports(str(number))
        stage.imports("one")
    assert stage.recorder.events == 37 * ["image.upload ERROR"]
    assert stage.follower._steps.qsize() <= 2 * 3
    assert len(stage.follower._open) == 3
    assert len(stage.recorder.ended) == 37
