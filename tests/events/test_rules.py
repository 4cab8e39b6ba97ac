"""The events of an operation that succeeded."""

from collections.abc import Mapping
from typing import Any

import pytest

from glance_notify_middleware.events import rules
from glance_notify_middleware.events.exchange import Exchange, RequestFacts, ResponseFacts
from glance_notify_middleware.events.identity import Requester
from tests.events import cases
from tests.events.cases import (
    DELETED,
    IMAGE,
    MEMBER,
    MEMBER_RECORD,
    METADATA,
    RECORD,
    SAVING,
    SHARED,
    UNSHARED,
    Summary,
    summaries,
)

QUEUED: Mapping[str, Any] = {**RECORD, "status": "queued"}
DEACTIVATED: Mapping[str, Any] = {**RECORD, "status": "deactivated"}
LOCATIONS = b'[{"op": "replace", "path": "/locations", "value": [{"url": "'


def succeeded(
    request: str,
    status: int,
    found: Mapping[str, Any] | None,
    *,
    before: Mapping[str, Any] | None = None,
    body_start: bytes | None = None,
    prepared: bool = False,
    with_metadata: bool = False,
) -> list[Summary]:
    exchange = Exchange(
        cases.operation(request, with_metadata=with_metadata),
        RequestFacts(Requester(), None, bytes_read=7, body_start=body_start, prepared=prepared),
        ResponseFacts(status, kept=True),
        before,
    )
    return summaries(rules.decide(exchange, found, lambda: cases.NOW))


@pytest.mark.parametrize(
    ("request_line", "status", "found", "before", "expected"),
    [
        (cases.CREATE, 201, RECORD, None, [("image.create", "INFO", METADATA)]),
        (
            cases.UPLOAD,
            204,
            RECORD,
            None,
            [
                ("image.prepare", "INFO", SAVING),
                ("image.upload", "INFO", METADATA),
                ("image.activate", "INFO", METADATA),
            ],
        ),
        (cases.STAGE, 204, RECORD, None, [("image.update", "INFO", METADATA)]),
        (cases.PATCH, 200, RECORD, None, [("image.update", "INFO", METADATA)]),
        (
            cases.PATCH,
            200,
            RECORD,
            QUEUED,
            [("image.update", "INFO", METADATA), ("image.activate", "INFO", METADATA)],
        ),
        (
            cases.PATCH,
            200,
            RECORD,
            RECORD,
            [("image.update", "INFO", METADATA)],
        ),
        (
            cases.PATCH,
            200,
            QUEUED,
            QUEUED,
            [("image.update", "INFO", {**METADATA, "status": "queued"})],
        ),
        (
            cases.DEACTIVATE,
            204,
            DEACTIVATED,
            RECORD,
            [("image.update", "INFO", {**METADATA, "status": "deactivated"})],
        ),
        (
            cases.REACTIVATE,
            204,
            RECORD,
            DEACTIVATED,
            [("image.update", "INFO", METADATA)],
        ),
        (cases.TAG, 204, RECORD, None, [("image.update", "INFO", METADATA)]),
        (cases.UNTAG, 204, RECORD, None, [("image.update", "INFO", METADATA)]),
        (cases.STORE_DELETE, 204, RECORD, None, [("image.update", "INFO", METADATA)]),
        (cases.DELETE, 204, None, None, [("image.delete", "INFO", IMAGE)]),
        (cases.DELETE, 204, RECORD, None, [("image.delete", "INFO", IMAGE)]),
        (
            cases.MEMBER_CREATE,
            200,
            MEMBER_RECORD,
            None,
            [("image.member.create", "INFO", SHARED)],
        ),
        (
            cases.MEMBER_UPDATE,
            200,
            MEMBER_RECORD,
            None,
            [("image.member.update", "INFO", SHARED)],
        ),
        (
            cases.MEMBER_DELETE,
            204,
            MEMBER_RECORD,
            None,
            [("image.member.delete", "INFO", UNSHARED)],
        ),
    ],
)
def test_success_has_the_events_and_payloads_of_its_route(
    request_line: str,
    status: int,
    found: Mapping[str, Any] | None,
    before: Mapping[str, Any] | None,
    expected: list[Summary],
) -> None:
    assert succeeded(request_line, status, found, before=before) == expected


def test_delete_carries_the_earlier_metadata_when_that_is_chosen() -> None:
    decided = succeeded(cases.DELETE, 204, RECORD, with_metadata=True)
    assert decided == [("image.delete", "INFO", DELETED)]


def test_upload_after_its_prepare_has_the_rest_of_the_events() -> None:
    assert succeeded(cases.UPLOAD, 204, RECORD, prepared=True) == [
        ("image.upload", "INFO", METADATA),
        ("image.activate", "INFO", METADATA),
    ]


@pytest.mark.parametrize(
    ("record", "payload"),
    [
        ({**RECORD, "status": "saving"}, {**METADATA, "status": "saving"}),
        ({**RECORD, "status": "importing"}, {**METADATA, "status": "importing"}),
    ],
)
def test_prepare_carries_the_record_of_its_moment(
    record: Mapping[str, Any], payload: Mapping[str, Any]
) -> None:
    prepared = rules.prepare_event(cases.operation(cases.UPLOAD), record)
    assert summaries([prepared]) == [("image.prepare", "INFO", payload)]


