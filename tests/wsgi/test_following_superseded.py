"""Background work on an image that later operations supersede."""

from typing import Any

import pytest

from tests.wsgi.doubles import IMAGE
from tests.wsgi.following_stage import (
    ACTIVE,
    BROKEN,
    IMPORTING,
    LOCK,
    ONE,
    UPLOADED,
    Stage,
)


def test_accepted_import_shows_that_the_earlier_import_has_failed(stage: Stage) -> None:
    stage.import_image()
    stage.import_image()
    stage.follower.turn()
    assert stage.recorder.events == BROKEN
    assert stage.recorder.ended == stage.recorder.begun[:1]
    assert stage.follower.find(IMAGE) is not None, "the later one is followed still"
    stage.glance.shows = ACTIVE
    stage.advance(1)
    assert stage.recorder.events == BROKEN + UPLOADED
    assert stage.follower.find(IMAGE) is None


def test_accepted_copy_shows_that_the_import_before_it_has_succeeded(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.before = ACTIVE
    stage.import_image(name="copy-image", stores=["slow"])
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED
    stage.glance.shows = {**ACTIVE, "stores": "fast,slow"}
    stage.advance(1)
    assert stage.recorder.events == UPLOADED + UPLOADED[:2]


def test_lock_of_an_import_in_another_process_ends_this_import(stage: Stage) -> None:
    stage.import_image()
    stage.advance(0.5)
    stage.glance.shows = {**IMPORTING, LOCK: "task-2"}
    stage.advance(1.0)
    assert stage.recorder.events == BROKEN


@pytest.mark.parametrize(
    ("status", "events"), [("failure", BROKEN), ("success", UPLOADED), ("processing", UPLOADED)]
)
def test_failed_import_is_an_error_where_a_later_request_has_brought_the_data(
    stage: Stage, status: str, events: list[str]
) -> None:
    stage.import_image()
    stage.glance.shows = ACTIVE
    stage.glance.tasks[0]["status"] = status
    stage.advance(1.0)
    assert stage.recorder.events == events


def test_failed_task_with_the_same_request_id_says_nothing_of_a_later_import(
    stage: Stage,
) -> None:
    """Glance takes the request id that a client gives: many requests can have the same."""
    stage.glance.add_task("failure")
    stage.import_image()
    stage.glance.add_task("failure")
    stage.glance.shows = ACTIVE
    stage.advance(1.0)
    assert stage.recorder.events == UPLOADED


@pytest.mark.parametrize("call", ["import", "locations"])
def test_lock_names_the_task_where_the_task_listing_before_failed(stage: Stage, call: str) -> None:
    listed, stage.glance.tasks = stage.glance.tasks, None  # type: ignore[assignment]
    stage.glance.response_status = "202"
    stage.glance.add_task = lambda *_: None  # type: ignore[method-assign]
    stage.request("POST", f"{ONE}/{call}", {"method": {"name": "web-download"}})
    stage.advance(0.5)
    listed += [{"id": "task-1", "status": "failure"}, {"id": "task-2", "status": "success"}]
    stage.glance.tasks, stage.glance.shows = listed, ACTIVE
    stage.advance(1.0)
    assert stage.recorder.events == (BROKEN if call == "import" else ["image.update ERROR"])


def test_failed_copy_is_an_error_when_another_copy_is_accepted(stage: Stage) -> None:
    stage.glance.before = {"status": "active", "stores": "fast"}
    stage.import_image(name="copy-image", stores=["slow"])
    stage.follower.turn()
    stage.glance.tasks[0]["status"] = "failure"
    stage.glance.before = {**ACTIVE, "stores": "fast,slow"}
    stage.import_image(name="copy-image", stores=["slower"])
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
def test_earlier_import_is_not_guessed_failed_where_the_later_imports_look_up_failed(
    stage: Stage, refusal: Any, status: str, events: list[str]
) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.tasks[0]["status"] = status
    stage.glance.before = refusal
    stage.import_image()
    stage.follower.turn()
    assert stage.recorder.events == events
    if status == "processing":
        assert str(stage.recorder.notifications[0].payload).endswith(
            "the outcome is unknown: another has begun, and no look-up shows how this one ended"
        )
    assert stage.recorder.ended == stage.recorder.begun[:1]


def test_import_seen_at_work_before_the_next_import_was_accepted_has_failed(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.before = IMPORTING
    stage.import_image()
    stage.follower.turn()
    assert stage.recorder.events == BROKEN


def test_import_seen_at_work_before_a_copy_was_accepted_has_succeeded(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.before = IMPORTING
    stage.glance.shows = {**ACTIVE, LOCK: "task-2", "os_glance_importing_to_stores": "slow"}
    stage.import_image(name="copy-image", stores=["slow"])
    stage.follower.turn()
    assert stage.recorder.events == UPLOADED


def test_copy_seen_at_work_before_the_next_copy_is_of_unknown_outcome(stage: Stage) -> None:
    stage.glance.before = ACTIVE
    stage.import_image(name="copy-image", stores=["slow"])
    stage.follower.turn()
    stage.glance.before = {**ACTIVE, LOCK: "task-1", "os_glance_importing_to_stores": "slow"}
    stage.import_image(name="copy-image", stores=["slower"])
    stage.follower.turn()
    assert stage.recorder.events == [UPLOADED[0], "image.upload ERROR"]
    assert "the outcome is unknown" in str(stage.recorder.notifications[-1].payload)
