"""Events of the Images API v1, which a stand-in plays that was made from the public reference."""

import json
from typing import Any

import pytest

from tests.wsgi.doubles import ListRecorder, Server, environ, with_filter
from tests.wsgi.v1_stand_in import OWNER, ImagesV1

NEW: dict[str, Any] = {
    "HTTP_X_IMAGE_META_ID": "one",
    "HTTP_X_IMAGE_META_NAME": "n",
    "HTTP_X_IMAGE_META_DISK_FORMAT": "raw",
    "HTTP_X_IMAGE_META_CONTAINER_FORMAT": "bare",
    "HTTP_X_IMAGE_META_PROPERTY_COLOUR": "red",
}
ONE = "/v1/images/one"
UPLOADED = ["image.prepare INFO", "image.upload INFO", "image.activate INFO"]


class FilteredImagesV1:
    """The stand-in behind the filter."""

    def __init__(self, **options: str) -> None:
        self.glance = ImagesV1()
        self.recorder = ListRecorder()
        self._app = with_filter(self.glance, self.recorder, **options)

    def request(self, method: str, path: str, body: bytes = b"", **more: Any) -> list[str]:
        """Serve one request, and return its events."""
        self.recorder.notifications.clear()
        self.trace = Server().serve(self._app, environ(method, path, body, **more)).trace
        return self.recorder.events

    def payloads(self) -> list[Any]:
        return [notification.payload for notification in self.recorder.notifications]


@pytest.fixture
def images() -> FilteredImagesV1:
    return FilteredImagesV1()


def test_reserved_image_is_created(images: FilteredImagesV1) -> None:
    assert images.request("POST", "/v1/images", **NEW) == ["image.create INFO"]
    assert images.payloads() == [
        {
            "id": "one",
            "name": "n",
            "status": "queued",
            "owner": OWNER,
            "disk_format": "raw",
            "container_format": "bare",
            "checksum": None,
            "size": 0,
            "virtual_size": None,
            "min_disk": 0,
            "min_ram": 0,
            "protected": False,
            "is_public": False,
            "visibility": "private",
            "properties": {"colour": "red"},
            "tags": [],
            "created_at": "2016-05-10T21:41:41Z",
            "updated_at": "2016-05-10T21:41:41Z",
            "deleted": False,
            "deleted_at": None,
        }
    ]


def test_image_created_with_its_data_is_uploaded(images: FilteredImagesV1) -> None:
    assert images.request("POST", "/v1/images", b"data", **NEW) == ["image.create INFO", *UPLOADED]
    sizes = [(payload["status"], payload["size"]) for payload in images.payloads()]
    assert sizes == [("active", 4), ("saving", None), ("active", 4), ("active", 4)]
    assert {payload["id"] for payload in images.payloads()} == {"one"}


def test_image_created_with_a_location_is_active_and_its_location_is_in_no_event(
    images: FilteredImagesV1,
) -> None:
    location: dict[str, Any] = {"HTTP_X_IMAGE_META_LOCATION": "swift://user:secret@store/c/o"}
    events = images.request("POST", "/v1/images", **NEW, **location)
    assert events == ["image.create INFO", "image.activate INFO"]
    images.request("GET", ONE)
    assert "secret" not in json.dumps(images.payloads())


