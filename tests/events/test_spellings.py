"""The spellings of a request that Glance answers: version, method, form, slashes, line end."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glance_notify_middleware.events.matching import is_plain_read, match
from glance_notify_middleware.events.operations import ROUTES
from tests.events.contract import IMAGE, METHODS, TABLE, TABLE_ROWS, UPLOAD, WSGI_TEXT, types


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("HEAD", f"images/{IMAGE}", "_method=GET", None),
        ("POST", f"images/{IMAGE}", "_method=DELETE", (["image.delete"], "image.delete")),
        ("POST", "images/detail", "_method=GET", None),
    ],
)
def test_version_1_obeys_the_query_too(
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
def test_version_may_stand_in_the_accepted_media_type(
    path: str, script_name: str, accept: str, root: str | None
) -> None:
    operation = match("DELETE", path, script_name, accept=accept)
    assert (operation.root if operation else None) == root


def test_put_in_a_form_is_found_by_the_accepted_media_type_too() -> None:
    form = "application/x-www-form-urlencoded"
    operation = match("POST", f"/images/{IMAGE}/members/m", content_type=form, accept=V2)
    assert operation is not None
    assert operation.action.name == "MEMBER_UPDATE"


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
def test_version_is_that_of_the_path_or_else_of_the_mount(
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
def test_query_overrides_the_method_as_far_as_glance_obeys_it(query: str, obeyed: bool) -> None:
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
def test_overridden_request_is_the_operation_of_the_new_method(
    method: str, path: str, query: str, expected: tuple[list[str], str] | None
) -> None:
    assert types(match(method, f"/v2/{path}", "", query)) == expected


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
def test_line_end_after_the_path_is_ignored_as_glance_ignores_it(
    method: str, path: str, expected: tuple[list[str], str] | None
) -> None:
    assert types(match(method, f"/v2/{path}")) == expected


def test_line_end_after_the_path_is_no_part_of_the_id() -> None:
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
def test_form_may_be_the_put_of_a_member(content_type: str, found: bool) -> None:
    path = f"/v2/images/{IMAGE}/members/m"
    operation = match("POST", path, content_type=content_type)
    assert (operation is not None and operation.action.name == "MEMBER_UPDATE") is found


@pytest.mark.parametrize("path", ["file", "stage", "tags/t", "members", "actions/deactivate"])
def test_form_is_no_other_put(path: str) -> None:
    form = "application/x-www-form-urlencoded"
    plain = match("POST", f"/v2/images/{IMAGE}/{path}")
    assert match("POST", f"/v2/images/{IMAGE}/{path}", content_type=form) == plain


@given(st.sampled_from(METHODS) | WSGI_TEXT, WSGI_TEXT, WSGI_TEXT, WSGI_TEXT)
def test_match_takes_any_text(method: str, path: str, script_name: str, query: str) -> None:
    match(method, path, script_name, query)
    match(method, path, script_name, accept=f"application/vnd.openstack.images-{query}")
    match(method, path, script_name, accept=f"{query}application/vnd.openstack.images-")
    match(method, f"/v2/{path}", script_name, f"_method={query}")


@given(TABLE_ROWS, WSGI_TEXT)
def test_forged_script_name_hides_no_operation(row: tuple[str, str], forged: str) -> None:
    method, path = row
    assert types(match(method, f"/v2/{path}", forged, "")) == TABLE[row]
    assert types(match(method, f"/{path}", f"{forged}/v2", "")) == TABLE[row]


@given(TABLE_ROWS, st.data())
def test_doubled_slashes_hide_no_operation(row: tuple[str, str], data: st.DataObject) -> None:
    method, path = row
    slashes = st.integers(min_value=1, max_value=3).map("/".__mul__)
    doubled = "".join(data.draw(slashes) + segment for segment in ["v2", *path.split("/")])
    assert types(match(method, doubled, "", "")) == TABLE[row]
    assert match(method, doubled + "/", "", "") is None


_SLASHES = st.sampled_from(["/", "/", "//"])


@st.composite
def _paths(draw: st.DrawFn) -> str:
    """A path near those of the table: with a version or without, and with spellings of its own."""
    route = draw(st.sampled_from(ROUTES)).path
    below = [IMAGE if component[0] == "{" else component for component in route.split("/")]
    version = draw(st.sampled_from(["v2", "v2", "v2.9", "v20", "v1", ""]))
    path = "".join(draw(_SLASHES) + component for component in [version, *below])
    return path + draw(st.sampled_from(["", "", "\n", "/", "/..", "x"]))


@settings(max_examples=1000)
@given(
    st.sampled_from(["GET", "GET", "HEAD", "POST", "get"]),
    _paths(),
    st.sampled_from(["", "/v1", "/v2", "/x/v1/"]),
    st.sampled_from(["", "_method=DELETE", "a=_method", "limit=1"]),
    st.sampled_from(["", "application/x-www-form-urlencoded"]),
    st.sampled_from(["", V2, "application/vnd.openstack.images-v1"]),
)
def test_plain_read_is_no_operation_whatever_the_rest_of_its_environ_is(
    method: str, path: str, script_name: str, query: str, form: str, accept: str
) -> None:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "QUERY_STRING": query}
    if is_plain_read(environ):
        assert match(method, path, script_name, query, form, accept) is None


@pytest.mark.parametrize(
    "path",
    ["images", f"images/{IMAGE}", f"images/{IMAGE}/members", "schemas/image", "images/detail"],
)
@pytest.mark.parametrize("version", ["v2", "v2.17"])
def test_lists_and_records_are_plain_reads(path: str, version: str) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{version}/{path}"}
    assert is_plain_read(environ)  # a server may leave an empty query out (PEP 3333)
    assert is_plain_read(environ | {"QUERY_STRING": "limit=20&marker=x"})
