"""What Glance works on after a 202: whether its record shows the end, and what that means."""

from collections.abc import Mapping
from typing import Any

import pytest

from glance_notify_middleware.events import background, images
from glance_notify_middleware.events.background import (
    LOCK_KEY,
    BackgroundWork,
    ImportRequest,
    parse_import,
)
from glance_notify_middleware.events.operations import match
from tests.events.cases import IMAGE, METADATA, RECORD

Told = list[tuple[str, str]]

TO, FAILED = "os_glance_importing_to_stores", "os_glance_failed_import"
LISTS = {TO: "", FAILED: ""}
DIRECT, DEFAULT = ImportRequest(False, frozenset({"fast"})), ImportRequest(False, frozenset())
EVERYWHERE = ImportRequest(False, None)
COPY, COPY_ALL = ImportRequest(True, frozenset({"slow"})), ImportRequest(True, None)
COPY_DEFAULT = ImportRequest(True, frozenset())
BEFORE = {"status": "active", "stores": "fast"}
FRESH, STAGED = {"status": "queued"}, {"status": "uploading"}

PREPARE, UPLOAD, ACTIVATE = (
    ("image.prepare", "INFO"),
    ("image.upload", "INFO"),
    ("image.activate", "INFO"),
)
BROKEN = ("image.upload", "ERROR")


def accepted(
    asked: ImportRequest = DEFAULT, before: Any = None, call: str = "import"
) -> BackgroundWork:
    operation = match("POST", f"/v2/images/{IMAGE}/{call}")
    assert operation is not None
    return BackgroundWork(operation, asked, before)


def record(status: str, **more: str | int) -> dict[str, Any]:
    return {"id": IMAGE, "status": status, **more}


LOCATION = accepted(call="locations")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"method": {"name": "glance-direct"}}', DEFAULT),
        (b'{"method": {"name": "web-download", "uri": "u"}, "stores": ["fast"]}', DIRECT),
        (b'{"method": {"name": "glance-direct"}, "all_stores": true}', EVERYWHERE),
        (b'{"method": {"name": "copy-image"}, "stores": ["slow"]}', COPY),
        (b'{"method": {"name": "copy-image"}, "all_stores": true}', COPY_ALL),
        (None, ImportRequest()),
        (b"", ImportRequest()),
        (b'{"method": {"name": "copy-image"}, "stores": ["sl', ImportRequest()),
        (b'{"method": "copy-image"}', ImportRequest()),
        (b'{"method": {"name": "copy-image"}, "stores": 1}', ImportRequest()),
        (b'["method"]', ImportRequest()),
        (b'{"stores": []}', ImportRequest()),
        (b"[" * 100_000, ImportRequest()),
    ],
)
def test_what_an_import_asks_for_stands_in_its_body(
    body: bytes | None, expected: ImportRequest
) -> None:
    assert parse_import(body) == expected


def test_nothing_but_status_size_and_stores_is_kept_of_the_record_before() -> None:
    kept = {name: RECORD[name] for name in ("status", "size", "stores")}
    assert background.needed_fields(RECORD) == kept
    assert background.needed_fields({**LISTS, "name": "n"}) == {TO: ""}
    assert background.needed_fields(None) is None


@pytest.mark.parametrize(
    ("before", "copies"), [(BEFORE, True), ({"status": "queued"}, False), (None, False)]
)
def test_where_the_body_is_not_seen_a_copy_is_known_by_the_record_before(
    before: Any, copies: bool
) -> None:
    assert accepted(ImportRequest(), before).is_copy is copies
    assert accepted(COPY, before).is_copy is True
    assert accepted(DIRECT, before).is_copy is False


