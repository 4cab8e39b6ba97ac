"""A real Glance under Apache's mod_wsgi has the same events as under other servers."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from demo import glance
from demo.glance import Server
from demo.keystone import ALICE, Keystone
from tests.glance.web import Web
from tests.journal.processes import eventually
from tests.long import apache
from tests.long_runs import takes_long
from tests.servers.client import NEW, Client
from tests.servers.test_servers import EVENTS, SIZE, Cases, LogWatch

pytestmark = takes_long

_MORE = """
[import_filtering_opts]
allowed_hosts = [127.0.0.1]
allowed_ports = [{port}]
"""
COLUMN = 1  # of EVENTS: the events are those under gunicorn


@pytest.fixture
def web() -> Iterator[Web]:
    with Web() as web:
        yield web


@pytest.fixture
def keystone() -> Iterator[Keystone]:
    reason = apache.missing()
    if reason is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    with Keystone() as keystone:
        yield keystone


@pytest.fixture
def configuration(tmp_path: Path, web: Web, keystone: Keystone) -> Path:
    section = f"{glance.NOTIFY_SECTION}log_file = {tmp_path}/notifications\n"
    return glance.lay_out(
        tmp_path,
        keystone.url,
        paste=glance.paste_file(section=section),
        default=f"image_size_cap = {SIZE}\nenabled_import_methods = [web-download]",
        more=_MORE.format(port=web.port),
    )


def test_mod_wsgi_has_the_expected_events(
    tmp_path: Path, configuration: Path, keystone: Keystone, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = LogWatch(tmp_path / "notifications")
    kind = apache.mod_wsgi(tmp_path / "apache")
    with Server(configuration, tmp_path / "log", kind=kind) as server:
        cases = Cases(Client(server, keystone), watch, COLUMN)
        cases.play()
    with capsys.disabled():
        print("\nUnder mod_wsgi:")
        for case, events in cases.events.items():
            print(f"  {case:<38} {events}")
    assert cases.events == {case: events[COLUMN] for case, events in EVENTS.items()}


def test_import_is_followed_under_mod_wsgi(
    tmp_path: Path, configuration: Path, keystone: Keystone, web: Web
) -> None:
    watch = LogWatch(tmp_path / "notifications")
    headers = {"X-Auth-Token": keystone.token(ALICE)}
    kind = apache.mod_wsgi(tmp_path / "apache")
    with Server(configuration, tmp_path / "log", kind=kind) as server:
        images = f"{server.url}/v2/images"
        image = requests.post(images, json=NEW, headers=headers).json()["id"]
        body = {"method": {"name": "web-download", "uri": f"{web.url}/good"}}
        answer = requests.post(f"{images}/{image}/import", json=body, headers=headers)
        assert answer.status_code == 202, answer.text
        expected = "create INFO, prepare INFO, upload INFO, activate INFO"
        assert watch.new(expected) == expected


@pytest.mark.parametrize("loads_at_start", [False, True])
def test_process_begins_with_its_first_request_unless_it_loads_at_start(
    tmp_path: Path, configuration: Path, keystone: Keystone, loads_at_start: bool
) -> None:
    kind = apache.mod_wsgi(tmp_path / "apache", loads_at_start=loads_at_start)
    with Server(configuration, tmp_path / "log", kind=kind) as server:

        def has_begun() -> bool:
            return "notifications go to" in server.log_text()

        if loads_at_start:
            eventually(has_begun, 60)
        else:
            time.sleep(10)
            assert not has_begun()
            requests.get(server.url)
            assert has_begun()
