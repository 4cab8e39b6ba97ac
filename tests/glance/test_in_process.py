"""A real Glance in this process, where the bytes that left are known exactly; and what Glance's own
notifier emits for downloads, which is less."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.types import WSGIApplication

import pytest

from demo.keystone import ALICE, BOB, CAROL, ROOT
from tests.agreement.comparison import Kind
from tests.glance.conftest import BLIND, Comparison, InProcess

CHUNK = 64 * 1024
DATA = bytes(range(256)) * 1024  # four chunks

ADDRESS_OF_THE_FILTER = (Kind.DIFFERS, "destination_ip is the filter's alone: native omits it")
FILTER_ALONE = (Kind.FILTER_ALONE, "cut short")


@pytest.fixture
def app(in_process: InProcess) -> WSGIApplication:
    return in_process.pipeline()


def sent(messages: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Priority and bytes_sent of each image.send."""
    return [(message["priority"], message["payload"]["bytes_sent"]) for message in messages]


@pytest.mark.parametrize(
    ("headers", "count"),
    [
        ({}, len(DATA)),
        ({"Range": "bytes=1000-1999"}, 1000),
        ({"Range": "bytes=-300"}, 300),
        ({"Range": "bytes=262143-"}, 1),
        ({"Content-Range": "bytes 10-19/262144"}, 10),
    ],
    ids=["whole", "range", "suffix range", "open range", "range in the old header"],
)
def test_bytes_sent_are_exact(
    headers: dict[str, str],
    count: int,
    app: WSGIApplication,
    in_process: InProcess,
    comparison: Comparison,
) -> None:
    image = in_process.image(app, DATA)
    body = in_process.ask(app, "GET", f"/v2/images/{image}/file", headers=headers).body
    assert len(body) == count
    messages = in_process.new_messages()
    assert sent(messages) == [("INFO", count)]
    assert comparison.of_download(image, messages) == [ADDRESS_OF_THE_FILTER]


def test_image_of_size_0_is_sent_with_0_bytes(app: WSGIApplication, in_process: InProcess) -> None:
    image = in_process.image(app, b"")
    assert in_process.ask(app, "GET", f"/v2/images/{image}/file").body == b""
    assert sent(in_process.new_messages()) == [("INFO", 0)]


@pytest.mark.parametrize(("taken", "count"), [(0, 0), (3, 2 * CHUNK)])
def test_client_that_goes_away_is_an_error_with_the_bytes_that_left(
    taken: int,
    count: int,
    app: WSGIApplication,
    in_process: InProcess,
    comparison: Comparison,
) -> None:
    image = in_process.image(app, DATA)
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    chunks = iter(answer.app_iter)
    for _ in range(taken):
        next(chunks)
    answer.app_iter.close()  # type: ignore[attr-defined]
    messages = in_process.new_messages()
    assert sent(messages) == [("ERROR", count)]
    assert comparison.of_download(image, messages) == [FILTER_ALONE]


def test_truncated_file_of_a_store_is_an_error(
    app: WSGIApplication, in_process: InProcess, comparison: Comparison
) -> None:
    image = in_process.image(app, DATA)
    with (in_process.folder / "images" / image).open("r+b") as file:
        file.truncate(CHUNK + 10)
    list(in_process.ask(app, "GET", f"/v2/images/{image}/file").app_iter)
    messages = in_process.new_messages()
    assert sent(messages) == [("ERROR", CHUNK + 10)]
    assert comparison.of_download(image, messages) == [ADDRESS_OF_THE_FILTER]