NOTHING_KNOWN: Mapping[str, Any] = {
    **dict.fromkeys(METADATA),
    "id": IMAGE,
    "properties": {},
    "deleted": False,
}
IDS_KNOWN: Mapping[str, Any] = {
    "image_id": IMAGE,
    "member_id": MEMBER,
    "status": None,
    "created_at": None,
    "updated_at": None,
    "deleted": False,
    "deleted_at": None,
}


@pytest.mark.parametrize(
    ("request_line", "known"),
    [
        (cases.STAGE, NOTHING_KNOWN),
        (cases.PATCH, NOTHING_KNOWN),
        (cases.DEACTIVATE, NOTHING_KNOWN),
        (cases.REACTIVATE, NOTHING_KNOWN),
        (cases.TAG, NOTHING_KNOWN),
        (cases.UNTAG, NOTHING_KNOWN),
        (cases.STORE_DELETE, NOTHING_KNOWN),
        (cases.MEMBER_CREATE, {**IDS_KNOWN, "member_id": None}),
        (cases.MEMBER_UPDATE, IDS_KNOWN),
        (cases.MEMBER_DELETE, {**IDS_KNOWN, "deleted": True, "deleted_at": cases.NOW}),
    ],
)
def test_refused_look_up_costs_no_event_and_leaves_the_ids(
    request_line: str, known: Mapping[str, Any]
) -> None:
    [(_, priority, payload)] = succeeded(request_line, 204, None)
    assert (priority, payload) == ("INFO", known)


def test_delete_without_a_record_is_still_marked_as_deleted() -> None:
    [(_, _, payload)] = succeeded(cases.DELETE, 204, None, with_metadata=True)
    gone = {"status": "deleted", "deleted": True}
    then = {"deleted_at": cases.NOW, "updated_at": cases.NOW}
    assert payload == {**NOTHING_KNOWN, **gone, **then}


def test_upload_without_a_record_has_at_least_the_id() -> None:
    decided = succeeded(cases.UPLOAD, 204, None)
    assert [(event_type, payload["id"]) for event_type, _, payload in decided] == [
        ("image.prepare", IMAGE),
        ("image.upload", IMAGE),
        ("image.activate", IMAGE),
    ]
    prepared = rules.prepare_event(cases.operation(cases.UPLOAD), None)
    assert prepared.payload == {**NOTHING_KNOWN, "status": "saving"}


@pytest.mark.parametrize(
    ("request_line", "status", "before", "body_start"),
    [
        (cases.PATCH, 200, None, b"[]"),
        (cases.PATCH, 200, None, b" [] \r\n"),
        (cases.DEACTIVATE, 204, DEACTIVATED, None),
        (cases.REACTIVATE, 204, RECORD, None),
        (cases.CREATE, 300, None, None),
        (cases.SEND, 204, None, None),
        (cases.SEND, 304, None, None),
        (cases.SEND, 302, None, None),
        (cases.IMPORT, 202, None, None),  # its end comes later
        (cases.ADD_LOCATION, 202, None, None),
    ],
)
def test_request_that_changed_nothing_has_no_event(
    request_line: str,
    status: int,
    before: Mapping[str, Any] | None,
    body_start: bytes | None,
) -> None:
    decided = succeeded(request_line, status, RECORD, before=before, body_start=body_start)
    assert decided == []


@pytest.mark.parametrize("body_start", [None, b"", LOCATIONS, b"[{}]"])
def test_patch_is_an_update_unless_its_body_is_seen_to_be_empty(body_start: bytes | None) -> None:
    decided = succeeded(cases.PATCH, 200, RECORD, body_start=body_start)
    assert decided == [("image.update", "INFO", METADATA)]


LONG = "a" * 60_000
NAME = f'{{"op": "replace", "path": "/name", "value": "{LONG}"}}'


@pytest.mark.parametrize(
    ("body_start", "names"),
    [
        (LOCATIONS, True),
        (b'[{"path":"/locations/-"', True),
        (b'[{"path":"/name"', False),
        (f'[{{"op": "add", "value": "{LONG}", "path": "/locations/-"}}]', True),
        (f'[{NAME}, {{"op": "add", "path": "/locations/-", "value": {{}}}}]', True),
        (f"[{NAME}]", False),
        (r'[{"op": "add", "path": "\/locations/-", "value": {}}]', True),
        (r'[{"op": "add", "path": "/\u006cocations", "value": {}}]', True),
        (r'[{"op": "add", "path": "//\tlocations\t/-", "value": {}}] ', True),
        (r'[{"add": "\u002flocations/-", "value": {}}]', True),  # version 2.0 of the media type
        (r'[{"replace": "\u002flocations", "value": []}]', True),
        (r'[{"value": NaN, "op": "add", "path": "\u002flocations/-"}]', True),
        (r'[{"path": "\u002fname", "path": "\u002flocations"}]', True),
        (r'[{"op": "add", "path": "\u002flocations/-", "value": {"a": "]', False),  # not whole yet
        (r'[{"op": "add", "path": "/name", "value": "\u002flocations"}]', False),
        (r'{"path": "\u002flocations"}]', False),
        (r'["\u002flocations", 1, null, {"path": null}]', False),
        (r'{"a": [{"path": "\u002flocations"}]}', False),
        ("[" * 30_000 + '"locations"' + "]" * 30_000, True),  # too deep to be parsed
        ("[" * 30_000 + "]" * 30_000, False),
    ],
)
def test_patch_of_locations_is_recognized_by_its_paths(
    body_start: bytes | str, names: bool
) -> None:
    body = body_start.encode() if isinstance(body_start, str) else body_start
    assert rules.may_change_locations(body) is names
