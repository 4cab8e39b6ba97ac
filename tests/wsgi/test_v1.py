"""The Images API v1, played by a stand-in made from its public reference."""

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


class Asked:
    """A stand-in behind the filter."""

    def __init__(self, **options: str) -> None:
        self.glance = ImagesV1()
        self.recorder = ListRecorder()
        self._app = with_filter(self.glance, self.recorder, **options)

    def ask(self, method: str, path: str, body: bytes = b"", **more: Any) -> list[str]:
        """The events of one request."""
        self.recorder.notifications.clear()
        self.trace = Server().serve(self._app, environ(method, path, body, **more)).trace
        return self.recorder.events

    def payloads(self) -> list[Any]:
        return [each.payload for each in self.recorder.notifications]


@pytest.fixture
def asked() -> Asked:
    return Asked()


def test_reserving_an_image_creates_it(asked: Asked) -> None:
    assert asked.ask("POST", "/v1/images", **NEW) == ["image.create INFO"]
    assert asked.payloads() == [
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


def test_creating_an_image_with_its_data_uploads_it_too(asked: Asked) -> None:
    assert asked.ask("POST", "/v1/images", b"data", **NEW) == ["image.create INFO", *UPLOADED]
    sizes = [(each["status"], each["size"]) for each in asked.payloads()]
    assert sizes == [("active", 4), ("saving", None), ("active", 4), ("active", 4)]
    assert {each["id"] for each in asked.payloads()} == {"one"}


def test_an_image_with_a_location_is_active_and_the_location_is_not_told(asked: Asked) -> None:
    location: dict[str, Any] = {"HTTP_X_IMAGE_META_LOCATION": "swift://user:secret@store/c/o"}
    events = asked.ask("POST", "/v1/images", **NEW, **location)
    assert events == ["image.create INFO", "image.activate INFO"]
    asked.ask("GET", ONE)
    assert "secret" not in json.dumps(asked.payloads())


def test_an_update_of_metadata_alone_is_an_update(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", **NEW)
    events = asked.ask("PUT", ONE, HTTP_X_IMAGE_META_IS_PUBLIC="true")
    assert events == ["image.update INFO"]
    (payload,) = asked.payloads()
    assert (payload["is_public"], payload["visibility"]) == (True, "public")


def test_an_update_with_data_uploads_it(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", **NEW)
    assert asked.ask("PUT", ONE, b"data") == [*UPLOADED, "image.update INFO"]
    assert {each["id"] for each in asked.payloads()} == {"one"}
    assert [each["status"] for each in asked.payloads()] == ["saving", *["active"] * 3]


def test_a_download_is_told_by_its_headers_without_a_look_up(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", b"data", **NEW)
    asked.glance.requests.clear()
    assert asked.ask("GET", ONE) == ["image.send INFO"]
    assert asked.payloads() == [
        {
            "image_id": "one",
            "owner_id": OWNER,
            "receiver_tenant_id": "the-project",
            "receiver_user_id": "the-user",
            "destination_ip": "192.0.2.7",
            "bytes_sent": 4,
        }
    ]
    assert asked.glance.requests == [f"GET {ONE}"]


def test_a_download_that_is_shorter_than_its_headers_say_is_an_error(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", b"data", **NEW)
    asked.glance.records["one"]["size"] = 5
    assert asked.ask("GET", ONE) == ["image.send ERROR"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("HEAD", ONE), ("GET", "/v1/images"), ("GET", "/v1/images/detail"), ("GET", f"{ONE}/members")],
)
def test_what_reads_metadata_alone_tells_nothing(method: str, path: str, asked: Asked) -> None:
    asked.ask("POST", "/v1/images", b"data", **NEW)
    assert asked.ask(method, path) == []


def test_a_delete_tells_the_id_without_a_look_up(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", **NEW)
    asked.glance.requests.clear()
    assert asked.ask("DELETE", ONE) == ["image.delete INFO"]
    assert (asked.payloads(), asked.glance.requests) == (["one"], [f"DELETE {ONE}"])


def test_a_delete_that_tells_metadata_asks_for_the_headers_before() -> None:
    asked = Asked(image_delete_payload="metadata")
    asked.ask("POST", "/v1/images", b"data", **{**NEW, "HTTP_X_IMAGE_META_NAME": "\u00e9\u20ac"})
    asked.glance.requests.clear()
    assert asked.ask("DELETE", ONE) == ["image.delete INFO"]
    (payload,) = asked.payloads()
    assert asked.glance.requests == [f"HEAD {ONE}", f"DELETE {ONE}"]
    assert (payload["status"], payload["deleted"], payload["size"]) == ("deleted", True, 4)
    assert (payload["name"], payload["protected"], payload["is_public"]) == (
        "\u00e9\u20ac",
        False,
        False,
    )
    assert (payload["properties"], payload["tags"]) == ({"colour": "red"}, [])
    assert payload["created_at"] == "2016-05-10T21:41:41Z"


@pytest.mark.parametrize("named", [["m1"], ["m1", "m2"], []])
def test_replacing_the_members_tells_each_that_is_named(named: list[str], asked: Asked) -> None:
    asked.ask("POST", "/v1/images", **NEW)
    members = [{"member_id": each, "can_share": False} for each in named]
    body = json.dumps({"memberships": members}, indent=8).encode()
    events = asked.ask("PUT", f"{ONE}/members", body)
    assert events == ["image.member.update INFO"] * len(named)
    ids = [(each["image_id"], each["member_id"]) for each in asked.payloads()]
    assert ids == [("one", each) for each in named]


def test_one_member_is_created_and_deleted_as_far_as_the_request_tells(asked: Asked) -> None:
    asked.ask("POST", "/v1/images", **NEW)
    body = json.dumps({"member_id": "m", "can_share": False}).encode()
    assert asked.ask("PUT", f"{ONE}/members/m", body) == ["image.member.create INFO"]
    (created,) = asked.payloads()
    assert asked.ask("DELETE", f"{ONE}/members/m") == ["image.member.delete INFO"]
    (deleted,) = asked.payloads()
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
def test_what_is_refused_is_one_event(
    method: str, path: str, body: bytes, events: list[str], asked: Asked
) -> None:
    asked.ask("POST", "/v1/images", b"data", **NEW)
    assert asked.ask(method, path, body, **(NEW if method == "POST" else {})) == events
    assert "secret" not in str(asked.payloads())


def test_a_create_whose_data_is_refused_is_an_upload_that_broke_off(asked: Asked) -> None:
    events = asked.ask("POST", "/v1/images", b"data", **{**NEW, "HTTP_X_IMAGE_META_SIZE": "5"})
    assert events == ["image.upload ERROR"]
    assert asked.payloads() == ["create image: 400 Bad Request: The size is another one."]
