"""Two real Glance nodes: a request that one passes on to the other has events once, of the node
that did the work."""

import contextlib
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone, Person
from demo.ports import free_port
from tests.glance.web import Web
from tests.journal.processes import eventually
from tests.message_log import NotificationLog

NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}


class Node:
    """A Glance that stages images in a folder of its own, and the messages of its filter."""

    def __init__(self, folder: Path, shared: Path, keystone: Keystone) -> None:
        self.log = folder / "notifications.log"
        self._folder = folder
        self._keystone = keystone
        self._messages = NotificationLog(self.log)
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        section = f"{glance.NOTIFY_SECTION}log_file = {self.log}\nimage_delete_payload = metadata\n"
        self._configuration = glance.lay_out(
            folder,
            keystone.url,
            paste=glance.paste_file(section=section),
            database=str(shared / "shared.db"),
            default=(
                f"worker_self_reference_url = {self.url}\ndebug = true\n"
                "enabled_import_methods = [glance-direct,web-download,glance-download]"
            ),
            more=(
                f"[store1]\nfilesystem_store_datadir = {shared}\n"
                "[import_filtering_opts]\nallowed_hosts = [127.0.0.1]\nallowed_ports = []"
            ),
        )

    def serving(self) -> Server:
        log = self._folder / "glance.log"
        return Server(self._configuration, log, processes=1, port=self._port)

    def ask(self, method: str, path: str, who: Person = ALICE, **more: Any) -> requests.Response:
        headers = {"X-Auth-Token": self._keystone.token(who), **more.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, **more)

    def new(self, who: Person = ALICE) -> str:
        """Make an image; returns its path."""
        return f"/v2/images/{self.ask('POST', '/v2/images', who, json=NEW).json()['id']}"

    def staged(self) -> str:
        """Make an image and stage it on this node; returns its path. Forgets the events."""
        path = self.new()
        octets = {"Content-Type": "application/octet-stream"}
        assert self.ask("PUT", f"{path}/stage", data=b"data", headers=octets).status_code == 204
        assert self.new_events() == [("image.create", "INFO"), ("image.update", "INFO")]
        return path

    def staging(self) -> list[str]:
        """The names of the files that are staged on this node."""
        return [path.name for path in (self._folder / "staging").iterdir()]

    def new_events(self) -> list[tuple[str, str]]:
        """Type and priority of the messages that came since the last call."""
        return kinds(self.new_messages())

    def new_messages(self) -> list[dict[str, Any]]:
        """The messages that came since the last call."""
        return self._messages.new_messages()

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        """Wait until `count` messages came since the last call of `new_messages`; returns them and
        those that came with them."""
        return self._messages.wait_for(count)

    def log_text(self) -> str:
        """The log of Glance."""
        return (self._folder / "glance.log").read_text(errors="replace")


Nodes = tuple[Node, Node]

UPLOADED = [("image.prepare", "INFO"), ("image.upload", "INFO"), ("image.activate", "INFO")]
BROKEN = [("image.prepare", "INFO"), ("image.upload", "ERROR")]


