"""The comparison itself: it must catch what it is there for."""

from typing import Any

import pytest

from tests.agreement.comparison import Finding, Kind, compare, shares, unexplained
from tests.agreement.told import Event, Request

IMAGE = {"id": "i", "owner": "o", "status": "saving", "tags": ["a", "b"], "properties": {}}
SENT = {"image_id": "i", "owner_id": "o", "bytes_sent": 9}


def told(
    request: str,
    native: list[tuple[str, str, Any]],
    ours: list[tuple[str, str, Any]],
    look_ups_without: tuple[int | None, ...] = (),
) -> list[Finding]:
    """Findings for one `METHOD path status`; events as (type, priority, payload)."""
    method, path, status = request.split()
    events = [Event("native", *event) for event in native]
    events += [Event("ours", *event) for event in ours]
    code = int(status) if status.isdigit() else None
    return compare([Request("t", 0, method, path, code, list(look_ups_without), events)])


def upload(**changed: Any) -> list[Finding]:
    native = IMAGE | {"backend": "store1", "os_glance_failed_import": []}
    return told(
        "PUT /v2/images/i/file 204",
        [("image.prepare", "INFO", native)],
        [("image.prepare", "INFO", IMAGE | changed)],
    )


def download(**changed: Any) -> list[Finding]:
    return told(
        "GET /v2/images/i/file 200",
        [("image.send", "INFO", SENT)],
        [("image.send", "INFO", SENT | {"destination_ip": None} | changed)],
    )


def location(checksum: str | None, path: str = "/v2/images/i/locations") -> list[Finding]:
    return told(
        f"POST {path} 202",
        [("image.update", "INFO", IMAGE | {"checksum": "c"})],
        [("image.update", "INFO", IMAGE | {"checksum": checksum})],
    )


def test_what_the_contract_says_that_differs_has_its_reason() -> None:
    findings = [*upload(), *download(), *location(None)]
    assert [finding.kind for finding in findings] == [Kind.DIFFERS] * 3
    assert upload()[0].reason == "native adds backend and two os_glance_ lists"
    assert upload(tags=["b", "a"])[0].reason == upload()[0].reason


@pytest.mark.parametrize(
    ("findings", "fault"),
    [
        (upload(owner="someone"), "owner: native tells 'o', we tell 'someone'"),
        (upload(owner=None), "owner: native tells 'o', we tell None"),
        (upload(tags=["a"]), "tags"),
        (upload(locations=[]), "locations: native tells '(absent)', we tell []"),
        (location("d"), "checksum: native tells 'c', we tell 'd'"),
        (location(None, "/v2/images/i/import"), "checksum: native tells 'c', we tell None"),
        (download(bytes_sent=8), "bytes_sent: native tells 9, we tell 8"),
    ],
)
def test_a_wrong_field_is_caught(findings: list[Finding], fault: str) -> None:
    assert fault in unexplained(findings)[0]


def test_a_missing_event_is_caught() -> None:
    lines = unexplained(told("POST /v2/images 201", [("image.create", "INFO", IMAGE)], []))
    assert len(lines) == 1
    assert "only native tells it" in lines[0]


def test_an_extra_event_of_no_class_is_caught() -> None:
    event = ("image.create", "INFO", IMAGE)
    lines = unexplained(told("POST /v2/images 201", [event], [event, event]))
    assert len(lines) == 1
    assert "only ours tells it" in lines[0]


def test_another_priority_is_caught() -> None:
    lines = unexplained(
        told(
            "GET /v2/images/i/file 200",
            [("image.send", "INFO", SENT)],
            [("image.send", "ERROR", SENT)],
        )
    )
    assert "native says INFO" in lines[0]


@pytest.mark.parametrize(
    ("request_line", "ours", "name"),
    [
        ("POST /v2/images 403", ("image.create", "WARN", "text"), "refused"),
        ("GET /v2/images/i/file 200", ("image.send", "ERROR", SENT), "cut"),
        ("PUT /v2/images/i/file 503", ("image.upload", "ERROR", "text"), "failed"),
        ("DELETE /v2/images/i raised", ("image.delete", "ERROR", "text"), "failed"),
        (
            "PATCH /v2/images/i 200",
            ("image.activate", "INFO", IMAGE | {"status": "active"}),
            "activated by its locations",
        ),
    ],
)
def test_what_native_is_silent_about_has_a_class(
    request_line: str, ours: tuple[str, str, Any], name: str
) -> None:
    assert [(found.kind, found.reason) for found in told(request_line, [], [ours])] == [
        (Kind.OURS, name)
    ]