@pytest.mark.parametrize(
    ("of", "found", "task", "settled"),
    [
        # Glance holds its lock
        (accepted(), record("queued", **{LOCK_KEY: "a"}), None, False),
        (accepted(), record("uploading", **{LOCK_KEY: "a"}), "a", False),
        (accepted(), record("importing", **{LOCK_KEY: "a"}, **LISTS), "a", False),
        (accepted(), record("active", **{LOCK_KEY: "a"}, **LISTS), "a", False),
        (accepted(COPY, BEFORE), record("active", **{LOCK_KEY: "a"}), "a", False),
        (LOCATION, record("queued", **{LOCK_KEY: "a"}), "a", False),
        (LOCATION, record("importing", **{LOCK_KEY: "a"}), None, False),
        # and let it go
        (accepted(), record("active", **LISTS), "a", True),
        (accepted(), record("deactivated", **LISTS), "a", True),
        (accepted(), record("queued", **LISTS), None, True),
        (accepted(), record("importing", **LISTS), "a", True),
        (accepted(COPY, BEFORE), record("active", stores="fast", **LISTS), "a", True),
        (accepted(COPY, BEFORE), record("active", stores="fast,slow"), None, True),
        (accepted(COPY_ALL, BEFORE), record("active", stores="fast"), None, True),
        (LOCATION, record("queued"), None, True),
        # another has it now
        (accepted(), record("importing", **{LOCK_KEY: "b"}), "a", True),
        (LOCATION, record("importing", **{LOCK_KEY: "b"}), "a", True),
        # the checksum of a location can take hours
        (LOCATION, record("active", **{LOCK_KEY: "a"}), "a", True),
        # but it keeps it where it failed twice
        (accepted(before=STAGED), record("queued", **{LOCK_KEY: "a"}, **LISTS), None, True),
        (accepted(before=FRESH), record("queued", **{LOCK_KEY: "a"}, **LISTS), None, True),
        (accepted(before=FRESH), record("queued", **{LOCK_KEY: "a"}), None, False),
        (
            accepted(before={**FRESH, TO: ""}),
            record("queued", **{LOCK_KEY: "a"}, **LISTS),
            None,
            False,
        ),
        # none of it can be read
        (accepted(), record("queued"), None, False),
        (accepted(), record("importing"), None, False),
        (accepted(), record("active"), None, True),
        (accepted(COPY, BEFORE), record("active", stores="fast"), None, False),
    ],
)
def test_the_lock_shows_whether_glance_has_ended_it(
    of: BackgroundWork, found: Mapping[str, Any], task: object, settled: bool
) -> None:
    assert background.has_ended(of, found, task) is settled


def test_what_had_begun_and_waits_again_has_failed_whoever_holds_the_lock() -> None:
    found = record("queued", **{LOCK_KEY: "a"}, **LISTS)
    assert not background.has_ended(accepted(), found, "a", prepared=False)
    assert background.has_ended(accepted(), found, "a", prepared=True)


@pytest.mark.parametrize(
    ("of", "found", "begun"),
    [
        (accepted(), record("queued", **{LOCK_KEY: "a"}), False),
        (accepted(), record("uploading", **{LOCK_KEY: "a"}), False),
        (accepted(), record("importing", **{LOCK_KEY: "a"}), True),
        (accepted(), record("active", **{LOCK_KEY: "a"}), True),
        (accepted(COPY, BEFORE), record("active", **{LOCK_KEY: "a"}), True),
        (accepted(COPY, BEFORE), record("active"), False),
        (LOCATION, record("importing", **{LOCK_KEY: "a"}), False),
    ],
)
def test_prepare_is_due_when_glance_is_at_it(
    of: BackgroundWork, found: Mapping[str, Any], begun: bool
) -> None:
    assert background.has_begun(of, found) is begun


@pytest.mark.parametrize(
    ("of", "found", "status", "size"),
    [
        (accepted(), record("importing", size=4, **{LOCK_KEY: "a"}), "importing", None),
        (accepted(), record("active", size=4), "importing", None),
        (accepted(before=STAGED | {"size": 3}), record("active", size=4), "importing", 3),
        (accepted(), record("queued"), "importing", None),
        (accepted(COPY), record("active", size=4), "active", 4),
        (accepted(), {}, "importing", None),
    ],
)
def test_prepare_tells_the_image_as_it_was_when_the_import_began(
    of: BackgroundWork, found: Mapping[str, Any], status: str, size: int | None
) -> None:
    told = background.prepare_event(of, found)
    assert (told.event_type, told.priority) == PREPARE
    assert isinstance(told.payload, dict)
    assert set(told.payload) == set(METADATA)
    assert (told.payload["id"], told.payload["status"], told.payload["size"]) == (
        IMAGE,
        status,
        size,
    )


