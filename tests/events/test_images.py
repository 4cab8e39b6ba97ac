"""Image metadata: exactly the 20 keys that native Glance sends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events import images
from tests.events.cases import (
    DELETED,
    MEMBER_RECORD,
    METADATA,
    NOW,
    RECORD,
    SAVING,
    SHARED,
    UNSHARED,
)

KEYS = {
    "checksum",
    "container_format",
    "created_at",
    "deleted",
    "deleted_at",
    "disk_format",
    "id",
    "is_public",
    "min_disk",
    "min_ram",
    "name",
    "owner",
    "properties",
    "protected",
    "size",
    "status",
    "tags",
    "updated_at",
    "virtual_size",
    "visibility",
}
FORBIDDEN = {
    "locations",
    "direct_url",
    "file",
    "self",
    "schema",
    "stores",
    "os_hidden",
    "os_hash_algo",
    "os_hash_value",
    "os_glance_stage_host",
    "os_glance_hash_op_host",
}
MEMBER_KEYS = {
    "image_id",
    "member_id",
    "status",
    "created_at",
    "updated_at",
    "deleted",
    "deleted_at",
}

ANY_RECORD = st.dictionaries(
    st.sampled_from(sorted(KEYS | FORBIDDEN | MEMBER_KEYS)) | st.text(),
    st.none() | st.text() | st.integers() | st.booleans() | st.lists(st.text()),
)


def test_a_record_becomes_the_metadata_that_native_glance_sends() -> None:
    assert images.metadata(RECORD) == METADATA


def test_the_metadata_at_the_begin_of_an_upload_has_no_size_yet() -> None:
    assert images.saving_metadata(RECORD) == SAVING


def test_the_metadata_of_a_deleted_image_says_so() -> None:
    assert images.deleted_metadata(RECORD, NOW) == DELETED


def test_what_is_not_known_is_null_and_not_a_guess() -> None:
    unknown: dict[str, Any] = dict.fromkeys(KEYS)
    told = images.metadata({"id": "i1"})
    assert told == unknown | {"id": "i1", "properties": {}, "deleted": False}


@pytest.mark.parametrize(
    ("visibility", "is_public"),
    [("public", True), ("private", False), ("shared", False), ("community", False), (None, None)],
)
def test_an_image_is_public_when_its_visibility_says_so(
    visibility: str | None, is_public: bool | None
) -> None:
    told = images.metadata({"visibility": visibility})
    assert (told["visibility"], told["is_public"]) == (visibility, is_public)


def test_a_member_record_becomes_the_payload_of_sharing() -> None:
    assert images.member_metadata(MEMBER_RECORD) == SHARED
    assert images.deleted_member_metadata(MEMBER_RECORD, NOW) == UNSHARED


@given(ANY_RECORD)
def test_no_record_adds_a_key_to_the_metadata_or_tells_what_is_forbidden(
    record: dict[str, Any],
) -> None:
    for told in (
        images.metadata(record),
        images.saving_metadata(record),
        images.deleted_metadata(record, NOW),
    ):
        assert set(told) == KEYS
        assert not set(told["properties"]) & FORBIDDEN


@given(ANY_RECORD)
def test_every_free_property_is_told_unchanged(record: dict[str, Any]) -> None:
    free = {"a_free_property": "kept", "os_distro": "cirros"}
    told = images.metadata(record | free)["properties"]
    assert told.items() >= free.items()
    assert told.items() <= (record | free).items()


@given(ANY_RECORD)
def test_no_record_adds_a_key_to_the_payload_of_sharing(record: dict[str, Any]) -> None:
    assert set(images.member_metadata(record)) == MEMBER_KEYS
    assert set(images.deleted_member_metadata(record, NOW)) == MEMBER_KEYS


@pytest.mark.parametrize(
    ("body", "record"),
    [
        (b'{"id": "x", "size": 1}', {"id": "x", "size": 1}),
        (b'{"min_ram": Infinity}', {"min_ram": float("inf")}),
        (b'{"name": "\\ud800"}', {"name": "\ud800"}),
    ],
)
def test_a_record_is_read_as_glances_encoder_writes_it(
    body: bytes, record: dict[str, object]
) -> None:
    assert images.parse_json(body) == record


def test_what_is_no_json_is_no_record() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        images.parse_json(b"<html>")


V1_RECORD: dict[str, Any] = {
    "id": "i1",
    "name": "n",
    "status": "active",
    "size": 7,
    "virtual_size": None,
    "is_public": True,
    "protected": True,
    "min_disk": 1,
    "min_ram": 2,
    "owner": "o",
    "checksum": "c",
    "disk_format": "raw",
    "container_format": "bare",
    "created_at": "2016-05-10T21:41:41.000000",
    "updated_at": "2016-05-10T21:41:42",
    "deleted": False,
    "deleted_at": None,
    "properties": {"colour": "red", "tags": "x", "owner": "forged", "uri": "http://secret"},
    "location": "file:///secret",
    "copy_from": "http://secret",
    "uri": "http://secret",
    "store": "file",
}
V1_METADATA = {
    **dict.fromkeys(("virtual_size", "deleted_at")),
    **{key: V1_RECORD[key] for key in ("id", "name", "status", "size", "owner", "checksum")},
    **{"disk_format": "raw", "container_format": "bare", "min_disk": 1, "min_ram": 2},
    **{"created_at": "2016-05-10T21:41:41Z", "updated_at": "2016-05-10T21:41:42Z"},
    **{"is_public": True, "visibility": "public", "protected": True, "deleted": False},
    **{"tags": [], "properties": {"colour": "red"}},
}


def test_a_v1_record_is_told_as_one_of_v2_without_its_locations() -> None:
    assert images.metadata(images.record_from_v1(V1_RECORD)) == V1_METADATA


def test_a_v1_record_in_headers_is_the_same() -> None:
    headers = {
        f"x-image-meta-{key}": "" if value is None else str(value)
        for key, value in V1_RECORD.items()
        if key != "properties"
    }
    headers["x-image-meta-disk-format"] = headers.pop("x-image-meta-disk_format")
    headers |= {f"x-image-meta-property-{k}": v for k, v in V1_RECORD["properties"].items()}
    headers |= {"content-length": "7", "x-openstack-request-id": "req-1"}
    assert images.metadata(images.record_from_v1_headers(headers)) == V1_METADATA


@pytest.mark.parametrize(
    ("headers", "key", "value"),
    [
        ({"x-image-meta-size": "none"}, "size", None),
        ({"x-image-meta-size": "\u0663"}, "size", None),
        ({"x-image-meta-is_public": "False"}, "visibility", "private"),
        ({}, "visibility", None),
        ({"x-image-meta-name": "\xc3\xa9"}, "name", "\xe9"),
        ({"x-image-meta-name": "\xe9"}, "name", "\ufffd"),
        ({"x-image-meta-created_at": "yesterday"}, "created_at", "yesterday"),
    ],
)
def test_what_a_v1_header_holds_is_typed(headers: dict[str, str], key: str, value: Any) -> None:
    assert images.metadata(images.record_from_v1_headers(headers))[key] == value


def test_v1_properties_that_are_none_are_none() -> None:
    assert images.metadata(images.record_from_v1({"properties": "x"}))["properties"] == {}


@given(ANY_RECORD, ANY_RECORD)
def test_no_v1_record_adds_a_key_or_tells_what_is_forbidden(
    record: dict[str, Any], properties: dict[str, Any]
) -> None:
    told = images.metadata(images.record_from_v1({**record, "properties": properties}))
    assert set(told) == KEYS
    assert not set(told["properties"]) & (FORBIDDEN | {"location", "copy_from", "uri"})
    assert (told["owner"], told["size"]) == (record.get("owner"), record.get("size"))


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (
            b'{"memberships": [{"member_id": "a"}, {"member_id": "b", "can_share": true}]}',
            ["a", "b"],
        ),
        (b'{"memberships": []}', []),
        (b'{"memberships": [{"can_share": true}]}', [None]),
        (b'{"memberships": ["a"]}', [None]),
        (b'{"memberships": [{"member_id"', [None]),
        (b"[]", [None]),
        (b"", [None]),
        (
            b'{"memberships": [{"member_id": "%s"}]}' % (b"m" * 60_000),
            [f"{'m' * 200}[... of 60000 characters]"],
        ),
    ],
)
def test_v1_members_are_those_that_the_request_names(body: bytes, ids: list[str | None]) -> None:
    found = images.members_v1("i1", body)
    assert [(each["image_id"], each["member_id"]) for each in found] == [("i1", i) for i in ids]
    assert all(set(each) == MEMBER_KEYS for each in found)