def test_update_of_metadata_is_an_update(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", **NEW)
    events = images.request("PUT", ONE, HTTP_X_IMAGE_META_IS_PUBLIC="true")
    assert events == ["image.update INFO"]
    (payload,) = images.payloads()
    assert (payload["is_public"], payload["visibility"]) == (True, "public")


def test_update_with_data_is_an_upload(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", **NEW)
    assert images.request("PUT", ONE, b"data") == [*UPLOADED, "image.update INFO"]
    assert {payload["id"] for payload in images.payloads()} == {"one"}
    assert [payload["status"] for payload in images.payloads()] == ["saving", *["active"] * 3]


def test_download_takes_the_owner_from_headers_without_a_look_up(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", b"data", **NEW)
    images.glance.requests.clear()
    assert images.request("GET", ONE) == ["image.send INFO"]
    assert images.payloads() == [
        {
            "image_id": "one",
            "owner_id": OWNER,
            "receiver_tenant_id": "the-project",
            "receiver_user_id": "the-user",
            "destination_ip": "192.0.2.7",
            "bytes_sent": 4,
        }
    ]
    assert images.glance.requests == [f"GET {ONE}"]


def test_download_shorter_than_its_headers_say_is_an_error(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", b"data", **NEW)
    images.glance.records["one"]["size"] = 5
    assert images.request("GET", ONE) == ["image.send ERROR"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", ONE), ("GET", "/v1/images"), ("GET", "/v1/images/detail"), ("GET", f"{ONE}/members")],
)
def test_request_that_reads_metadata_is_no_event(
    method: str, path: str, images: FilteredImagesV1
) -> None:
    images.request("POST", "/v1/images", b"data", **NEW)
    assert images.request(method, path) == []


def test_delete_carries_the_id_without_a_look_up(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", **NEW)
    images.glance.requests.clear()
    assert images.request("DELETE", ONE) == ["image.delete INFO"]
    assert (images.payloads(), images.glance.requests) == (["one"], [f"DELETE {ONE}"])


def test_delete_with_metadata_looks_the_headers_up_before() -> None:
    images = FilteredImagesV1(image_delete_payload="metadata")
    images.request(
        "POST", "/v1/images", b"data", **{**NEW, "HTTP_X_IMAGE_META_NAME": "\u00e9\u20ac"}
    )
    images.glance.requests.clear()
    assert images.request("DELETE", ONE) == ["image.delete INFO"]
    (payload,) = images.payloads()
    assert images.glance.requests == [f"HEAD {ONE}", f"DELETE {ONE}"]
    assert (payload["status"], payload["deleted"], payload["size"]) == ("deleted", True, 4)
    assert (payload["name"], payload["protected"], payload["is_public"]) == (
        "\u00e9\u20ac",
        False,
        False,
    )
    assert (payload["properties"], payload["tags"]) == ({"colour": "red"}, [])
    assert payload["created_at"] == "2016-05-10T21:41:41Z"


@pytest.mark.parametrize("named", [["m1"], ["m1", "m2"], []])
def test_replacement_of_members_is_an_event_for_each_member(
    named: list[str], images: FilteredImagesV1
) -> None:
    images.request("POST", "/v1/images", **NEW)
    members = [{"member_id": member, "can_share": False} for member in named]
    body = json.dumps({"memberships": members}, indent=8).encode()
    events = images.request("PUT", f"{ONE}/members", body)
    assert events == ["image.member.update INFO"] * len(named)
    ids = [(payload["image_id"], payload["member_id"]) for payload in images.payloads()]
    assert ids == [("one", member) for member in named]


def test_member_events_carry_what_the_request_names(images: FilteredImagesV1) -> None:
    images.request("POST", "/v1/images", **NEW)
    body = json.dumps({"member_id": "m", "can_share": False}).encode()
    assert images.request("PUT", f"{ONE}/members/m", body) == ["image.member.create INFO"]
    (created,) = images.payloads()
    assert images.request("DELETE", f"{ONE}/members/m") == ["image.member.delete INFO"]
    (deleted,) = images.payloads()
    known = {"image_id": "one", "member_id": "m", "status": None}
    assert created.items() >= {**known, "deleted": False}.items()
    assert deleted.items() >= {**known, "deleted": True}.items()
    assert deleted["deleted_at"] is not None


@pytest.mark.parametrize(
    ("method", "path", "body", "events"),
    [
        ("POST", "/v1/images", b"", ["image.create WARN"]),
        ("POST", "/v1/images", b"data", ["image.create WARN"]),
        ("PUT", ONE, b"data", ["image.upload ERROR"]),
        ("PUT", "/v1/images/x", b"", ["image.update WARN"]),
        ("GET", "/v1/images/x", b"", ["image.send WARN"]),
        ("DELETE", "/v1/images/x", b"", ["image.delete WARN"]),
        ("PUT", "/v1/images/x/members", b"", ["image.member.update WARN"]),
        ("PUT", "/v1/images/x/members/m", b"", ["image.member.create WARN"]),
        ("DELETE", "/v1/images/x/members/m", b"", ["image.member.delete WARN"]),
    ],
)
def test_refused_request_is_one_event(
    method: str, path: str, body: bytes, events: list[str], images: FilteredImagesV1
) -> None:
    images.request("POST", "/v1/images", b"data", **NEW)
    assert images.request(method, path, body, **(NEW if method == "POST" else {})) == events
    assert "secret" not in str(images.payloads())


def test_create_whose_data_is_refused_is_an_upload_error(images: FilteredImagesV1) -> None:
    events = images.request("POST", "/v1/images", b"data", **{**NEW, "HTTP_X_IMAGE_META_SIZE": "5"})
    assert events == ["image.upload ERROR"]
    assert images.payloads() == ["create image: 400 Bad Request: The size is another one."]
