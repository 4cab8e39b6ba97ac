"""A worker ends in the middle of imports.

Killed: what had ended is told so, the rest as unknown. In good order: all is told as it ended.
"""

import functools
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, BOB, CAROL, Keystone, Person
from demo.rabbit import Rabbit
from tests.faults.tally import Arrival, Consumer
from tests.glance.web import Web
from tests.long.conftest import section_to
from tests.long_runs import takes_long
from tests.servers.server_kinds import SERVERS

_MORE = """
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = [{port}]
"""

RELOAD = "reload"  # uWSGI reloads its workers when somebody touches it
NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}
PREPARED = ["image.prepare INFO"]
FILES = {  # what is imported, for whom, and what is told of it besides image.create
    "/slow-good": (ALICE, [*PREPARED, "image.upload INFO", "image.activate INFO"]),
    "/slow-and-short": (BOB, [*PREPARED, "image.upload ERROR"]),
    "/slow-cut": (CAROL, [*PREPARED, "image.upload ERROR"]),
    "/slow-cut-too": (ALICE, [*PREPARED, "image.upload ERROR"]),
}


class Stage:
    """A Glance with one worker that imports, and what arrives of that."""

    def __init__(self, server: Server, keystone: Keystone, web: Web, consumer: Consumer) -> None:
        self.server, self.web, self.consumer = server, web, consumer
        self._keystone = keystone
        self._accepted: dict[str, str] = {}  # request ids, by file

    def imports(self, file: str, who: Person) -> None:
        """Until Glance waits for more of the file."""
        headers = {"X-Auth-Token": self._keystone.token(who)}
        images = f"{self.server.url}/v2/images"
        image = requests.post(images, json=NEW, headers=headers).json()["id"]
        body = {"method": {"name": "web-download", "uri": self.web.url + file}}
        answer = requests.post(f"{images}/{image}/import", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        self._accepted[file] = answer.headers["x-openstack-request-id"]
        deadline = time.monotonic() + 60
        while file not in self.web.waiting:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def of(self, file: str) -> list[Arrival]:
        """What was told of it, repeats left out."""
        mine = [each for each in self.consumer.arrivals if each.request_id == self._accepted[file]]
        return list({each.message_id: each for each in mine}.values())

    def told(self, file: str) -> list[str]:
        return [each.event for each in self.of(file)]

    def end_worker(self, number: int) -> None:
        (worker,) = self.server.workers()
        os.kill(worker, number)


@pytest.fixture
def server() -> str:
    """What serves Glance; a test may say otherwise."""
    return "uWSGI"


@pytest.fixture
def mercy() -> int | None:
    """How long uWSGI lets a worker live that it reloads, in seconds, where a test says it."""
    return None


@pytest.fixture
def stage(
    rabbit: Rabbit, vhost: str, tmp_path: Path, server: str, mercy: int | None
) -> Iterator[Stage]:
    kind = SERVERS[server]
    if server == "uWSGI":
        (tmp_path / RELOAD).touch()
        options = ["--touch-workers-reload", str(tmp_path / RELOAD)]
        options += [] if mercy is None else ["--worker-reload-mercy", str(mercy)]
        kind = kind._replace(command=(*kind.command, *options))
    section = section_to(rabbit, vhost, tmp_path / "journal")
    with Keystone() as keystone, Web() as web:
        configuration = glance.lay_out(
            tmp_path,
            keystone.url,
            paste=glance.paste_file(section=section),
            default="enabled_import_methods = [web-download]",
            more=_MORE.format(port=web.port),
        )
        with (
            Server(configuration, tmp_path / "glance.log", processes=1, kind=kind) as serving,
            Consumer(rabbit, vhost) as consumer,
        ):
            yield Stage(serving, keystone, web, consumer)


def test_what_had_ended_is_told_and_each_that_was_cut_is_one_error(stage: Stage) -> None:
    for file, (who, _) in FILES.items():
        stage.imports(file, who)

    def are_told(*files: str) -> bool:
        return all(stage.told(file)[-1:] == FILES[file][1][-1:] for file in files)

    stage.consumer.wait(lambda: all(stage.told(file) == PREPARED for file in FILES), 60)
    for file in ("/slow-good", "/slow-and-short"):
        stage.web.release(file)
        stage.consumer.wait(functools.partial(are_told, file), 60)
    stage.end_worker(signal.SIGKILL)
    stage.consumer.wait(lambda: are_told(*FILES), 60)
    stage.consumer.wait(lambda: False, 3)  # nothing more comes

    for file, (who, expected) in FILES.items():
        assert stage.told(file) == expected, (file, stage.of(file))
        assert stage.of(file)[-1].is_unknown == ("cut" in file), file
        assert {(each.project_id, each.user_id) for each in stage.of(file)} == {
            (who.project_id, who.user_id)
        }


# uWSGI's worker waits for Glance, and Glance for its import. In gunicorn's the interpreter refuses
# Glance the threads for the next step of it (concurrent.futures: "cannot schedule new futures after
# shutdown"), so that it fails.
@pytest.mark.parametrize(
    ("server", "in_good_order", "expected"),
    [
        ("uWSGI", signal.SIGHUP, FILES["/slow-good"][1]),
        ("gunicorn", signal.SIGTERM, [*PREPARED, "image.upload ERROR"]),
    ],
)
def test_a_worker_that_ends_in_good_order_tells_how_glance_ended_its_import(
    stage: Stage, in_good_order: int, expected: list[str]
) -> None:
    file = "/slow-good"
    who, _ = FILES[file]
    stage.imports(file, who)
    stage.consumer.wait(lambda: stage.told(file) == PREPARED, 60)
    stage.consumer.wait(lambda: False, 5)  # the next look-up is some seconds away
    stage.end_worker(in_good_order)
    stage.web.release(file)
    stage.consumer.wait(lambda: len(stage.told(file)) > 1, 60)
    stage.consumer.wait(lambda: False, 3)  # nothing more comes
    assert stage.told(file) == expected, stage.of(file)
    assert not any(each.is_unknown for each in stage.of(file))


@takes_long
@pytest.mark.parametrize(
    ("mercy", "let_go_after", "patience"), [(None, None, 60), (5, None, 5), (30, 10, 30)]
)
def test_a_reload_waits_for_an_import_as_long_as_worker_reload_mercy_lets_it(
    stage: Stage, let_go_after: int | None, patience: int, tmp_path: Path
) -> None:
    """60 s, where nothing else is said: then the worker is killed."""
    file = "/slow-good"
    stage.imports(file, ALICE)
    stage.consumer.wait(lambda: stage.told(file) == PREPARED, 60)
    (worker,) = stage.server.workers()
    (tmp_path / RELOAD).touch()
    reloaded = time.monotonic()
    if let_go_after is not None:
        stage.consumer.wait(lambda: False, let_go_after)
        assert stage.told(file) == PREPARED
        stage.web.release(file)
    stage.consumer.wait(lambda: len(stage.told(file)) > 1, patience + 30)
    took = time.monotonic() - reloaded
    stage.consumer.wait(lambda: False, 3)  # nothing more comes
    assert worker not in stage.server.workers()
    if let_go_after is not None:
        assert stage.told(file) == FILES[file][1]
    else:
        assert stage.told(file) == [*PREPARED, "image.upload ERROR"]
        assert stage.of(file)[-1].is_unknown
        assert patience <= took < patience + 20
