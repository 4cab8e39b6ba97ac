"""Image metadata has exactly the 20 keys of native Glance; the payloads of sharing have 7."""

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


def test_image_record_becomes_the_metadata_of_native_glance() -> None:
    assert images.metadata(RECORD) == METADATA


def test_saving_metadata_has_no_size_yet() -> None:
    assert images.saving_metadata(RECORD) == SAVING


def test_deleted_metadata_is_marked_as_deleted() -> None:
    assert images.deleted_metadata(RECORD, NOW) == DELETED


def test_unknown_values_are_null() -> None:
    unknown: dict[str, Any] = dict.fromkeys(KEYS)
    metadata = images.metadata({"id": "i1"})
    assert metadata == unknown | {"id": "i1", "properties": {}, "deleted": False}


@pytest.mark.parametrize(
    ("visibility", "is_public"),
    [("public", True), ("private", False), ("shared", False), ("community", False), (None, None)],
)
def test_image_is_public_when_its_visibility_is_public(
    visibility: str | None, is_public: bool | None
) -> None:
    metadata = images.metadata({"visibility": visibility})
    assert (metadata["visibility"], metadata["is_public"]) == (visibility, is_public)


def test_member_record_becomes_the_payload_of_sharing() -> None:
    assert images.member_metadata(MEMBER_RECORD) == SHARED
    assert images.deleted_member_metadata(MEMBER_RECORD, NOW) == UNSHARED


@given(ANY_RECORD)
def test_metadata_of_any_record_has_the_documented_keys_and_nothing_forbidden(
    record: dict[str, Any],
) -> None:
    for metadata in (
        images.metadata(record),
        images.saving_metadata(record),
        images.deleted_metadata(record, NOW),
    ):
        assert set(metadata) == KEYS
        assert not set(metadata["properties"]) & FORBIDDEN


@given(ANY_RECORD)
def test_free_properties_stay_unchanged(record: dict[str, Any]) -> None:
    free = {"a_free_property": "kept", "os_distro": "cirros"}
    metadata = images.metadata(record | free)["properties"]
    assert metadata.items() >= free.items()
    assert metadata.items() <= (record | free).items()


@given(ANY_RECORD)
def test_payload_of_sharing_has_the_documented_keys_for_any_record(record: dict[str, Any]) -> None:
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
def test_json_is_parsed_as_glance_encodes_it(body: bytes, record: dict[str, object]) -> None:
    assert images.parse_json(body) == record


def test_text_that_is_no_json_is_a_value_error() -> None:
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


def test_v1_record_becomes_metadata_without_locations() -> None:
    assert images.metadata(images.record_from_v1(V1_RECORD)) == V1_METADATA


def test_v1_record_in_headers_becomes_the_same_metadata() -> None:
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
def test_v1_header_values_have_their_types(headers: dict[str, str], key: str, value: Any) -> None:
    assert images.metadata(images.record_from_v1_headers(headers))[key] == value


def test_v1_properties_of_another_type_are_dropped() -> None:
    assert images.metadata(images.record_from_v1({"properties": "x"}))["properties"] == {}


@given(ANY_RECORD, ANY_RECORD)
def test_metadata_of_any_v1_record_has_the_documented_keys_and_nothing_forbidden(
    record: dict[str, Any], properties: dict[str, Any]
) -> None:
    metadata = images.metadata(images.record_from_v1({**record, "properties": properties}))
    assert set(metadata) == KEYS
    assert not set(metadata["properties"]) & (FORBIDDEN | {"location", "copy_from", "uri"})
    assert (metadata["owner"], metadata["size"]) == (record.get("owner"), record.get("size"))


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
def test_v1_members_are_those_in_the_request_body(body: bytes, ids: list[str | None]) -> None:
    found = images.members_v1("i1", body)
    assert [(each["image_id"], each["member_id"]) for each in found] == [("i1", i) for i in ids]
    assert all(set(each) == MEMBER_KEYS for each in found)
