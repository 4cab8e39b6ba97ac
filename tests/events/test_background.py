"""Background work: when the image record shows its end, and the events that follow."""

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
from glance_notify_middleware.events.matching import match
from tests.events.cases import IMAGE, METADATA, RECORD

Types = list[tuple[str, str]]

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
    requested: ImportRequest = DEFAULT, before: Any = None, call: str = "import"
) -> BackgroundWork:
    operation = match("POST", f"/v2/images/{IMAGE}/{call}")
    assert operation is not None
    return BackgroundWork(operation, requested, before)


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
def test_import_body_names_the_method_and_the_stores(
    body: bytes | None, expected: ImportRequest
) -> None:
    assert parse_import(body) == expected


def test_needed_fields_are_status_size_and_stores() -> None:
    kept = {name: RECORD[name] for name in ("status", "size", "stores")}
    assert background.needed_fields(RECORD) == kept
    assert background.needed_fields({**LISTS, "name": "n"}) == {TO: ""}
    assert background.needed_fields(None) is None


@pytest.mark.parametrize(
    ("before", "copies"), [(BEFORE, True), ({"status": "queued"}, False), (None, False)]
)
def test_copy_with_an_unseen_body_is_recognized_by_the_earlier_record(
    before: Any, copies: bool
) -> None:
    assert accepted(ImportRequest(), before).is_copy is copies
    assert accepted(COPY, before).is_copy is True
    assert accepted(DIRECT, before).is_copy is False


@pytest.mark.parametrize(
    ("work", "found", "task", "ended"),
    [
        # Glance holds the lock
        (accepted(), record("queued", **{LOCK_KEY: "a"}), None, False),
        (accepted(), record("uploading", **{LOCK_KEY: "a"}), "a", False),
        (accepted(), record("importing", **{LOCK_KEY: "a"}, **LISTS), "a", False),
        (accepted(), record("active", **{LOCK_KEY: "a"}, **LISTS), "a", False),
        (accepted(COPY, BEFORE), record("active", **{LOCK_KEY: "a"}), "a", False),
        (LOCATION, record("queued", **{LOCK_KEY: "a"}), "a", False),
        (LOCATION, record("importing", **{LOCK_KEY: "a"}), None, False),
        # Glance has released the lock
        (accepted(), record("active", **LISTS), "a", True),
        (accepted(), record("deactivated", **LISTS), "a", True),
        (accepted(), record("queued", **LISTS), None, True),
        (accepted(), record("importing", **LISTS), "a", True),
        (accepted(COPY, BEFORE), record("active", stores="fast", **LISTS), "a", True),
        (accepted(COPY, BEFORE), record("active", stores="fast,slow"), None, True),
        (accepted(COPY_ALL, BEFORE), record("active", stores="fast"), None, True),
        (LOCATION, record("queued"), None, True),
        # another task holds the lock
        (accepted(), record("importing", **{LOCK_KEY: "b"}), "a", True),
        (LOCATION, record("importing", **{LOCK_KEY: "b"}), "a", True),
        # the checksum of a location can take hours
        (LOCATION, record("active", **{LOCK_KEY: "a"}), "a", True),
        # Glance keeps the lock when it also failed to undo the import
        (accepted(before=STAGED), record("queued", **{LOCK_KEY: "a"}, **LISTS), None, True),
        (accepted(before=FRESH), record("queued", **{LOCK_KEY: "a"}, **LISTS), None, True),
        (accepted(before=FRESH), record("queued", **{LOCK_KEY: "a"}), None, False),
        (
            accepted(before={**FRESH, TO: ""}),
            record("queued", **{LOCK_KEY: "a"}, **LISTS),
            None,
            False,
        ),
        # the user may not read the lock
        (accepted(), record("queued"), None, False),
        (accepted(), record("importing"), None, False),
        (accepted(), record("active"), None, True),
        (accepted(COPY, BEFORE), record("active", stores="fast"), None, False),
    ],
)
def test_lock_shows_whether_the_work_has_ended(
    work: BackgroundWork, found: Mapping[str, Any], task: object, ended: bool
) -> None:
    assert background.has_ended(work, found, task) is ended


def test_begun_import_that_is_queued_again_has_ended_though_the_lock_is_held() -> None:
    found = record("queued", **{LOCK_KEY: "a"}, **LISTS)
    assert not background.has_ended(accepted(), found, "a", prepared=False)
    assert background.has_ended(accepted(), found, "a", prepared=True)


