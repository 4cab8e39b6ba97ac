"""The comparison itself: it catches wrong fields, missing events and events too many."""

from typing import Any

import pytest

from tests.agreement.comparison import Finding, Kind, compare, shares, unexplained
from tests.agreement.observed import Event, Request

IMAGE = {"id": "i", "owner": "o", "status": "saving", "tags": ["a", "b"], "properties": {}}
SENT = {"image_id": "i", "owner_id": "o", "bytes_sent": 9}


def findings_of(
    request: str,
    native: list[tuple[str, str, Any]],
    from_filter: list[tuple[str, str, Any]],
    failed_look_ups: tuple[int | None, ...] = (),
) -> list[Finding]:
    """Findings for one `METHOD path status`; events as (type, priority, payload)."""
    method, path, status = request.split()
    events = [Event("native", *event) for event in native]
    events += [Event("filter", *event) for event in from_filter]
    code = int(status) if status.isdigit() else None
    return compare([Request("t", 0, method, path, code, list(failed_look_ups), events)])


def upload(**changed: Any) -> list[Finding]:
    native = IMAGE | {"backend": "store1", "os_glance_failed_import": []}
    return findings_of(
        "PUT /v2/images/i/file 204",
        [("image.prepare", "INFO", native)],
        [("image.prepare", "INFO", IMAGE | changed)],
    )


def download(**changed: Any) -> list[Finding]:
    return findings_of(
        "GET /v2/images/i/file 200",
        [("image.send", "INFO", SENT)],
        [("image.send", "INFO", SENT | {"destination_ip": None} | changed)],
    )


def location(checksum: str | None, path: str = "/v2/images/i/locations") -> list[Finding]:
    return findings_of(
        f"POST {path} 202",
        [("image.update", "INFO", IMAGE | {"checksum": "c"})],
        [("image.update", "INFO", IMAGE | {"checksum": checksum})],
    )


def test_differences_that_the_contract_names_have_a_reason() -> None:
    findings = [*upload(), *download(), *location(None)]
    assert [finding.kind for finding in findings] == [Kind.DIFFERS] * 3
    assert upload()[0].reason == "native adds backend and two os_glance_ lists"
    assert upload(tags=["b", "a"])[0].reason == upload()[0].reason


@pytest.mark.parametrize(
    ("findings", "fault"),
    [
        (upload(owner="someone"), "owner: native has 'o', the filter 'someone'"),
        (upload(owner=None), "owner: native has 'o', the filter None"),
        (upload(tags=["a"]), "tags"),
        (upload(locations=[]), "locations: native has '(absent)', the filter []"),
        (location("d"), "checksum: native has 'c', the filter 'd'"),
        (location(None, "/v2/images/i/import"), "checksum: native has 'c', the filter None"),
        (download(bytes_sent=8), "bytes_sent: native has 9, the filter 8"),
    ],
)
def test_wrong_field_is_unexplained(findings: list[Finding], fault: str) -> None:
    assert fault in unexplained(findings)[0]


def test_missing_event_is_unexplained() -> None:
    lines = unexplained(findings_of("POST /v2/images 201", [("image.create", "INFO", IMAGE)], []))
    assert len(lines) == 1
    assert "only native emits it" in lines[0]


def test_extra_event_without_a_reason_is_unexplained() -> None:
    event = ("image.create", "INFO", IMAGE)
    lines = unexplained(findings_of("POST /v2/images 201", [event], [event, event]))
    assert len(lines) == 1
    assert "only filter emits it" in lines[0]


def test_other_priority_is_unexplained() -> None:
    lines = unexplained(
        findings_of(
            "GET /v2/images/i/file 200",
            [("image.send", "INFO", SENT)],
            [("image.send", "ERROR", SENT)],
        )
    )
    assert "native emits INFO" in lines[0]


