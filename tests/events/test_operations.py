"""Which requests are operations, and which ids they name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.matching import match, shown_image_id
from glance_notify_middleware.events.operations import as_download
from tests.events.contract import IMAGE, MEMBER, METHODS, PATHS, TABLE, TABLE_V1, types

SEGMENT = st.text(st.characters(max_codepoint=255, exclude_characters="/"), min_size=1)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_request_is_the_operation_of_the_contract_or_none(method: str, path: str) -> None:
    assert types(match(method, f"/v2/{path}", "", "")) == TABLE.get((method, path))


@pytest.mark.parametrize("path", sorted({*PATHS, *(path for _, path in TABLE_V1)}))
@pytest.mark.parametrize("method", METHODS)
def test_version_1_has_its_own_calls(method: str, path: str) -> None:
    expected = TABLE_V1.get((method, path))
    assert types(match(method, f"/v1/{path}")) == expected
    assert types(match(method, f"/v1.1/{path}")) == expected
    assert types(match(method, f"/{path}", "/image/v1")) == expected


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""),
        ("GET", "/"),
        ("GET", "//"),
        ("GET", "/v2"),
        ("GET", "/v2/images"),
        ("GET", f"/v2/images/{IMAGE}"),
        ("GET", f"/v2/images/{IMAGE}/members"),
        ("GET", f"/v2/images/{IMAGE}/members/{MEMBER}"),
        ("GET", f"/v2/images/{IMAGE}/file/part"),
        ("GET", f"/v2/images/{IMAGE}/files"),
        ("POST", f"/v2/images/{IMAGE}/actions/activate"),
        ("POST", f"/v2/images/{IMAGE}"),
        ("PUT", f"/v2/cache/{IMAGE}"),
        ("DELETE", f"/v2/cache/{IMAGE}"),
        ("DELETE", f"/v2/stores/{IMAGE}"),
        ("GET", "/v2/tasks"),
        ("GET", "/v2/tasks/4b0c2b34-0000-4000-8000-000000000001"),
        ("DELETE", "/v2/tasks/4b0c2b34-0000-4000-8000-000000000001"),
        ("POST", "/v1/tasks"),
        ("GET", "/v2/schemas/image"),
        ("GET", "/healthcheck"),
        ("get", f"/v2/images/{IMAGE}/file"),
    ],
)
def test_request_that_the_contract_lacks_is_no_operation(method: str, path: str) -> None:
    assert match(method, path, "", "") is None


@pytest.mark.parametrize(
    ("method", "path", "script_name", "record_path"),
    [
        ("PUT", f"/v2/images/{IMAGE}/file", "", f"/v2/images/{IMAGE}"),
        ("DELETE", f"//v2.9/stores//fast/{IMAGE}", "", f"/v2.9/images/{IMAGE}"),
        ("DELETE", f"/images/{IMAGE}", "/image/v2", f"/images/{IMAGE}"),
        (
            "DELETE",
            f"/v2/images/{IMAGE}/members/{MEMBER}",
            "",
            f"/v2/images/{IMAGE}/members/{MEMBER}",
        ),
        ("POST", f"/v2/images/{IMAGE}/members", "", f"/v2/images/{IMAGE}"),
    ],
)
def test_record_path_has_the_root_of_the_request(
    method: str, path: str, script_name: str, record_path: str
) -> None:
    operation = match(method, path, script_name, "")
    assert operation is not None
    assert operation.record_path == record_path


@pytest.mark.parametrize(
    ("method", "path", "image_id"),
    [
        ("GET", "/v2/images/i", "i"),
        ("GET", "/v2.9/images/i", "i"),
        ("GET", "/image/v2/images/i", "i"),
        ("POST", "/v2/images/i", None),
        ("GET", "/v2/images", None),
        ("GET", "/v2/images/i/file", None),
        ("GET", "/v1/images/i", None),
        ("GET", "", None),
    ],
)
def test_shown_image_id_is_that_of_a_get_of_an_image_record(
    method: str, path: str, image_id: str | None
) -> None:
    assert shown_image_id(method, path) == image_id


@pytest.mark.parametrize("mounted", ["/v2", "/image/v2", "/v2.9"])
def test_shown_image_id_is_found_below_a_mount(mounted: str) -> None:
    assert shown_image_id("GET", "/images/i", mounted) == "i"
    assert shown_image_id("GET", "/v2/images/i", "/image") == "i"
    assert shown_image_id("GET", "/images/i", "/image") is None
    assert shown_image_id("GET", "/images/i", "/v1") is None


def test_download_in_place_of_an_upload_has_the_same_image() -> None:
    upload = match("GET", f"/v2/images/{IMAGE}/file", query_string="_method=PUT")
    assert upload is not None
    assert upload.action.name == "UPLOAD"
    assert as_download(upload) == match("GET", f"/v2/images/{IMAGE}/file")


@given(SEGMENT, SEGMENT.filter(lambda text: text != "\n"))
def test_ids_are_any_text_without_a_slash(image_id: str, member_id: str) -> None:
    operation = match("PUT", f"/v2/images/{image_id}/members/{member_id}", "", "")
    assert operation is not None
    assert (operation.action.name, operation.image_id, operation.member_id) == (
        "MEMBER_UPDATE",
        image_id,
        member_id.removesuffix("\n"),
    )


@pytest.mark.parametrize(("length", "whole"), [(255, True), (256, False), (45_000, False)])
def test_long_id_is_shortened_with_a_note(length: int, whole: bool) -> None:
    long = "i" * length
    for version in ("v2", "v1", f"v2.{'0' * length}9"):
        operation = match("PUT", f"/{version}/images/{long}/members/{long}")
        assert operation is not None
        for each in (operation.image_id, operation.member_id):
            assert each == long if whole else f"{'i' * 200}[... of {length} characters]"
        assert len(operation.record_path) < 600
    accept = f"application/vnd.openstack.images-v2.{'0' * length}"
    of_negotiation = match("DELETE", f"/images/{IMAGE}", accept=accept)
    assert of_negotiation is not None
    assert of_negotiation.record_path == f"/v2/images/{IMAGE}"
