"""Which requests are operations, and which are none of our business."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.operations import Operation, as_download, match, shown_image_id

IMAGE = "71c675ab-d94f-49cd-a114-e12490b328d9"
MEMBER = "8989447062e04a818baf9e073fd04fa7"

UPLOAD = ["image.prepare", "image.upload", "image.activate"]

# (method, path below the version), event types of a success, event type of a refusal
TABLE = {
    ("POST", "images"): (["image.create"], "image.create"),
    ("PUT", f"images/{IMAGE}/file"): (UPLOAD, "image.upload"),
    ("PUT", f"images/{IMAGE}/stage"): (["image.update"], "image.update"),
    ("GET", f"images/{IMAGE}/file"): (["image.send"], "image.send"),
    ("POST", f"images/{IMAGE}/import"): (UPLOAD, "image.upload"),
    ("POST", f"images/{IMAGE}/locations"): (["image.update", "image.activate"], "image.update"),
    ("POST", "tasks"): (["image.create", *UPLOAD], "image.create"),
    ("PATCH", f"images/{IMAGE}"): (["image.update", "image.activate"], "image.update"),
    ("POST", f"images/{IMAGE}/actions/deactivate"): (["image.update"], "image.update"),
    ("POST", f"images/{IMAGE}/actions/reactivate"): (["image.update"], "image.update"),
    ("PUT", f"images/{IMAGE}/tags/blue"): (["image.update"], "image.update"),
    ("DELETE", f"images/{IMAGE}/tags/blue"): (["image.update"], "image.update"),
    ("DELETE", f"stores/fast/{IMAGE}"): (["image.update"], "image.update"),
    ("DELETE", f"images/{IMAGE}"): (["image.delete"], "image.delete"),
    ("POST", f"images/{IMAGE}/members"): (["image.member.create"], "image.member.create"),
    ("PUT", f"images/{IMAGE}/members/{MEMBER}"): (["image.member.update"], "image.member.update"),
    ("DELETE", f"images/{IMAGE}/members/{MEMBER}"): (
        ["image.member.delete"],
        "image.member.delete",
    ),
}
TABLE_V1 = {
    ("POST", "images"): (["image.create", *UPLOAD], "image.create"),
    ("PUT", f"images/{IMAGE}"): ([*UPLOAD, "image.update"], "image.update"),
    ("GET", f"images/{IMAGE}"): (["image.send"], "image.send"),
    ("DELETE", f"images/{IMAGE}"): (["image.delete"], "image.delete"),
    ("PUT", "images/detail"): ([*UPLOAD, "image.update"], "image.update"),
    ("DELETE", "images/detail"): (["image.delete"], "image.delete"),
    ("PUT", f"images/{IMAGE}/members"): (["image.member.update"], "image.member.update"),
    ("PUT", f"images/{IMAGE}/members/{MEMBER}"): (["image.member.create"], "image.member.create"),
    ("DELETE", f"images/{IMAGE}/members/{MEMBER}"): (
        ["image.member.delete"],
        "image.member.delete",
    ),
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PATHS = sorted({path for _, path in TABLE})

# What stands in a WSGI environ are bytes that are written as text.
WSGI_TEXT = st.text(st.characters(max_codepoint=255))
SEGMENT = st.text(st.characters(max_codepoint=255, exclude_characters="/"), min_size=1)
ROWS = st.sampled_from(sorted(TABLE))


def types(operation: Operation | None) -> tuple[list[str], str] | None:
    """What an operation tells when it succeeds, and when it does not."""
    if operation is None:
        return None
    route = operation.route
    return [event_type.value for event_type in route.success_events], route.failure_event.value


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", METHODS)
def test_a_request_is_the_operation_that_the_contract_names_or_none(method: str, path: str) -> None:
    assert types(match(method, f"/v2/{path}", "", "")) == TABLE.get((method, path))


@pytest.mark.parametrize("path", sorted({*PATHS, *(path for _, path in TABLE_V1)}))
@pytest.mark.parametrize("method", METHODS)
def test_the_first_version_has_calls_of_its_own(method: str, path: str) -> None:
    expected = TABLE_V1.get((method, path))
    assert types(match(method, f"/v1/{path}")) == expected
    assert types(match(method, f"/v1.1/{path}")) == expected
    assert types(match(method, f"/{path}", "/image/v1")) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("HEAD", f"images/{IMAGE}", "_method=GET", None),
        ("POST", f"images/{IMAGE}", "_method=DELETE", (["image.delete"], "image.delete")),
        ("POST", "images/detail", "_method=GET", None),
    ],
)
def test_the_first_version_obeys_the_query_too(
    method: str, path: str, query: str, expected: tuple[list[str], str] | None
) -> None:
    assert types(match(method, f"/v1/{path}", "", query)) == expected


V2 = "application/vnd.openstack.images-v2"


@pytest.mark.parametrize(
    ("path", "script_name", "accept", "root"),
    [
        (f"/images/{IMAGE}", "", V2, "/v2/"),
        (f"/images/{IMAGE}", "", f"{V2}.9", "/v2.9/"),
        (f"/images/{IMAGE}", "", "application/vnd.openstack.images-v1", "/v1/"),
        (f"/images/{IMAGE}", "/image", V2, "/v2/"),
        (f"/images/{IMAGE}", "/v2", "application/vnd.openstack.images-v1", "/"),
        (f"/images/{IMAGE}", "/v1", V2, "/v2/"),
        (f"/images/{IMAGE}", "/v1", "*/*", "/"),
        (f"/v2/images/{IMAGE}", "", "application/vnd.openstack.images-v1", "/v2/"),
        (f"/images/{IMAGE}", "", f"{V2}, */*", None),
        (f"/images/{IMAGE}", "", f"*/*, {V2}", None),
        (f"/images/{IMAGE}", "", f" {V2}", None),
        (f"/images/{IMAGE}", "", f"{V2};q=0.5", None),
        (f"/images/{IMAGE}", "", "application/vnd.openstack.images-v3", None),
        (f"/images/{IMAGE}", "", "application/json", None),
        (f"/images/{IMAGE}", "", "v2", None),
        (f"/images/{IMAGE}", "", f"x/y;{V2}", None),
        (f"/images/{IMAGE}", "", f"\xff{V2}", None),
    ],
)
def test_a_version_that_is_not_in_the_path_may_be_in_what_is_accepted(
    path: str, script_name: str, accept: str, root: str | None
) -> None:
    operation = match("DELETE", path, script_name, accept=accept)
    assert (operation.root if operation else None) == root


def test_a_form_in_disguise_is_found_by_what_is_accepted_too() -> None:
    form = "application/x-www-form-urlencoded"
    operation = match("POST", f"/images/{IMAGE}/members/m", content_type=form, accept=V2)
    assert operation is not None
    assert operation.action.name == "MEMBER_UPDATE"


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
def test_whatever_is_not_in_the_contract_is_no_operation(method: str, path: str) -> None:
    assert match(method, path, "", "") is None


@pytest.mark.parametrize(
    ("path", "script_name", "found"),
    [
        (f"/v2/images/{IMAGE}/file", "", True),
        (f"/v2.9/images/{IMAGE}/file", "", True),
        (f"/v2.17/images/{IMAGE}/file", "", True),
        (f"//v2//images///{IMAGE}//file", "", True),
        (f"/v2/images/{IMAGE}/file/", "", False),
        (f"/v2/images/{IMAGE}/file//", "", False),
        (f"/v3/images/{IMAGE}/file", "", False),
        (f"/v1/images/{IMAGE}/file", "", False),
        (f"/v22/images/{IMAGE}/file", "", False),
        (f"/v2./images/{IMAGE}/file", "", False),
        (f"/V2/images/{IMAGE}/file", "", False),
        (f"/images/{IMAGE}/file", "", False),
        # the filter stands below a mount
        (f"/images/{IMAGE}/file", "/v2", True),
        (f"/images/{IMAGE}/file", "/v2/", True),
        (f"/images/{IMAGE}/file", "/image/v2.9", True),
        (f"/images/{IMAGE}/file/", "/v2", False),
        (f"/images/{IMAGE}/file", "/image", False),
        (f"/images/{IMAGE}/file", "/v3", False),
        (f"/images/{IMAGE}/file", "/v2/image", False),
        # a client made the SCRIPT_NAME with X-Forwarded-Prefix
        (f"/v2/images/{IMAGE}/file", "/v3", True),
        (f"/v2/images/{IMAGE}/file", "/v2", True),
        (f"/images/{IMAGE}/file", "/forged/v2", True),
        (f"/v1/images/{IMAGE}/file", "/v2", False),
    ],
)
def test_the_version_is_that_of_the_path_and_else_the_last_of_the_mount(
    path: str, script_name: str, found: bool
) -> None:
    expected = (["image.send"], "image.send") if found else None
    assert types(match("GET", path, script_name, "")) == expected


@pytest.mark.parametrize(
    ("query", "obeyed"),
    [
        ("_method=DELETE", True),
        ("_method=delete", True),
        ("_method=DeLeTe", True),
        ("x=1&_method=DELETE", True),
        ("x=1;_method=DELETE", True),
        ("_method=%44ELETE", True),
        ("_method=PUT&_method=DELETE", True),
        ("x=_method&%5Fmethod=DELETE", True),
        ("%5Fmethod=DELETE", False),
        ("_METHOD=DELETE", False),
        ("_method=", False),
        ("_method", False),
        ("_method=DELETE&_method=", False),
        ("_method=%ff", False),
        ("x=_method", False),
        ("", False),
    ],
)
def test_the_query_overrides_the_method_as_far_as_glance_lets_it(query: str, obeyed: bool) -> None:
    expected = (["image.delete"], "image.delete") if obeyed else None
    assert types(match("GET", f"/v2/images/{IMAGE}", "", query)) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("DELETE", f"images/{IMAGE}", "_method=get", None),
        ("GET", f"images/{IMAGE}/file", "x=1;_method=PUT", (UPLOAD, "image.upload")),
        ("GET", f"images/{IMAGE}", "%5Fmethod=PATCH", None),
        ("GET", f"images/{IMAGE}", "_method=\u20ac", None),
        ("HEAD", f"images/{IMAGE}", "_method=DELETE", (["image.delete"], "image.delete")),
        ("HEAD", f"images/{IMAGE}/file", "_method=GET", None),  # answered without a body
        # The cache filter, above the router, answers a GET whatever the query says.
        ("GET", f"images/{IMAGE}/file", "_method=DELETE", (["image.send"], "image.send")),
        ("GET", f"images/{IMAGE}/file", "_method=x", (["image.send"], "image.send")),
        ("POST", "images", "_method=GET", None),
        ("DELETE", f"images/{IMAGE}", "%5Fmethod=PATCH", (["image.delete"], "image.delete")),
    ],
)
def test_an_overridden_request_is_what_it_was_overridden_to(
    method: str, path: str, query: str, expected: tuple[list[str], str] | None
) -> None:
    assert types(match(method, f"/v2/{path}", "", query)) == expected


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
def test_the_record_is_looked_up_where_the_request_went(
    method: str, path: str, script_name: str, record_path: str
) -> None:
    operation = match(method, path, script_name, "")
    assert operation is not None
    assert operation.record_path == record_path


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("POST", "images\n", (["image.create"], "image.create")),
        ("PUT", f"images/{IMAGE}/file\n", (UPLOAD, "image.upload")),
        ("GET", f"images/{IMAGE}/file\n", (["image.send"], "image.send")),
        ("GET", f"images/{IMAGE}/file\n\n", None),
        ("GET", f"images/{IMAGE}/file/\n", None),
    ],
)
def test_a_line_end_after_the_path_is_none_as_it_is_for_glance(
    method: str, path: str, expected: tuple[list[str], str] | None
) -> None:
    assert types(match(method, f"/v2/{path}")) == expected


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
def test_the_get_of_a_record_is_known(method: str, path: str, image_id: str | None) -> None:
    assert shown_image_id(method, path) == image_id


@pytest.mark.parametrize("mounted", ["/v2", "/image/v2", "/v2.9"])
def test_the_get_of_a_record_is_known_below_a_mount(mounted: str) -> None:
    assert shown_image_id("GET", "/images/i", mounted) == "i"
    assert shown_image_id("GET", "/v2/images/i", "/image") == "i"
    assert shown_image_id("GET", "/images/i", "/image") is None
    assert shown_image_id("GET", "/images/i", "/v1") is None


def test_a_line_end_after_the_path_is_no_part_of_the_id() -> None:
    operation = match("DELETE", f"/v2/images/{IMAGE}\n")
    assert operation is not None
    assert operation.image_id == IMAGE


@pytest.mark.parametrize(
    ("content_type", "found"),
    [
        ("application/x-www-form-urlencoded", True),
        ("Multipart/Form-Data; boundary=x", True),
        ("application/json", False),
        ("", False),
    ],
)
def test_a_form_may_be_the_put_of_a_member_in_disguise(content_type: str, found: bool) -> None:
    path = f"/v2/images/{IMAGE}/members/m"
    operation = match("POST", path, content_type=content_type)
    assert (operation is not None and operation.action.name == "MEMBER_UPDATE") is found


@pytest.mark.parametrize("path", ["file", "stage", "tags/t", "members", "actions/deactivate"])
def test_no_other_form_is_a_put_in_disguise(path: str) -> None:
    form = "application/x-www-form-urlencoded"
    plain = match("POST", f"/v2/images/{IMAGE}/{path}")
    assert match("POST", f"/v2/images/{IMAGE}/{path}", content_type=form) == plain


def test_what_the_cache_makes_of_a_get_is_the_download_of_the_same_image() -> None:
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
def test_an_id_that_is_longer_than_any_of_glances_is_shortened_and_says_so(
    length: int, whole: bool
) -> None:
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


@given(st.sampled_from(METHODS) | WSGI_TEXT, WSGI_TEXT, WSGI_TEXT, WSGI_TEXT)
def test_no_text_makes_the_matching_fail(
    method: str, path: str, script_name: str, query: str
) -> None:
    match(method, path, script_name, query)
    match(method, path, script_name, accept=f"application/vnd.openstack.images-{query}")
    match(method, path, script_name, accept=f"{query}application/vnd.openstack.images-")
    match(method, f"/v2/{path}", script_name, f"_method={query}")


@given(ROWS, WSGI_TEXT)
def test_no_forged_script_name_hides_an_operation(row: tuple[str, str], forged: str) -> None:
    method, path = row
    assert types(match(method, f"/v2/{path}", forged, "")) == TABLE[row]
    assert types(match(method, f"/{path}", f"{forged}/v2", "")) == TABLE[row]


@given(ROWS, st.data())
def test_doubled_slashes_hide_no_operation(row: tuple[str, str], data: st.DataObject) -> None:
    method, path = row
    slashes = st.integers(min_value=1, max_value=3).map("/".__mul__)
    doubled = "".join(data.draw(slashes) + segment for segment in ["v2", *path.split("/")])
    assert types(match(method, doubled, "", "")) == TABLE[row]
    assert match(method, doubled + "/", "", "") is None
