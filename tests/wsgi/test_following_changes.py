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
OTHERS = [
    ("PUT", f"{ONE}/file", "204 No Content"),
    ("PUT", f"{ONE}/stage", "204 No Content"),
    ("PATCH", ONE, "200 OK"),
    ("POST", f"{ONE}/actions/deactivate", "204 No Content"),
    ("DELETE", f"/v2/stores/fast/{IMAGE}", "204 No Content"),
]


@pytest.mark.parametrize("payload", ["id", "metadata"])
@pytest.mark.parametrize(("method", "path", "status"), DELETES + OTHERS)
def test_before_a_request_changes_an_image_it_is_seen_how_its_import_has_ended(
    stage: Stage, method: str, path: str, status: str, payload: str
) -> None:
    stage.filter(image_delete_payload=payload)
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.accepts = status
    stage.asks(method, path)
    recorder = len(stage.recorder.events)
    stage.follower.turn()
    assert stage.recorder.events[recorder:] == UPLOADED
    assert (stage.follower.latest, stage.recorder.ended[-1]) == ({}, stage.recorder.begun[0])


def test_a_look_up_that_finds_the_image_gone_is_judged_by_what_its_delete_has_seen(
    stage: Stage,
) -> None:
    """The look-up was on its way already when the request came: nobody has read what it left."""
    stage.imports()
    stage.follower.turn()
    stage.now = 0.5

    def delete_meanwhile(environ: WSGIEnvironment) -> None:
        lookups.clear()
        stage.glance.lookups = lookups
        stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
        stage.glance.accepts = "204 No Content"
        stage.asks("DELETE", ONE)

    lookups: list[WSGIEnvironment] = []
    stage.glance.lookups = type("", (list,), {"append": lambda _, it: delete_meanwhile(it)})()
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *UPLOADED]


def test_what_failed_before_another_brought_the_data_is_so_though_the_image_is_gone_by_now(
    stage: Stage,
) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = ACTIVE, "404 Not Found"
    stage.glance.tasks[0]["status"] = "failure"
    stage.glance.accepts = "204 No Content"
    stage.asks("DELETE", ONE)
    stage.glance.tasks = []
    stage.follower.turn()
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]


def test_a_delete_before_the_end_leaves_an_unknown_outcome(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.before, stage.glance.shows = IMPORTING, "404 Not Found"
    stage.glance.accepts = "204 No Content"
    stage.asks("DELETE", ONE)
    stage.passes(0.5)
    assert stage.recorder.events == ["image.delete INFO", *BROKEN]
    assert "the outcome is unknown: the image is gone" in str(
        stage.recorder.notifications[-1].payload
    )


def test_a_download_of_what_is_followed_asks_for_no_record_of_its_own(stage: Stage) -> None:
    stage.imports()
    stage.follower.turn()
    stage.glance.shows = ACTIVE
    stage.asks("GET", f"{ONE}/file")
    owners = len(stage.glance.lookups)
    stage.filter()
    stage.glance.lookups = []
    stage.asks("GET", f"{ONE}/file")
    assert len(stage.glance.lookups) == owners