def test_exception_of_a_store_half_way_is_an_error(
    app: WSGIApplication,
    in_process: InProcess,
    comparison: Comparison,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from glance_store._drivers.filesystem import ChunkedFile  # type: ignore[import-untyped]

    def breaks(self: Any) -> Iterator[bytes]:
        yield self.fp.read(CHUNK)
        yield self.fp.read(CHUNK)
        raise OSError("the disk broke")

    image = in_process.image(app, DATA)
    monkeypatch.setattr(ChunkedFile, "__iter__", breaks)
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    with pytest.raises(OSError, match="the disk broke"):
        list(answer.app_iter)
    messages = in_process.new_messages()
    assert sent(messages) == [("ERROR", 2 * CHUNK)]
    assert comparison.of_download(image, messages) == [FILTER_ALONE]


def test_whole_life_of_an_image_emits_its_events_in_order(
    app: WSGIApplication, in_process: InProcess
) -> None:
    ask = in_process.ask
    record = {"name": "n", "disk_format": "raw", "container_format": "bare", "colour": "red"}
    image = ask(app, "POST", "/v2/images", json=record).json["id"]
    path = f"/v2/images/{image}"
    ask(app, "PUT", f"{path}/file", body=DATA)
    ask(app, "POST", f"{path}/members", json={"member": BOB.project_id})
    ask(app, "PUT", f"{path}/members/{BOB.project_id}", who=BOB, json={"status": "accepted"})
    ask(app, "GET", f"{path}/file", who=BOB).body  # noqa: B018 (it is read)
    ask(app, "DELETE", f"{path}/members/{BOB.project_id}")
    ask(app, "PUT", f"{path}/tags/t")
    ask(app, "DELETE", f"{path}/tags/t")
    ask(app, "POST", f"{path}/actions/deactivate")
    ask(app, "POST", f"{path}/actions/deactivate")  # no change, no event
    ask(app, "POST", f"{path}/actions/reactivate")
    ask(app, "DELETE", path, who=CAROL)
    ask(app, "DELETE", path)
    messages = in_process.new_messages()
    assert [f"{message['event_type']} {message['priority']}" for message in messages] == [
        "image.create INFO",
        "image.prepare INFO",
        "image.upload INFO",
        "image.activate INFO",
        "image.member.create INFO",
        "image.member.update INFO",
        "image.send INFO",
        "image.member.delete INFO",
        "image.update INFO",
        "image.update INFO",
        "image.update INFO",
        "image.update INFO",
        "image.delete WARN",
        "image.delete INFO",
    ]
    by_type = {message["event_type"]: message["payload"] for message in reversed(messages)}
    assert by_type["image.create"]["properties"] == {"colour": "red"}
    assert by_type["image.prepare"]["status"] == "saving"
    assert by_type["image.activate"]["status"] == "active"
    assert by_type["image.activate"]["checksum"] == hashlib.md5(DATA).hexdigest()
    assert by_type["image.send"] == {
        "image_id": image,
        "owner_id": ALICE.project_id,
        "receiver_tenant_id": BOB.project_id,
        "receiver_user_id": BOB.user_id,
        "destination_ip": "192.0.2.7",
        "bytes_sent": len(DATA),
    }
    assert by_type["image.member.delete"]["status"] == "accepted"
    assert messages[-1]["payload"] == image


def test_look_up_that_glance_refuses_costs_neither_the_event_nor_the_request(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = in_process.image(app)
    assert in_process.ask(app, "GET", f"/v2/images/{image}", who=BLIND).status_int in (403, 404)
    assert in_process.ask(app, "PUT", f"/v2/images/{image}/tags/t", who=BLIND).status_int == 204
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["priority"]) == ("image.update", "INFO")
    assert (message["payload"]["id"], message["payload"]["owner"]) == (image, None)


def test_staging_and_a_store_delete_are_updates(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = in_process.image(app)
    answer = in_process.ask(app, "PUT", f"/v2/images/{image}/stage", body=b"data")
    assert answer.status_int == 204
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["payload"]["status"]) == (
        "image.update",
        "uploading",
    )
    image = in_process.image(app, DATA)
    answer = in_process.ask(app, "DELETE", f"/v2/stores/store1/{image}", who=ROOT)
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["priority"]) == ("image.update", "WARN"), answer.text
    assert "403" in message["payload"]


def test_method_override_evades_no_event(app: WSGIApplication, in_process: InProcess) -> None:
    image = in_process.image(app, DATA)
    for method in ("POST", "OPTIONS", "PUT"):
        answer = in_process.ask(app, method, f"/v2/images/{image}/file", QUERY_STRING="_method=GET")
        assert answer.body == DATA
        assert sent(in_process.new_messages()) == [("INFO", len(DATA))]
    answer = in_process.ask(app, "GET", f"/v2/images/{image}", QUERY_STRING="_method=delete")
    assert answer.status_int == 204
    assert [message["event_type"] for message in in_process.new_messages()] == ["image.delete"]


