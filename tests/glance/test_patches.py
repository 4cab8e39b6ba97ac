"""A PATCH that adds a location makes an image active, however the client spells the patch."""

import json
from collections.abc import Iterator
from wsgiref.types import WSGIApplication

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.events.patch import changed_fields
from tests.glance.conftest import InProcess

TYPE_2_0 = "application/openstack-images-v2.0-json-patch"
TYPE_2_1 = "application/openstack-images-v2.1-json-patch"
RENAME = '{"op": "replace", "path": "/name", "value": "another name, long enough for 64 bytes"}'


@pytest.fixture
def app(in_process: InProcess) -> Iterator[WSGIApplication]:
    from oslo_config import cfg

    cfg.CONF.set_override("show_multiple_locations", True)
    try:
        yield in_process.pipeline()
    finally:
        cfg.CONF.clear_override("show_multiple_locations")


@pytest.mark.parametrize(
    ("media_type", "patch"),
    [
        (TYPE_2_1, '[{"op": "add", "path": "/locations/-", "value": VALUE}]'),
        (TYPE_2_1, '[{"op": "replace", "path": "/locations", "value": [VALUE]}]'),
        (TYPE_2_1, '[{"op": "add", "value": VALUE, "path": "/locations/-"}]'),
        (TYPE_2_1, f'[{RENAME}, {{"op": "add", "path": "/locations/-", "value": VALUE}}]'),
        (TYPE_2_1, r'[{"op": "add", "path": "\u002flocations/-", "value": VALUE}]'),
        (TYPE_2_1, r'[{"op": "add", "path": "/\u006cocations/-", "value": VALUE}]'),
        (TYPE_2_1, r'[{"op": "add", "path": "// locations\t/-", "value": VALUE}]'),
        (TYPE_2_0, r'[{"add": "\u002flocations/-", "value": VALUE}]'),
        (TYPE_2_1, f'[{"  " * 40_000}{{"op": "add", "path": "/locations/-", "value": VALUE}}]'),
    ],
)
def test_patch_in_each_spelling_that_glance_understands_emits_update_and_activate(
    media_type: str, patch: str, app: WSGIApplication, in_process: InProcess
) -> None:
    image = in_process.image(app)
    value = f'{{"url": "{in_process.web.url}/good", "metadata": {{"a": "{"a" * 99}"}}}}'
    answer = in_process.ask(
        app,
        "PATCH",
        f"/v2/images/{image}",
        body=patch.replace("VALUE", value).encode(),
        headers={"Content-Type": media_type},
    )
    assert (answer.status_int, answer.json["status"]) == (200, "active"), answer.text
    events = [(message["event_type"], message["priority"]) for message in in_process.new_messages()]
    assert events == [("image.update", "INFO"), ("image.activate", "INFO")]


@given(
    st.lists(st.sampled_from(["/", "locations", "-", " ", "\t", "\xa0", "~0", "~1", "x", "\x85"])),
    st.sampled_from(["path", "add", "replace", "remove"]),
)
def test_path_that_glance_takes_for_locations_is_one_of_the_changed_fields(
    pieces: list[str], key: str
) -> None:
    from glance.api.v2.images import RequestDeserializer  # type: ignore[import-untyped]
    from webob.exc import HTTPBadRequest

    path = "".join(pieces)
    try:
        is_locations = RequestDeserializer()._decode_json_pointer(path)[0] == "locations"
    except HTTPBadRequest:
        is_locations = False
    assert not is_locations or "locations" in changed_fields(json.dumps([{key: path}]).encode())
