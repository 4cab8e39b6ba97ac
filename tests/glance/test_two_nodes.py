"""Two real Glance nodes: what one hands on to the other is told once, by who did it."""

import contextlib
import functools
import json
import time
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

NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}


class Node:
    """A Glance that stages images in a folder of its own, and what its filter told."""

    def __init__(self, folder: Path, shared: Path, keystone: Keystone) -> None:
        self.log = folder / "notifications.log"
        self._folder = folder
        self._keystone = keystone
        self._read = 0
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        section = f"{glance.NOTIFY_SECTION}log_file = {self.log}\nimage_delete_payload = metadata\n"
        self._configuration = glance.lay_out(
            folder,
            keystone.url,
            paste=glance.paste_file(section=section),
            default=(
                f"worker_self_reference_url = {self.url}\ndebug = true\n"
                "enabled_import_methods = [glance-direct,web-download,glance-download]"
            ),
            more=(
                f"[database]\nconnection = sqlite:///{shared}/shared.db\n"
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
        """The path of a new image."""
        return f"/v2/images/{self.ask('POST', '/v2/images', who, json=NEW).json()['id']}"

    def staged(self) -> str:
        """A new image, staged on this node; returns its path. Forgets what was told."""
        path = self.new()
        octets = {"Content-Type": "application/octet-stream"}
        assert self.ask("PUT", f"{path}/stage", data=b"data", headers=octets).status_code == 204
        assert self.told() == [("image.create", "INFO"), ("image.update", "INFO")]
        return path

    def staging(self) -> list[str]:
        return [each.name for each in (self._folder / "staging").iterdir()]

    def told(self) -> list[tuple[str, str]]:
        return kinds(self.notifications())

    def notifications(self) -> list[dict[str, Any]]:
        """What came since the last call."""
        lines = self.log.read_bytes() if self.log.exists() else b""
        new, self._read = lines[self._read :], len(lines)
        return [json.loads(line) for line in new.splitlines()]

    def waits_for(self, count: int) -> list[dict[str, Any]]:
        """So many that came since the last call of `notifications`, and what came with them."""
        told: list[dict[str, Any]] = []
        deadline = time.monotonic() + 60
        while len(told) < count and time.monotonic() < deadline:
            time.sleep(0.1)
            told += self.notifications()
        return told

    def said(self) -> str:
        return (self._folder / "glance.log").read_text(errors="replace")


Nodes = tuple[Node, Node]

UPLOADED = [("image.prepare", "INFO"), ("image.upload", "INFO"), ("image.activate", "INFO")]
BROKEN = [("image.prepare", "INFO"), ("image.upload", "ERROR")]


def kinds(told: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["event_type"], each["priority"]) for each in told]


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


def test_a_delete_that_is_passed_on_is_told_by_the_node_that_did_it(nodes: Nodes) -> None:
    one, two = nodes
    image = one.staged()
    answer = two.ask("DELETE", image)
    assert (answer.status_code, one.staging()) == (204, [])
    (deleted,) = one.notifications()
    assert (deleted["event_type"], deleted["priority"]) == ("image.delete", "INFO")
    assert deleted["payload"]["owner"] == ALICE.project_id
    assert deleted["_context_user_id"] == ALICE.user_id
    assert deleted["_context_request_id"] == answer.headers["x-openstack-request-id"]
    assert two.told() == []
    counted = "DELETE images/{image}: another node did it, and tells it (1 so far)"
    assert counted in two.said()


def test_a_request_id_of_the_clients_own_makes_no_difference(nodes: Nodes) -> None:
    one, two = nodes
    headers = {"X-Openstack-Request-Id": "req-mine"}
    for node in (two, one):
        assert node.ask("DELETE", one.staged(), headers=headers).status_code == 204
        assert (one.told(), two.told()) == ([("image.delete", "INFO")], [])


def test_what_the_other_node_refuses_is_told_by_each_as_it_ended_there(nodes: Nodes) -> None:
    """Glance 33 answers 500 then, whatever the other node said, and takes no request_id over."""
    one, two = nodes
    image = one.staged()
    protect = [{"op": "replace", "path": "/protected", "value": True}]
    patch = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
    assert one.ask("PATCH", image, json=protect, headers=patch).status_code == 200
    assert one.told() == [("image.update", "INFO")]
    assert two.ask("DELETE", image).status_code == 500
    assert one.told() == [("image.delete", "WARN")]
    assert two.told() == [("image.delete", "ERROR")]


def test_an_import_that_is_passed_on_is_followed_by_the_node_that_does_it(nodes: Nodes) -> None:
    one, two = nodes
    image = one.staged()
    answer = two.ask("POST", f"{image}/import", json={"method": {"name": "glance-direct"}})
    assert answer.status_code == 202, answer.text
    there = answer.headers["x-openstack-request-id"]
    assert f"[None {there} " in one.said(), "the id that it had where it was done"
    assert f"Replying with remote request id {there}" in two.said()
    told = one.waits_for(3)
    assert kinds(told) == UPLOADED
    assert {each["_context_request_id"] for each in told} == {there}
    assert {each["payload"]["owner"] for each in told} == {ALICE.project_id}
    assert two.told() == []


def test_an_import_from_the_glance_of_another_region_is_told(nodes: Nodes) -> None:
    one, two = nodes
    source = two.new()
    octets = {"Content-Type": "application/octet-stream"}
    assert two.ask("PUT", f"{source}/file", data=b"data" * 9, headers=octets).status_code == 204
    for source_id, expected in (
        (source.rpartition("/")[2], UPLOADED),
        ("2b1c1b5e-0000-4000-8000-000000000001", BROKEN),
    ):
        image = one.new()
        one.notifications()
        method = {
            "name": "glance-download",
            "glance_region": "two",
            "glance_image_id": source_id,
        }
        answer = one.ask("POST", f"{image}/import", json={"method": method})
        assert answer.status_code == 202, answer.text
        told = one.waits_for(len(expected))
        assert kinds(told) == expected
        if expected == UPLOADED:
            assert told[-1]["payload"]["size"] == 36
    two.notifications()


def test_of_four_imports_at_once_each_is_told_as_it_ended_and_for_whom(nodes: Nodes) -> None:
    """Each begins when the one before it has: SQLite refuses some of what comes at one moment."""
    one, _ = nodes
    people = (ALICE, BOB, CAROL, ALICE)
    files = ("/slow-1", "/slow-2", "/slow-and-short", "/slow-3")
    images = [one.new(who) for who in people]
    one.notifications()
    with Web() as web:
        requests = []
        for image, who, file in zip(images, people, files, strict=True):
            body = {"method": {"name": "web-download", "uri": web.url + file}}
            answer = one.ask("POST", f"{image}/import", who, json=body)
            assert answer.status_code == 202, answer.text
            requests.append(answer.headers["x-openstack-request-id"])
            web.is_asked_for(file)
        told = one.waits_for(4)
        assert kinds(told) == 4 * UPLOADED[:1]
        for image, who, file in zip(images, people, files, strict=True):
            web.go_on(file)
            eventually(functools.partial(_has_ended, one, image, who), 60)
            told += one.waits_for(1 if "short" in file else 2)
    assert len(told) == 11
    for image, who, request, expected in zip(
        images, people, requests, (UPLOADED, UPLOADED, BROKEN, UPLOADED), strict=True
    ):
        of_image = [each for each in told if image.rpartition("/")[2] in json.dumps(each)]
        assert kinds(of_image) == expected
        for each in of_image:
            assert each["_context_project_id"] == who.project_id
            assert each["_context_user_id"] == who.user_id
            assert each["_context_request_id"] == request


def _has_ended(node: Node, image: str, who: Person) -> bool:
    return "os_glance_import_task" not in node.ask("GET", image, who).json()