@pytest.mark.parametrize("query", ["_method=PUT", "_method=DELETE", "_method=x"])
def test_method_override_hides_no_download_from_the_cache(
    query: str, in_process: InProcess
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    path = f"/v2/images/{image}"
    assert in_process.ask(app, "GET", f"{path}/file").body == DATA  # and now it is cached
    in_process.new_messages()
    assert in_process.ask(app, "GET", f"{path}/file", QUERY_STRING=query).body == DATA
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["priority"]) == ("image.send", "INFO")
    assert message["payload"]["bytes_sent"] == len(DATA)
    in_process.ask(app, "DELETE", path)
    in_process.new_messages()


def test_form_that_is_json_too_hides_no_update_of_a_member(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = in_process.image(app)
    path = f"/v2/images/{image}"
    in_process.ask(app, "POST", f"{path}/members", json={"member": BOB.project_id})
    in_process.new_messages()
    answer = in_process.ask(
        app,
        "POST",
        f"{path}/members/{BOB.project_id}",
        who=BOB,
        body=b'{"status": "accepted", "x": "&_method=PUT&"}',
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    assert answer.json["status"] == "accepted"
    (message,) = in_process.new_messages()
    assert (message["event_type"], message["payload"]["status"]) == (
        "image.member.update",
        "accepted",
    )


@pytest.mark.parametrize(
    "path",
    [
        "//v2//images//{}//file",
        "/v2.9/images/{}/file",
        "/v2/images//{}/file",
        "/v2/images/{}/file\n",
    ],
)
def test_spelling_of_a_path_that_glance_answers_evades_no_event(
    path: str, in_process: InProcess
) -> None:
    app = in_process.pipeline("keystone+caching")
    image = in_process.image(app, DATA)
    for _ in ("from the store", "from the cache"):
        assert in_process.ask(app, "GET", path.format(image)).body == DATA
        (message,) = in_process.new_messages()
        assert message["payload"]["image_id"] == image
        assert (message["priority"], message["payload"]["bytes_sent"]) == (
            "INFO",
            len(DATA),
        )


def test_line_end_in_the_path_evades_no_event_and_is_in_no_id(
    app: WSGIApplication, in_process: InProcess
) -> None:
    record = {"name": "n", "disk_format": "raw", "container_format": "bare"}
    image = in_process.ask(app, "POST", "/v2/images\n", json=record).json["id"]
    path = f"/v2/images/{image}"
    assert in_process.ask(app, "PUT", f"{path}/file\n", body=b"data").status_int == 204
    assert in_process.ask(app, "POST", f"{path}/actions/deactivate\n").status_int == 204
    assert in_process.ask(app, "DELETE", f"{path}\n").status_int == 204
    messages = in_process.new_messages()
    assert [message["event_type"].removeprefix("image.") for message in messages] == [
        *("create", "prepare", "upload", "activate", "update", "delete")
    ]
    assert messages[-1]["payload"] == image


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_image_cache_is_byte_for_byte_as_without_the_filter(in_process: InProcess) -> None:
    cache = in_process.folder / "cache"
    plain = in_process.stock_pipeline("keystone+caching")
    watched = in_process.pipeline("keystone+caching")
    seen = []
    for app in (plain, watched):
        image = in_process.image(app, DATA)
        path = f"/v2/images/{image}"
        steps = []
        for headers in ({"Range": "bytes=5-9"}, {}, {}, {"Range": "bytes=5-9"}):
            answer = in_process.ask(app, "GET", f"{path}/file", headers=headers)
            steps.append((answer.status, answer.body, files(cache)))
        in_process.ask(app, "PUT", f"{path}/tags/t")
        steps.append(("tagged", b"", files(cache)))
        messages = in_process.new_messages()
        in_process.ask(app, "DELETE", path)
        steps.append(("deleted", b"", files(cache)))
        seen.append(
            [
                (status, body, {name.replace(image, "IMAGE"): data for name, data in found.items()})
                for status, body, found in steps
            ]
        )
    assert seen[0] == seen[1]
    assert seen[0][1][2]["IMAGE"] == DATA, "the miss was cached, or this test shows nothing"
    assert sent(messages[:4]) == [
        ("INFO", 5),
        ("INFO", len(DATA)),
        ("INFO", len(DATA)),
        ("INFO", 5),
    ]