@pytest.mark.parametrize(
    ("work", "found", "begun"),
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
def test_work_has_begun_when_glance_brings_the_data(
    work: BackgroundWork, found: Mapping[str, Any], begun: bool
) -> None:
    assert background.has_begun(work, found) is begun


@pytest.mark.parametrize(
    ("work", "found", "status", "size"),
    [
        (accepted(), record("importing", size=4, **{LOCK_KEY: "a"}), "importing", None),
        (accepted(), record("active", size=4), "importing", None),
        (accepted(before=STAGED | {"size": 3}), record("active", size=4), "importing", 3),
        (accepted(), record("queued"), "importing", None),
        (accepted(COPY), record("active", size=4), "active", 4),
        (accepted(), {}, "importing", None),
    ],
)
def test_prepare_carries_the_image_as_it_was_when_the_import_began(
    work: BackgroundWork, found: Mapping[str, Any], status: str, size: int | None
) -> None:
    event = background.prepare_event(work, found)
    assert (event.event_type, event.priority) == PREPARE
    assert isinstance(event.payload, dict)
    assert set(event.payload) == set(METADATA)
    assert (event.payload["id"], event.payload["status"], event.payload["size"]) == (
        IMAGE,
        status,
        size,
    )


@pytest.mark.parametrize(
    ("work", "found", "expected"),
    [
        (accepted(), record("active", **LISTS), [PREPARE, UPLOAD, ACTIVATE]),
        (accepted(), record("deactivated", **LISTS), [PREPARE, UPLOAD, ACTIVATE]),
        (accepted(), record("queued", **LISTS), [PREPARE, BROKEN]),
        (accepted(), record("importing", **LISTS), [PREPARE, BROKEN]),
        (accepted(), {}, [PREPARE, BROKEN]),
        # some stores did not get the data
        (accepted(DIRECT), record("active", **{FAILED: "fast"}), [PREPARE, BROKEN, ACTIVATE]),
        (accepted(EVERYWHERE), record("active", **{FAILED: "a,b"}), [PREPARE, BROKEN, ACTIVATE]),
        # the lists name stores of an earlier import
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
        # the image was in all stores already
        (accepted(COPY_ALL, BEFORE), record("active", stores="fast"), []),
        # locations
        (LOCATION, record("active"), [("image.update", "INFO"), ACTIVATE]),
        (LOCATION, record("active", **{FAILED: "fast"}), [("image.update", "INFO"), ACTIVATE]),
        (LOCATION, record("queued"), [("image.update", "ERROR")]),
    ],
)
def test_ended_work_has_one_set_of_events_whatever_the_stores(
    work: BackgroundWork, found: Mapping[str, Any], expected: Types
) -> None:
    events = background.end_events(work, found, prepared=False)
    assert [(each.event_type, each.priority) for each in events] == expected
    again = background.end_events(work, found, prepared=True)
    if expected:  # a copy that was seen to begin has work to do
        assert [(each.event_type, each.priority) for each in again] == [
            each for each in expected if each != PREPARE
        ]


def test_begun_copy_that_adds_no_store_has_failed() -> None:
    found = record("active", stores="fast")
    (event,) = background.end_events(accepted(COPY_ALL, BEFORE), found, prepared=True)
    assert (event.event_type, event.priority) == BROKEN


def test_success_carries_the_image_metadata_without_locations() -> None:
    events = background.end_events(accepted(), RECORD, prepared=True)
    assert [each.payload for each in events] == [METADATA, METADATA]
    assert background.end_events(LOCATION, RECORD, prepared=False)[0].payload == METADATA
    assert images.metadata(RECORD) == METADATA


def test_failure_text_is_one_line_that_names_the_stores() -> None:
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


def test_unknown_outcome_is_one_error() -> None:
    event = background.unknown_outcome_event(accepted().operation, "the image is gone")
    assert (event.event_type, event.priority) == BROKEN
    assert event.payload == (
        f"import data of image {IMAGE}: the outcome is unknown: the image is gone"
    )
    assert background.unknown_outcome_event(LOCATION.operation, "x").event_type == "image.update"


@pytest.mark.parametrize(
    ("work", "found"),
    [
        (accepted(), record("queued", **LISTS)),
        (accepted(), record("active")),
        (accepted(COPY, BEFORE), record("active", stores="fast")),
        (LOCATION, record("queued")),
    ],
)
def test_known_outcome_counts_before_the_image_record(
    work: BackgroundWork, found: Mapping[str, Any]
) -> None:
    failed, succeeded = (
        background.end_events(work, found, prepared=True, failed=failed) for failed in (True, False)
    )
    assert [each.priority for each in failed] == ["ERROR"]
    assert {each.priority for each in succeeded} == {"INFO"}


def test_pending_stores_of_a_later_operation_are_not_unfilled() -> None:
    found = background.without_pending_stores(record("active", stores="a", **{TO: "b", FAILED: ""}))
    events = background.end_events(accepted(EVERYWHERE), found, prepared=True, failed=False)
    assert [each.priority for each in events] == ["INFO", "INFO"]


def test_data_cannot_be_later_while_the_task_holds_the_lock() -> None:
    assert background.may_hold_later_data(record("active"))
    assert not background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}))
    assert not background.may_hold_later_data(record("queued"))
    assert not background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}), "task")
    assert background.may_hold_later_data(record("active", **{LOCK_KEY: "task"}), "another")
