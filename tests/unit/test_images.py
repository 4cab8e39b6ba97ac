"""Image metadata: exactly the 20 keys that native Glance sends."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware import images
from tests.unit.cases import DELETED, MEMBER_RECORD, METADATA, NOW, RECORD, SAVING, SHARED, UNSHARED

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
    assert images.member(MEMBER_RECORD) == SHARED
    assert images.deleted_member(MEMBER_RECORD, NOW) == UNSHARED


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
    assert set(images.member(record)) == MEMBER_KEYS
    assert set(images.deleted_member(record, NOW)) == MEMBER_KEYS


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
    assert images.parsed(body) == record


def test_what_is_no_json_is_no_record() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        images.parsed(b"<html>")