def test_bookkeeping_inside_an_upload_is_not_missed_but_a_patch_is() -> None:
    saved = [("image.update", "INFO", IMAGE)]
    assert told("PUT /v2/images/i/file 204", saved, [])[0].kind is Kind.NATIVE
    assert told("PATCH /v2/images/i 200", saved, [])[0].kind is Kind.UNEXPLAINED


def test_an_upload_over_quota_is_refused_here_and_failed_there() -> None:
    began = [("image.prepare", "INFO", IMAGE), ("image.upload", "ERROR", "too large")]
    refused = [("image.upload", "WARN", "413")]
    found = told("PUT /v2/images/i/file 413", began, refused)
    assert [finding.kind for finding in found] == [Kind.DIFFERS, Kind.NATIVE]
    found = told("PUT /v2/images/i/file 400", began, refused)
    assert [finding.kind for finding in found] == [Kind.UNEXPLAINED] * 2


def test_a_refused_staging_is_not_taken_for_its_bookkeeping() -> None:
    saved = [("image.update", "INFO", IMAGE)] * 2
    found = told("PUT /v2/images/i/stage 413", saved, [("image.update", "WARN", "413")])
    assert [finding.kind for finding in found] == [Kind.OURS, Kind.NATIVE, Kind.NATIVE]


def test_a_staged_image_is_compared_as_it_stays() -> None:
    first, last = IMAGE | {"status": "uploading"}, IMAGE | {"status": "uploading", "size": 9}
    found = told(
        "PUT /v2/images/i/stage 204",
        [("image.update", "INFO", first), ("image.update", "INFO", last)],
        [("image.update", "INFO", last)],
    )
    assert [finding.kind for finding in found] == [Kind.AGREES, Kind.NATIVE]
    found = told("PUT /v2/images/i/stage 204", [("image.update", "INFO", last)], [])
    assert [finding.kind for finding in found] == [Kind.UNEXPLAINED]


def test_nulls_are_forgiven_where_the_look_up_was_refused_and_only_there() -> None:
    native, ours = IMAGE | {"status": "active"}, dict.fromkeys(IMAGE, None) | {"id": "i"}
    for statuses, kind in [((403,), Kind.DIFFERS), ((None,), Kind.UNEXPLAINED)]:
        found = told(
            "PUT /v2/images/i/tags/a 204",
            [("image.update", "INFO", native)],
            [("image.update", "INFO", ours)],
            statuses,
        )
        assert found[0].kind is kind


def test_an_upload_may_be_found_changed_a_moment_later_but_not_earlier() -> None:
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]
    for (native, ours), kind in [(times, Kind.DIFFERS), (times[::-1], Kind.UNEXPLAINED)]:
        found = told(
            "PUT /v2/images/i/file 204",
            [("image.upload", "INFO", IMAGE | {"updated_at": native})],
            [("image.upload", "INFO", IMAGE | {"updated_at": ours})],
        )
        assert found[0].kind is kind


@pytest.mark.parametrize(
    ("native", "kind"),
    [
        ("2026-01-01T00:00:01Z", Kind.DIFFERS),
        ("2026-01-01T00:00:03Z", Kind.DIFFERS),
        ("2026-01-01T00:01:00Z", Kind.UNEXPLAINED),
    ],
)
def test_an_import_may_be_seen_before_or_after_native_tells_that_it_is_prepared(
    native: str, kind: Kind
) -> None:
    found = told(
        "POST /v2/images/i/import 202",
        [("image.prepare", "INFO", IMAGE | {"updated_at": native})],
        [("image.prepare", "INFO", IMAGE | {"updated_at": "2026-01-01T00:00:02Z"})],
    )
    assert found[0].kind is kind


ACTIVE = IMAGE | {"status": "active"}
UPLOADED, FAILED = ("image.upload", "INFO", ACTIVE), ("image.upload", "ERROR", "text")
SAVED = ("image.update", "INFO", IMAGE)


def imported(native: list[Any], ours: list[Any]) -> list[tuple[Kind, str]]:
    found = told("POST /v2/images/i/import 202", native, ours)
    return [(finding.kind, finding.reason) for finding in found]


