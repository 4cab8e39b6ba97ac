"""Requests that change an image while background work on it is followed."""

from wsgiref.types import WSGIEnvironment

import pytest

from tests.wsgi.doubles import IMAGE
from tests.wsgi.following_stage import (
    ACTIVE,
    BROKEN,
    IMPORTING,
    ONE,
    UPLOADED,
    Stage,
)

DELETES = [("DELETE", ONE, "204 No Content")]
OTHER_CHANGES = [
    ("PUT", f"{ONE}/file", "204 No Content"),
    ("PUT", f"{ONE}/stage", "204 No Content"),
    ("PATCH", ONE, "200 OK"),
    ("POST", f"{ONE}/actions/deactivate", "204 No Content"),
    ("DELETE", f"/v2/stores/fast/{IMAGE}", "204 No Content"),
]


@pytest.mark.parametrize("payload", ["id", "metadata"])
@pytest.mark.parametrize(("method", "path", "status"), DELETES + OTHER_CHANGES)
def test_request_that_changes_an_image_first_sees_how_its_import_has_ended(
    stage: Stage, method: str, path: str, status: str, payload: str
) -> None:
    stage.make_filter(image_delete_payload=payload)
    stage.import_image()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.response_status = status
    stage.request(method, path)
    recorder = len(stage.recorder.events)
    stage.follower.turn()
    assert stage.recorder.events[recorder:] == UPLOADED
    assert (stage.follower.latest, stage.recorder.ended[-1]) == ({}, stage.recorder.begun[0])


def test_look_up_of_an_image_that_is_gone_is_judged_by_what_the_delete_saw(
    stage: Stage,
) -> None:
    """The look-up has begun when the DELETE comes: nobody has judged yet what the DELETE saw."""
    stage.import_image()
    stage.follower.turn()
    stage.now = 0.5

    def delete_meanwhile(environ: WSGIEnvironment) -> None:
        lookups.clear()
        stage.glance.lookups = lookups
        stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
        stage.glance.response_status = "204 No Content"
        stage.request("DELETE", ONE)

    lookups: list[WSGIEnvironment] = []
    stage.glance.lookups = type("", (list,), {"append": lambda _, it: delete_meanwhile(it)})()
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *UPLOADED]


def test_import_that_failed_before_another_brought_the_data_is_an_error_after_a_delete(
    stage: Stage,
) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.tasks[0]["status"] = "failure"
    stage.glance.response_status = "204 No Content"
    stage.request("DELETE", ONE)
    stage.glance.tasks = []
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]


def test_delete_before_the_end_leaves_an_unknown_outcome(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = IMPORTING, "404 Not Found"
    stage.glance.response_status = "204 No Content"
    stage.request("DELETE", ONE)
    stage.advance(0.5)
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]
    assert "the outcome is unknown: the image is gone" in str(
        stage.recorder.notifications[-1].payload
    )


def test_download_of_a_followed_image_makes_no_look_up_of_its_own(stage: Stage) -> None:
    stage.import_image()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    stage.request("GET", f"{ONE}/file")
    owners = len(stage.glance.lookups)
    stage.make_filter()
    stage.glance.lookups = []
    stage.request("GET", f"{ONE}/file")
    assert len(stage.glance.lookups) == owners