@pytest.mark.parametrize(
    ("request_line", "from_filter", "name"),
    [
        ("POST /v2/images 403", ("image.create", "WARN", "text"), "refused"),
        ("GET /v2/images/i/file 200", ("image.send", "ERROR", SENT), "cut short"),
        ("PUT /v2/images/i/file 503", ("image.upload", "ERROR", "text"), "failed"),
        ("DELETE /v2/images/i raised", ("image.delete", "ERROR", "text"), "failed"),
        (
            "PATCH /v2/images/i 200",
            ("image.activate", "INFO", IMAGE | {"status": "active"}),
            "activated by its locations",
        ),
    ],
)
def test_events_that_only_the_filter_emits_have_a_reason(
    request_line: str, from_filter: tuple[str, str, Any], name: str
) -> None:
    assert [
        (found.kind, found.reason) for found in findings_of(request_line, [], [from_filter])
    ] == [(Kind.FILTER_ALONE, name)]


def test_native_update_inside_an_upload_may_stand_alone_and_that_of_a_patch_may_not() -> None:
    saved = [("image.update", "INFO", IMAGE)]
    assert findings_of("PUT /v2/images/i/file 204", saved, [])[0].kind is Kind.NATIVE_ALONE
    assert findings_of("PATCH /v2/images/i 200", saved, [])[0].kind is Kind.UNEXPLAINED


def test_upload_over_quota_is_refused_for_the_filter_and_failed_for_native() -> None:
    began = [("image.prepare", "INFO", IMAGE), ("image.upload", "ERROR", "too large")]
    refused = [("image.upload", "WARN", "413")]
    found = findings_of("PUT /v2/images/i/file 413", began, refused)
    assert [finding.kind for finding in found] == [Kind.DIFFERS, Kind.NATIVE_ALONE]
    found = findings_of("PUT /v2/images/i/file 400", began, refused)
    assert [finding.kind for finding in found] == [Kind.UNEXPLAINED] * 2


def test_refused_staging_is_not_matched_with_its_bookkeeping() -> None:
    saved = [("image.update", "INFO", IMAGE)] * 2
    found = findings_of("PUT /v2/images/i/stage 413", saved, [("image.update", "WARN", "413")])
    assert [finding.kind for finding in found] == [
        Kind.FILTER_ALONE,
        Kind.NATIVE_ALONE,
        Kind.NATIVE_ALONE,
    ]


def test_staged_image_is_compared_with_the_last_native_update() -> None:
    first, last = IMAGE | {"status": "uploading"}, IMAGE | {"status": "uploading", "size": 9}
    found = findings_of(
        "PUT /v2/images/i/stage 204",
        [("image.update", "INFO", first), ("image.update", "INFO", last)],
        [("image.update", "INFO", last)],
    )
    assert [finding.kind for finding in found] == [Kind.AGREES, Kind.NATIVE_ALONE]
    found = findings_of("PUT /v2/images/i/stage 204", [("image.update", "INFO", last)], [])
    assert [finding.kind for finding in found] == [Kind.UNEXPLAINED]


def test_nulls_are_allowed_only_where_the_look_up_was_refused() -> None:
    native, from_filter = IMAGE | {"status": "active"}, dict.fromkeys(IMAGE, None) | {"id": "i"}
    for statuses, kind in [((403,), Kind.DIFFERS), ((None,), Kind.UNEXPLAINED)]:
        found = findings_of(
            "PUT /v2/images/i/tags/a 204",
            [("image.update", "INFO", native)],
            [("image.update", "INFO", from_filter)],
            statuses,
        )
        assert found[0].kind is kind