def test_an_import_is_told_once_where_native_tells_each_store_and_step() -> None:
    assert imported([SAVED, UPLOADED, SAVED, UPLOADED], [UPLOADED]) == [
        (Kind.AGREES, ""),
        (Kind.NATIVE, "bookkeeping of what goes on after a 202"),
        (Kind.NATIVE, "bookkeeping of what goes on after a 202"),
        (Kind.NATIVE, "told of each store, by us of the operation"),
    ]
    partly = imported([UPLOADED, FAILED], [FAILED])
    assert partly == [
        (Kind.AGREES, ""),
        (Kind.NATIVE, "told of each store, by us of the operation"),
    ]
    assert imported([SAVED], [FAILED])[0] == (Kind.OURS, "followed")


@pytest.mark.parametrize(
    ("native", "ours"),
    [
        ([UPLOADED], [FAILED]),
        ([UPLOADED, FAILED], [UPLOADED]),
        ([UPLOADED], [UPLOADED, UPLOADED]),
        ([SAVED], [FAILED, FAILED]),
        ([UPLOADED], []),
        ([("image.activate", "INFO", ACTIVE)], []),
        ([UPLOADED], [("image.upload", "INFO", IMAGE | {"status": "queued"})]),
    ],
)
def test_an_import_that_is_told_otherwise_is_caught(native: list[Any], ours: list[Any]) -> None:
    assert Kind.UNEXPLAINED in [kind for kind, _ in imported(native, ours)]


def test_glances_notes_may_differ_after_an_import_and_no_other_property() -> None:
    note, other = {"os_glance_import_task": "t"}, {"colour": "red"}
    for properties, kind in [(note, Kind.DIFFERS), (note | other, Kind.UNEXPLAINED)]:
        with_them = ("image.upload", "INFO", ACTIVE | {"properties": properties})
        assert imported([with_them], [UPLOADED])[0][0] is kind
        found = told("PUT /v2/images/i/file 204", [with_them], [UPLOADED])
        assert found[0].kind is Kind.UNEXPLAINED


def test_shares_are_of_what_both_ought_to_tell() -> None:
    wrong = told("PUT /v2/images/i/file 204", [UPLOADED], [])
    too_much = told("PUT /v2/images/i/file 413", [FAILED], [("image.upload", "WARN", "413")])
    alone = told("POST /v2/images 403", [], [("image.create", "WARN", "text")])
    assert shares([*upload(), *download(), *too_much, *wrong, *alone]) == (4, 50, 75)


def task(native: list[tuple[str, str, Any]], ours: list[tuple[str, str, Any]]) -> list[Kind]:
    return [finding.kind for finding in told("POST /v2/tasks 201", native, ours)]


def test_of_a_task_that_failed_the_image_is_not_known_and_its_removal_is_not_told() -> None:
    removed = [("image.create", "INFO", IMAGE), ("image.delete", "INFO", IMAGE)]
    unknown = ("image.create", "INFO", IMAGE | {"id": None, "owner": None})
    failed = ("image.upload", "ERROR", "text")
    assert task(removed, [unknown, failed]) == [Kind.DIFFERS, Kind.OURS, Kind.NATIVE]
    assert task(removed, [unknown]) == [Kind.UNEXPLAINED, Kind.UNEXPLAINED]
    other = ("image.create", "INFO", IMAGE | {"id": "another"})
    assert task(removed[:1], [other, failed]) == [Kind.UNEXPLAINED, Kind.OURS]


def test_what_a_task_has_told_before_it_ended_may_know_less() -> None:
    def at(second: int, size: int | None) -> dict[str, Any]:
        return IMAGE | {"updated_at": f"2026-11-29T12:00:{second:02}Z", "virtual_size": size}

    for event_type, ours, kind in (
        ("image.create", at(2, None), Kind.DIFFERS),
        ("image.create", at(0, None), Kind.UNEXPLAINED),
        ("image.prepare", at(1, None), Kind.DIFFERS),
        ("image.prepare", at(1, 7), Kind.UNEXPLAINED),
    ):
        size = None if event_type == "image.create" else 9
        assert task([(event_type, "INFO", at(1, size))], [(event_type, "INFO", ours)]) == [kind]
