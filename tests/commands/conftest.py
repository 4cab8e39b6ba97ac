"""A real Glance with the filter, which sends to a RabbitMQ node in both of its protocols."""

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, Keystone
from demo.rabbit import Rabbit
from tests.commands.running import glance_notify

CANARY = "c4nary-pa55word"

_SECTION = """
[filter:notify]
paste.filter_factory = glance_notify_middleware:filter_factory
notifier_strategy = rabbit, qpid
journal_dir = {journal}
rabbit_hosts = 127.0.0.1:{port}
rabbit_virtual_host = {vhost}
rabbit_userid = {name}
rabbit_password = {password}
rabbit_retry_max_backoff = 1
create_queues = auto
rabbit_durable_queues = true
qpid_hosts = 127.0.0.1:{port}
qpid_username = guest
qpid_password = guest
qpid_target = /exchange/{{exchange}}
qpid_notification_exchange = {name}
qpid_reconnect_interval_max = 1
"""


class GlanceNode:
    """A Glance with the strategies rabbit and qpid, its journal, and requests to it."""

    def __init__(
        self, folder: Path, rabbit: Rabbit, name: str, keystone: Keystone, processes: int
    ) -> None:
        """`name` is that of the vhost, of its user, and of the exchange for qpid; `processes` is
        how many processes Glance has."""
        self.rabbit = rabbit
        self._processes = processes
        self.folder = folder
        self.journal = folder / "journal"
        section = _SECTION.format(
            journal=self.journal, port=rabbit.port, vhost=name, name=name, password=CANARY
        )
        paste = glance.paste_file(section=section)
        self._configuration = glance.lay_out(folder, keystone.url, paste=paste)
        self.paste_file = self._configuration / "glance-api-paste.ini"
        self._token = keystone.token(ALICE)
        self.server: Server | None = None

    def start(self) -> None:
        """Start Glance."""
        log = self.folder / "glance.log"
        self.server = Server(self._configuration, log, processes=self._processes).__enter__()

    def stop(self) -> None:
        """End every process of Glance. Nothing happens where it does not run."""
        if self.server is not None:
            self.server.stop()
            self.server = None

    def ask(self, method: str, path: str, **more: Any) -> requests.Response:
        """Send a request to Glance, below /v2/images."""
        assert self.server is not None
        with requests.Session() as session:
            session.trust_env = False
            session.headers["X-Auth-Token"] = self._token
            return session.request(method, f"{self.server.url}/v2/images{path}", **more)

    def emit(self, count: int) -> None:
        """Have Glance refuse downloads of images that do not exist: each is a notification."""
        for _ in range(count):
            assert self.ask("GET", f"/{uuid.uuid4()}/file").status_code == 404

    def play_life(self) -> None:
        """Make an image of 16 bytes, and download it: five notifications."""
        image = self.ask("POST", "", json={"disk_format": "raw", "container_format": "bare"}).json()
        data = {"Content-Type": "application/octet-stream"}
        assert self.ask("PUT", f"/{image['id']}/file", data=b"x" * 16, headers=data).ok
        assert self.ask("GET", f"/{image['id']}/file").content == b"x" * 16

    def status(self) -> dict[str, Any]:
        """What `glance-notify status -f json` prints; its targets are by name."""
        ended = glance_notify("status", self.paste_file, "-f", "json")
        assert not ended.stderr, ended.stderr
        found: dict[str, Any] = json.loads(ended.stdout)
        found["targets"] = {target["target"]: target for target in found["targets"]}
        return found


@pytest.fixture(scope="module")
def node(
    rabbit: Rabbit, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[GlanceNode]:
    """A Glance that runs, and has played the life of an image. It has one process, or as many as
    PROCESSES of the module says. A test that ends it, or the node of RabbitMQ, starts it again."""
    name = f"node-{uuid.uuid4().hex}"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    rabbit.add_vhost(name)
    rabbit.api("PUT", f"users/{name}", {"password": CANARY, "tags": ""})
    rabbit.api("PUT", f"permissions/{name}/{name}", everything)
    rabbit.api("PUT", f"exchanges/%2F/{name}", {"type": "topic", "durable": True})
    with ExitStack() as ends, Keystone() as keystone:
        ends.callback(rabbit.api, "DELETE", f"exchanges/%2F/{name}")
        ends.callback(rabbit.api, "DELETE", f"users/{name}")
        ends.callback(rabbit.delete_vhost, name)
        processes = getattr(request.module, "PROCESSES", 1)
        node = GlanceNode(tmp_path_factory.mktemp("node"), rabbit, name, keystone, processes)
        ends.callback(node.stop)
        node.start()
        node.play_life()
        yield node
