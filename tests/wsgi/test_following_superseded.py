"""Background work on an image that other operations come after."""

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