@pytest.mark.parametrize(
    ("of", "found", "told"),
    [
        (accepted(), record("active", **LISTS), [PREPARE, UPLOAD, ACTIVATE]),
        (accepted(), record("deactivated", **LISTS), [PREPARE, UPLOAD, ACTIVATE]),
        (accepted(), record("queued", **LISTS), [PREPARE, BROKEN]),
        (accepted(), record("importing", **LISTS), [PREPARE, BROKEN]),
        (accepted(), {}, [PREPARE, BROKEN]),
        # some stores have not got it
        (accepted(DIRECT), record("active", **{FAILED: "fast"}), [PREPARE, BROKEN, ACTIVATE]),
        (accepted(EVERYWHERE), record("active", **{FAILED: "a,b"}), [PREPARE, BROKEN, ACTIVATE]),
        # but they were those of an earlier one
        (accepted(DIRECT), record("active", **{FAILED: "slow"}), [PREPARE, UPLOAD, ACTIVATE]),
        (accepted(), record("active", **{FAILED: "slow"}), [PREPARE, UPLOAD, ACTIVATE]),
        (
            accepted(EVERYWHERE),
            record("active", stores="a,b", **{FAILED: "a,b"}),
            [PREPARE, UPLOAD, ACTIVATE],
        ),
        # a copy activates nothing
        (accepted(COPY, BEFORE), record("active", stores="fast,slow"), [PREPARE, UPLOAD]),
        (accepted(COPY_ALL, BEFORE), record("active", stores="fast,slow"), [PREPARE, UPLOAD]),
        (accepted(COPY_DEFAULT, BEFORE), record("active", stores="fast,x"), [PREPARE, UPLOAD]),
        (accepted(COPY), record("active", stores="fast,slow"), [PREPARE, UPLOAD]),
        (
            accepted(COPY, BEFORE),
            record("active", stores="fast", **{FAILED: "slow"}),
            [PREPARE, BROKEN],
        ),
        (
            accepted(COPY_ALL, BEFORE),
            record("active", stores="fast,slow", **{FAILED: "third"}),
            [PREPARE, BROKEN],
        ),
        (
            accepted(COPY, BEFORE),
            record("active", stores="fast", **{TO: "slow"}),  # its source was missing
            [PREPARE, BROKEN],
        ),
        (accepted(COPY_DEFAULT, BEFORE), record("active", stores="fast"), [PREPARE, BROKEN]),
        # nothing was to be done
        (accepted(COPY_ALL, BEFORE), record("active", stores="fast"), []),
        # locations
        (LOCATION, record("active"), [("image.update", "INFO"), ACTIVATE]),
        (LOCATION, record("active", **{FAILED: "fast"}), [("image.update", "INFO"), ACTIVATE]),
        (LOCATION, record("queued"), [("image.update", "ERROR")]),
    ],
)
def test_what_has_settled_is_told_once_whatever_the_stores(
    of: BackgroundWork, found: Mapping[str, Any], told: Told
) -> None:
    events = background.end_events(of, found, prepared=False)
    assert [(each.event_type, each.priority) for each in events] == told
    again = background.end_events(of, found, prepared=True)
    if told:  # a copy that was seen to begin was something to be done
        assert [(each.event_type, each.priority) for each in again] == [
            each for each in told if each != PREPARE
        ]


def test_a_copy_that_began_and_brought_nothing_has_failed() -> None:
    found = record("active", stores="fast")
    (told,) = background.end_events(accepted(COPY_ALL, BEFORE), found, prepared=True)
    assert (told.event_type, told.priority) == BROKEN


def test_success_carries_the_images_metadata_and_no_location() -> None:
    told = background.end_events(accepted(), RECORD, prepared=True)
    assert [each.payload for each in told] == [METADATA, METADATA]
    assert background.end_events(LOCATION, RECORD, prepared=False)[0].payload == METADATA
    assert images.metadata(RECORD) == METADATA


def test_failure_is_one_line_that_names_the_stores() -> None:
    found = record("active", **{FAILED: "b,a"})
    failed = background.end_events(accepted(EVERYWHERE), found, prepared=True)[0]
    assert failed.payload == (
        f"import data of image {IMAGE}: Glance accepted it, and it failed in a, b"
    )
    (failed,) = background.end_events(LOCATION, record("queued"), prepared=True)
    assert failed.payload == (f"add a location to image {IMAGE}: Glance accepted it, and it failed")
    long = background.end_events(
        accepted(EVERYWHERE), record("queued", **{FAILED: "ä" * 2000}), prepared=True
    )
    assert len(str(long[0].payload).encode()) <= 1024


def test_what_nobody_knows_is_one_error() -> None:
    told = background.unknown_outcome_event(accepted().operation, "the image is gone")
    assert (told.event_type, told.priority) == BROKEN
    assert told.payload == (
        f"import data of image {IMAGE}: the outcome is unknown: the image is gone"
    )
    assert background.unknown_outcome_event(LOCATION.operation, "x").event_type == "image.update"


@pytest.mark.parametrize(
    ("of", "found"),
    [
        (accepted(), record("queued", **LISTS)),
        (accepted(), record("active")),
        (accepted(COPY, BEFORE), record("active", stores="fast")),
        (LOCATION, record("queued")),
    ],
)
def test_what_glance_says_of_the_task_counts_before_what_the_record_shows(
    of: BackgroundWork, found: Mapping[str, Any]
) -> None:
    failed, succeeded = (
        background.end_events(of, found, prepared=True, failed=failed) for failed in (True, False)
    )
    assert [each.priority for each in failed] == ["ERROR"]
    assert {each.priority for each in succeeded} == {"INFO"}


def test_the_stores_that_a_later_operation_is_at_are_not_counted_as_unfilled() -> None:
    found = background.without_pending_stores(record("active", stores="a", **{TO: "b", FAILED: ""}))
    told = background.end_events(accepted(EVERYWHERE), found, prepared=True, failed=False)
    assert [each.priority for each in told] == ["INFO", "INFO"]


def test_while_the_lock_is_held_the_data_is_nobody_elses() -> None:
    assert background.may_hold_later_data(record("active"))
    assert not background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}))
    assert not background.may_hold_later_data(record("queued"))
    assert not background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}), "task")
    assert background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}), "another")
