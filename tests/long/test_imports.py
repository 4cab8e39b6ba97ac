"""A worker ends in the middle of imports.

A killed worker: imports that had ended have their events, the others an unknown outcome. A worker
that ends in good order: each import has the events of how it ended.
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
from tests.faults.arrivals import Arrival, Consumer
from tests.glance.web import Web
from tests.long.conftest import rabbit_section
from tests.long_runs import takes_long
from tests.servers.server_kinds import SERVERS

_MORE = """
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = [{port}]
"""

RELOAD = "reload"  # the file that makes uWSGI reload its workers when it is touched
NEW = {"name": "n", "disk_format": "raw", "container_format": "bare"}
PREPARED = ["image.prepare INFO"]
FILES = {  # each file with the user who imports it, and the events besides image.create
    "/slow-good": (ALICE, [*PREPARED, "image.upload INFO", "image.activate INFO"]),
    "/slow-and-short": (BOB, [*PREPARED, "image.upload ERROR"]),
    "/slow-cut": (CAROL, [*PREPARED, "image.upload ERROR"]),
    "/slow-cut-too": (ALICE, [*PREPARED, "image.upload ERROR"]),
}


class ImportingGlance:
    """A Glance with one worker that imports, and the messages of its filter that arrive."""

    def __init__(self, server: Server, keystone: Keystone, web: Web, consumer: Consumer) -> None:
        self.server, self.web, self.consumer = server, web, consumer
        self._keystone = keystone
        self._accepted: dict[str, str] = {}  # request ids, by file

    def begin_import(self, file: str, who: Person) -> None:
        """Begin an import, and wait until Glance waits for the rest of the file."""
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

    def arrivals(self, file: str) -> list[Arrival]:
        """The messages of the import of a file, without repeats."""
        request_id = self._accepted[file]
        of_file = [found for found in self.consumer.arrivals if found.request_id == request_id]
        return list({arrival.message_id: arrival for arrival in of_file}.values())

    def events(self, file: str) -> list[str]:
        """The events of the import of a file."""
        return [arrival.event for arrival in self.arrivals(file)]

    def end_worker(self, number: int) -> None:
        """Send the worker the signal `number`."""
        (worker,) = self.server.workers()
        os.kill(worker, number)


@pytest.fixture
def server() -> str:
    """The kind of server; a test may choose another."""
    return "uWSGI"


@pytest.fixture
def mercy() -> int | None:
    """worker-reload-mercy of uWSGI, in seconds; None: uWSGI's default."""
    return None


@pytest.fixture
def importing(
    rabbit: Rabbit, vhost: str, tmp_path: Path, server: str, mercy: int | None
) -> Iterator[ImportingGlance]:
    kind = SERVERS[server]
    if server == "uWSGI":
        (tmp_path / RELOAD).touch()
        options = ["--touch-workers-reload", str(tmp_path / RELOAD)]
        options += [] if mercy is None else ["--worker-reload-mercy", str(mercy)]
        kind = kind._replace(command=(*kind.command, *options))
    section = rabbit_section(rabbit, vhost, tmp_path / "journal")
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
            yield ImportingGlance(serving, keystone, web, consumer)


def test_killed_worker_leaves_the_events_of_ended_imports_and_one_error_for_each_cut_one(
    importing: ImportingGlance,
) -> None:
    for file, (who, _) in FILES.items():
        importing.begin_import(file, who)

    def have_ended(*files: str) -> bool:
        return all(importing.events(file)[-1:] == FILES[file][1][-1:] for file in files)

    importing.consumer.wait(lambda: all(importing.events(file) == PREPARED for file in FILES), 60)
    for file in ("/slow-good", "/slow-and-short"):
        importing.web.release(file)
        importing.consumer.wait(functools.partial(have_ended, file), 60)
    importing.end_worker(signal.SIGKILL)
    importing.consumer.wait(lambda: have_ended(*FILES), 60)
    importing.consumer.wait(lambda: False, 3)  # nothing more comes

    for file, (who, expected) in FILES.items():
        assert importing.events(file) == expected, (file, importing.arrivals(file))
        assert importing.arrivals(file)[-1].is_unknown == ("cut" in file), file
        assert {(arrival.project_id, arrival.user_id) for arrival in importing.arrivals(file)} == {
            (who.project_id, who.user_id)
        }


# uWSGI's worker waits for Glance, and Glance for its import. In gunicorn's worker the interpreter
# refuses Glance the threads for the next step of the import (concurrent.futures: "cannot schedule
# new futures after shutdown"), so that the import fails.
@pytest.mark.parametrize(
    ("server", "in_good_order", "expected"),
    [
        ("uWSGI", signal.SIGHUP, FILES["/slow-good"][1]),
        ("gunicorn", signal.SIGTERM, [*PREPARED, "image.upload ERROR"]),
    ],
)
def test_worker_that_ends_in_good_order_emits_the_events_of_how_its_import_ended(
    importing: ImportingGlance, in_good_order: int, expected: list[str]
) -> None:
    file = "/slow-good"
    who, _ = FILES[file]
    importing.begin_import(file, who)
    importing.consumer.wait(lambda: importing.events(file) == PREPARED, 60)
    importing.consumer.wait(lambda: False, 5)  # the next look-up is seconds away
    importing.end_worker(in_good_order)
    importing.web.release(file)
    importing.consumer.wait(lambda: len(importing.events(file)) > 1, 60)
    importing.consumer.wait(lambda: False, 3)  # nothing more comes
    assert importing.events(file) == expected, importing.arrivals(file)
    assert not any(arrival.is_unknown for arrival in importing.arrivals(file))


@takes_long
@pytest.mark.parametrize(
    ("mercy", "let_go_after", "patience"), [(None, None, 60), (5, None, 5), (30, 10, 30)]
)
def test_reload_waits_for_an_import_as_long_as_worker_reload_mercy_allows(
    importing: ImportingGlance, let_go_after: int | None, patience: int, tmp_path: Path
) -> None:
    """After that time, 60 s by default, uWSGI kills the worker."""
    file = "/slow-good"
    importing.begin_import(file, ALICE)
    importing.consumer.wait(lambda: importing.events(file) == PREPARED, 60)
    (worker,) = importing.server.workers()
    (tmp_path / RELOAD).touch()
    reloaded = time.monotonic()
    if let_go_after is not None:
        importing.consumer.wait(lambda: False, let_go_after)
        assert importing.events(file) == PREPARED
        importing.web.release(file)
    importing.consumer.wait(lambda: len(importing.events(file)) > 1, patience + 30)
    took = time.monotonic() - reloaded
    importing.consumer.wait(lambda: False, 3)  # nothing more comes
    assert worker not in importing.server.workers()
    if let_go_after is not None:
        assert importing.events(file) == FILES[file][1]
    else:
        assert importing.events(file) == [*PREPARED, "image.upload ERROR"]
        assert importing.arrivals(file)[-1].is_unknown
        assert patience <= took < patience + 20
