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
    ImportingGlance,
    Stage,
)


def test_one_thread_follows_all_work_and_starts_with_the_first() -> None:
    glance, recorder = ImportingGlance(), ListRecorder()
    app = with_filter(glance, recorder)
    glance.shows = ACTIVE

    def follower() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if "following" in thread.name]

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


def test_thread_that_cannot_start_costs_no_request_and_starts_later(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def cannot(run: Callable[[], None]) -> None:
        raise RuntimeError("can't start new thread")

    begin, stage.follower._start = stage.follower._start, cannot
    assert stage.import_image("a").trace[0][1] == "202 Accepted"
    assert "can't start new thread" in caplog.text
    stage.follower._start = begin
    stage.import_image("b")
    assert len(stage.started) == 1
    stage.glance.shows = ACTIVE
    stage.advance(1)
    assert stage.recorder.events == 2 * UPLOADED


def test_forked_child_follows_none_of_its_parents_work(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    pid = os.fork()
    if pid == 0:  # pragma: no cover
        inherited = stage.follower.find(IMAGE)
        stage.import_image("another")
        stage.advance(1)
        payloads = [notification.payload for notification in stage.recorder.notifications]
        image_ids = {str(payload["id"]) for payload in payloads}  # type: ignore[index]
        as_it_should = image_ids == {"another"} and len(stage.started) == 2 and inherited is None
        os._exit(0 if as_it_should else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    stage.advance(1)
    assert stage.recorder.events == UPLOADED


def test_process_end_looks_all_followed_work_up_once_more(stage: Stage) -> None:
    """Glance has ended its background work by then, as the process ends in good order."""
    stage.import_image()
    stage.glance.shows = ACTIVE
    end_process(stage)
    assert stage.recorder.events == UPLOADED


def test_import_that_fails_by_the_process_end_is_an_error(stage: Stage) -> None:
    """Glance leaves the image locked."""
    stage.import_image()
    stage.glance.shows = IMPORTING
    stage.glance.tasks[0]["status"] = "failure"
    end_process(stage)
    assert stage.recorder.events == BROKEN


def end_process(stage: Stage) -> None:
    ending = threading.Thread(target=stage.follower.final_look)
    ending.start()
    while ending.is_alive():
        stage.follower.turn()
    assert stage.now == 0.0


def test_process_end_does_not_wait_for_a_thread_that_hangs(stage: Stage) -> None:
    stage.import_image()
    before = time.monotonic()
    stage.follower.final_look()  # no thread is there to do it
    assert time.monotonic() - before < 5.0
    assert stage.recorder.events == []


def test_hanging_thread_is_left_no_more_work_than_follow_max(stage: Stage) -> None:
    stage.make_filter(follow_max="3")
    for number in range(20):
        stage.import_image(str(number))
        stage.import_image("one")
    assert stage.recorder.events == 37 * ["image.upload ERROR"]
    assert stage.follower._steps.qsize() <= 2 * 3
    assert len(stage.follower._open) == 3
    assert len(stage.recorder.ended) == 37
