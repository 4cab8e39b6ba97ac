"""How many look-ups a real Glance is asked for, by operation; and what a download knows of an image
that is changed or deleted while it is sent."""

import threading
from typing import Any
from wsgiref.types import WSGIApplication

import pytest
import sqlalchemy

from demo.keystone import ALICE, BOB, CAROL, ROOT
from glance_notify_middleware.wsgi.lookup import Lookup
from tests.glance.conftest import InProcess
from tests.look_up_table import LookUps, look_up_table

CHUNK = 64 * 1024
DATA = bytes(range(256)) * 1024  # four chunks
NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}
PATCH_TYPE = "application/openstack-images-v2.1-json-patch"


@pytest.fixture
def app(in_process: InProcess) -> WSGIApplication:
    return in_process.pipeline()


@pytest.fixture
def look_ups(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the look-ups that are made on this thread, which is that of the requests."""
    paths: list[str] = []
    ask, thread = Lookup.ask, threading.get_ident()

    def asks(self: Lookup, operation: Any, snapshot: Any, **more: Any) -> Any:
        if threading.get_ident() == thread:
            paths.append(operation.record_path + more.get("below", ""))
        return ask(self, operation, snapshot, **more)

    monkeypatch.setattr(Lookup, "ask", asks)
    return paths


CALLS: list[tuple[str, dict[str, Any], int]] = [
    ("POST /v2/images", {"json": NEW}, 201),
    ("PUT /v2/images/{id}/file", {"body": DATA}, 204),
    ("GET /v2/images/{id}/file", {}, 200),
    ("PATCH /v2/images/{id}", {}, 200),
    ("PUT /v2/images/{id}/tags/{tag}", {}, 204),
    ("DELETE /v2/images/{id}/tags/{tag}", {}, 204),
    ("POST /v2/images/{id}/actions/deactivate", {}, 204),
    ("POST /v2/images/{id}/actions/reactivate", {}, 204),
    ("POST /v2/images/{id}/members", {"json": {"member": BOB.project_id}}, 200),
    ("PUT /v2/images/{id}/members/{member}", {"who": BOB, "json": {"status": "accepted"}}, 200),
    ("DELETE /v2/images/{id}/members/{member}", {}, 204),
    ("DELETE /v2/images/{id}", {}, 204),
]
"""The life of an image, in order: each call, and the status by which it is done."""


def test_operations_make_the_look_ups_of_the_table(
    app: WSGIApplication, in_process: InProcess, look_ups: list[str]
) -> None:
    image, found = in_process.image(app), {}
    for call, given, status in CALLS:
        more = dict(given)
        if call.startswith("PATCH"):
            patch = b'[{"op": "replace", "path": "/name", "value": "m"}]'
            more |= {"body": patch, "headers": {"Content-Type": PATCH_TYPE}}
        method, path = call.split()
        path = path.format(id=image, tag="t", member=BOB.project_id)
        counts = []
        for who, expected in ((CAROL, (403, 404, 409)), (more.pop("who", ALICE), (status,))):
            if method == "POST" and path == "/v2/images" and who is CAROL:
                counts.append(0)
                continue
            look_ups.clear()
            answer = in_process.ask(app, method, path, who=who, **more)
            assert answer.status_int in expected, (call, who, answer.text)
            assert answer.body is not None
            counts.append(len(look_ups))
        refused, done = counts
        found[call] = LookUps(done, refused)
    table = look_up_table()
    assert found == {call: table[call] for call in found}


def test_import_and_stage_make_the_look_ups_of_the_table(
    app: WSGIApplication, in_process: InProcess, look_ups: list[str]
) -> None:
    table, image = look_up_table(), in_process.image(app)
    path = f"/v2/images/{image}"
    look_ups.clear()
    assert in_process.ask(app, "PUT", f"{path}/stage", body=DATA).status_int == 204
    assert look_ups == [path] * table["PUT /v2/images/{id}/stage"].done
    look_ups.clear()
    asked = {"method": {"name": "glance-direct"}}
    assert in_process.ask(app, "POST", f"{path}/import", json=asked).status_int == 202
    assert look_ups == [path, f"{path}/tasks"]
    assert len(look_ups) == table["POST /v2/images/{id}/import"].done
    in_process.wait_for(4)
    in_process.wait_for_background_work()


def test_look_up_costs_two_selects_of_glances_database(
    app: WSGIApplication, in_process: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, statements, asked = in_process.image(app), list[str](), list[list[str]]()
    ask, engine = Lookup.ask, sqlalchemy.Engine

    def execute(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement.split()[0])

    def asks(*given: Any, **more: Any) -> Any:
        statements.clear()
        found = ask(*given, **more)
        asked.append(statements.copy())
        return found

    monkeypatch.setattr(Lookup, "ask", asks)
    sqlalchemy.event.listen(engine, "before_cursor_execute", execute)
    try:
        in_process.ask(app, "PUT", f"/v2/images/{image}/tags/t")
    finally:
        sqlalchemy.event.remove(engine, "before_cursor_execute", execute)
    (found,) = asked
    assert [statement for statement in found if statement != "BEGIN"] == ["SELECT", "SELECT"]


def payload_of_download(in_process: InProcess) -> dict[str, Any]:
    (payload,) = (
        message["payload"]
        for message in in_process.new_messages()
        if message["event_type"] == "image.send"
    )
    return dict(payload)


@pytest.mark.parametrize(
    ("taken", "owner"), [(1, None), (2, ALICE.project_id)], ids=["first chunk", "second chunk"]
)
def test_owner_of_an_image_that_another_process_deletes_while_it_is_sent(
    taken: int,
    owner: str | None,
    app: WSGIApplication,
    in_process: InProcess,
    look_ups: list[str],
) -> None:
    elsewhere = in_process.stock_pipeline()
    image = in_process.image(app, DATA)
    answer = in_process.ask(app, "GET", f"/v2/images/{image}/file")
    chunks = iter(answer.app_iter)
    sent = [next(chunks) for _ in range(taken)]
    assert in_process.ask(elsewhere, "DELETE", f"/v2/images/{image}").status_int == 204
    sent += chunks
    assert b"".join(sent) == DATA
    payload = payload_of_download(in_process)
    assert (payload["owner_id"], payload["bytes_sent"]) == (owner, len(DATA))


def test_owner_that_another_process_changes_is_reported_once_this_process_has_served_a_change(
    app: WSGIApplication, in_process: InProcess
) -> None:
    image = in_process.image(app, DATA)
    path, owners = f"/v2/images/{image}", []
    patch = b'[{"op": "replace", "path": "/owner", "value": "%s"}]' % BOB.project_id.encode()

    def download() -> None:
        assert in_process.ask(app, "GET", f"{path}/file", who=ROOT).body == DATA
        owners.append(payload_of_download(in_process)["owner_id"])

    download()
    answer = in_process.ask(
        in_process.stock_pipeline(),
        "PATCH",
        path,
        who=ROOT,
        body=patch,
        headers={"Content-Type": PATCH_TYPE},
    )
    assert answer.json["owner"] == BOB.project_id
    download()
    in_process.ask(app, "PUT", f"{path}/tags/t", who=ROOT)
    download()
    assert owners == [ALICE.project_id, ALICE.project_id, BOB.project_id]