def kinds(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Type and priority of each."""
    return [(message["event_type"], message["priority"]) for message in messages]


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder = tmp_path_factory.mktemp("nodes")
    (folder / "shared").mkdir()
    with Keystone() as keystone, contextlib.ExitStack() as stack:
        one, two = (Node(folder / name, folder / "shared", keystone) for name in ("one", "two"))
        for node in (one, two):
            stack.enter_context(node.serving())
        keystone.glances["two"] = two.url
        yield one, two


def test_delete_that_is_passed_on_has_an_event_of_the_node_that_did_it(nodes: Nodes) -> None:
    one, two = nodes
    image = one.staged()
    answer = two.ask("DELETE", image)
    assert (answer.status_code, one.staging()) == (204, [])
    (deleted,) = one.new_messages()
    assert (deleted["event_type"], deleted["priority"]) == ("image.delete", "INFO")
    assert deleted["payload"]["owner"] == ALICE.project_id
    assert deleted["_context_user_id"] == ALICE.user_id
    assert deleted["_context_request_id"] == answer.headers["x-openstack-request-id"]
    assert two.new_events() == []
    line = "DELETE images/{image}: another node did it, and emits its events (1 so far)"
    assert line in two.log_text()


def test_request_id_of_the_client_makes_no_difference(nodes: Nodes) -> None:
    one, two = nodes
    headers = {"X-Openstack-Request-Id": "req-mine"}
    for node in (two, one):
        assert node.ask("DELETE", one.staged(), headers=headers).status_code == 204
        assert (one.new_events(), two.new_events()) == ([("image.delete", "INFO")], [])


def test_delete_that_the_other_node_refuses_has_an_event_of_each_node(nodes: Nodes) -> None:
    """Glance 33 answers 500 then, whatever the other node answered, and does not take over its
    request_id."""
    one, two = nodes
    image = one.staged()
    protect = [{"op": "replace", "path": "/protected", "value": True}]
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    assert one.ask("PATCH", image, json=protect, headers=patch).status_code == 200
    assert one.new_events() == [("image.update", "INFO")]
    assert two.ask("DELETE", image).status_code == 500
    assert one.new_events() == [("image.delete", "WARN")]
    assert two.new_events() == [("image.delete", "ERROR")]


def test_import_that_is_passed_on_is_followed_by_the_node_that_does_it(nodes: Nodes) -> None:
    one, two = nodes
    image = one.staged()
    answer = two.ask("POST", f"{image}/import", json={"method": {"name": "glance-direct"}})
    assert answer.status_code == 202, answer.text
    there = answer.headers["x-openstack-request-id"]
    assert f"[None {there} " in one.log_text(), "the id of the request on the node that did it"
    assert f"Replying with remote request id {there}" in two.log_text()
    messages = one.wait_for(3)
    assert kinds(messages) == UPLOADED
    assert {message["_context_request_id"] for message in messages} == {there}
    assert {message["payload"]["owner"] for message in messages} == {ALICE.project_id}
    assert two.new_events() == []


def test_import_from_the_glance_of_another_region_emits_the_events_of_how_it_ended(
    nodes: Nodes,
) -> None:
    one, two = nodes
    source = two.new()
    octets = {"Content-Type": "application/octet-stream"}
    assert two.ask("PUT", f"{source}/file", data=b"data" * 9, headers=octets).status_code == 204
    for source_id, expected in (
        (source.rpartition("/")[2], UPLOADED),
        ("2b1c1b5e-0000-4000-8000-000000000001", BROKEN),
    ):
        image = one.new()
        one.new_messages()
        method = {
            "name": "glance-download",
            "glance_region": "two",
            "glance_image_id": source_id,
        }
        answer = one.ask("POST", f"{image}/import", json={"method": method})
        assert answer.status_code == 202, answer.text
        messages = one.wait_for(len(expected))
        assert kinds(messages) == expected
        if expected == UPLOADED:
            assert messages[-1]["payload"]["size"] == 36
    two.new_messages()


def test_four_imports_at_once_emit_the_events_of_how_each_ended_and_for_whom(nodes: Nodes) -> None:
    """Each import begins once the one before it has begun: SQLite refuses some of the requests that
    come at one moment."""
    one, _ = nodes
    people = (ALICE, BOB, CAROL, ALICE)
    files = ("/slow-1", "/slow-2", "/slow-and-short", "/slow-3")
    images = [one.new(who) for who in people]
    one.new_messages()
    with Web() as web:
        requests = []
        for image, who, file in zip(images, people, files, strict=True):
            body = {"method": {"name": "web-download", "uri": web.url + file}}
            answer = one.ask("POST", f"{image}/import", who, json=body)
            assert answer.status_code == 202, answer.text
            requests.append(answer.headers["x-openstack-request-id"])
            web.wait_for_request(file)
        messages = one.wait_for(4)
        assert kinds(messages) == 4 * UPLOADED[:1]
        for image, who, file in zip(images, people, files, strict=True):
            web.release(file)
            eventually(functools.partial(_has_ended, one, image, who), 60)
            messages += one.wait_for(1 if "short" in file else 2)
    assert len(messages) == 11
    for image, who, request, expected in zip(
        images, people, requests, (UPLOADED, UPLOADED, BROKEN, UPLOADED), strict=True
    ):
        of_image = [
            message for message in messages if image.rpartition("/")[2] in json.dumps(message)
        ]
        assert kinds(of_image) == expected
        for message in of_image:
            assert message["_context_project_id"] == who.project_id
            assert message["_context_user_id"] == who.user_id
            assert message["_context_request_id"] == request


def _has_ended(node: Node, image: str, who: Person) -> bool:
    return "os_glance_import_task" not in node.ask("GET", image, who).json()