def test_updated_at_of_an_upload_may_be_a_moment_later_but_not_earlier() -> None:
    times = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"]
    for (native, from_filter), kind in [(times, Kind.DIFFERS), (times[::-1], Kind.UNEXPLAINED)]:
        found = findings_of(
            "PUT /v2/images/i/file 204",
            [("image.upload", "INFO", IMAGE | {"updated_at": native})],
            [("image.upload", "INFO", IMAGE | {"updated_at": from_filter})],
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
def test_updated_at_of_an_import_may_be_a_moment_earlier_or_later(native: str, kind: Kind) -> None:
    found = findings_of(
        "POST /v2/images/i/import 202",
        [("image.prepare", "INFO", IMAGE | {"updated_at": native})],
        [("image.prepare", "INFO", IMAGE | {"updated_at": "2026-01-01T00:00:02Z"})],
    )
    assert found[0].kind is kind


ACTIVE = IMAGE | {"status": "active"}
UPLOADED, FAILED = ("image.upload", "INFO", ACTIVE), ("image.upload", "ERROR", "text")
SAVED = ("image.update", "INFO", IMAGE)


def imported(native: list[Any], from_filter: list[Any]) -> list[tuple[Kind, str]]:
    found = findings_of("POST /v2/images/i/import 202", native, from_filter)
    return [(finding.kind, finding.reason) for finding in found]


def test_one_event_for_an_import_agrees_with_native_events_for_each_store_and_step() -> None:
    assert imported([SAVED, UPLOADED, SAVED, UPLOADED], [UPLOADED]) == [
        (Kind.AGREES, ""),
        (Kind.NATIVE_ALONE, "bookkeeping inside background work"),
        (Kind.NATIVE_ALONE, "bookkeeping inside background work"),
        (Kind.NATIVE_ALONE, "native has an event for each store, the filter one for the operation"),
    ]
    partly = imported([UPLOADED, FAILED], [FAILED])
    assert partly == [
        (Kind.AGREES, ""),
        (Kind.NATIVE_ALONE, "native has an event for each store, the filter one for the operation"),
    ]
    assert imported([SAVED], [FAILED])[0] == (Kind.FILTER_ALONE, "background work")


@pytest.mark.parametrize(
    ("native", "from_filter"),
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
def test_wrong_events_of_an_import_are_unexplained(
    native: list[Any], from_filter: list[Any]
) -> None:
    assert Kind.UNEXPLAINED in [kind for kind, _ in imported(native, from_filter)]


def test_glances_own_properties_may_differ_after_an_import_and_no_other_property() -> None:
    note, other = {"os_glance_import_task": "t"}, {"colour": "red"}
    for properties, kind in [(note, Kind.DIFFERS), (note | other, Kind.UNEXPLAINED)]:
        with_them = ("image.upload", "INFO", ACTIVE | {"properties": properties})
        assert imported([with_them], [UPLOADED])[0][0] is kind
        found = findings_of("PUT /v2/images/i/file 204", [with_them], [UPLOADED])
        assert found[0].kind is Kind.UNEXPLAINED


def test_shares_count_the_events_that_both_sides_should_emit() -> None:
    wrong = findings_of("PUT /v2/images/i/file 204", [UPLOADED], [])
    too_much = findings_of("PUT /v2/images/i/file 413", [FAILED], [("image.upload", "WARN", "413")])
    alone = findings_of("POST /v2/images 403", [], [("image.create", "WARN", "text")])
    assert shares([*upload(), *download(), *too_much, *wrong, *alone]) == (4, 50, 75)


def task(native: list[tuple[str, str, Any]], from_filter: list[tuple[str, str, Any]]) -> list[Kind]:
    return [finding.kind for finding in findings_of("POST /v2/tasks 201", native, from_filter)]


def test_failed_task_has_no_image_for_the_filter_and_no_event_of_its_removal() -> None:
    removed = [("image.create", "INFO", IMAGE), ("image.delete", "INFO", IMAGE)]
    unknown = ("image.create", "INFO", IMAGE | {"id": None, "owner": None})
    failed = ("image.upload", "ERROR", "text")
    assert task(removed, [unknown, failed]) == [Kind.DIFFERS, Kind.FILTER_ALONE, Kind.NATIVE_ALONE]
    assert task(removed, [unknown]) == [Kind.UNEXPLAINED, Kind.UNEXPLAINED]
    other = ("image.create", "INFO", IMAGE | {"id": "another"})
    assert task(removed[:1], [other, failed]) == [Kind.UNEXPLAINED, Kind.FILTER_ALONE]


def test_events_before_the_end_of_a_task_may_have_less_in_the_filter_payload() -> None:
    def at(second: int, size: int | None) -> dict[str, Any]:
        return IMAGE | {"updated_at": f"2026-11-29T12:00:{second:02}Z", "virtual_size": size}

    for event_type, from_filter, kind in (
        ("image.create", at(2, None), Kind.DIFFERS),
        ("image.create", at(0, None), Kind.UNEXPLAINED),
        ("image.prepare", at(1, None), Kind.DIFFERS),
        ("image.prepare", at(1, 7), Kind.UNEXPLAINED),
    ):
        size = None if event_type == "image.create" else 9
        assert task([(event_type, "INFO", at(1, size))], [(event_type, "INFO", from_filter)]) == [
            kind
        ]
