"""Workers of a real Glance are killed at random moments under load: no operation is without an
event."""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo import glance
from demo.glance import UWSGI, Server, ServerKind
from demo.keystone import ALICE, Keystone
from demo.rabbit import Rabbit
from tests.faults.arrivals import Consumer
from tests.faults.servers import ROOT
from tests.long import noting_filter, page, verdict
from tests.long.conftest import rabbit_section
from tests.long.life_clients import LifeClients
from tests.long_runs import LONG
from tests.markdown import markdown

KILLS = 200 if LONG else 8
PROCESSES = 4

_PREFORK = ServerKind(
    (
        *(word for word in UWSGI.command if word != "--lazy-apps"),
        *("--forkbomb-delay", "0", "--disable-logging"),
    ),
    UWSGI.loaded,
)
"""A new worker is forked: to load Glance again would take seconds."""

_NOTING = """
[filter:noting]
paste.filter_factory = tests.long.noting_filter:filter_factory
"""

_DATABASE = """
[database]
connection = sqlite:///{folder}/glance.db?timeout=30
sqlite_synchronous = false
"""


@pytest.fixture
def served(
    rabbit: Rabbit, vhost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Server, str]]:
    """A Glance with both filters, and a token for it."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("NOTED_FILE", str(tmp_path / "noted"))
    section = rabbit_section(rabbit, vhost, tmp_path / "journal") + _NOTING
    paste = glance.paste_file(section=section).replace(" notify rootapp", " notify noting rootapp")
    with Keystone() as keystone:
        more = _DATABASE.format(folder=tmp_path)
        configuration = glance.lay_out(tmp_path, keystone.url, paste=paste, more=more)
        with contextlib.closing(sqlite3.connect(tmp_path / "glance.db")) as database:
            database.execute("PRAGMA journal_mode = WAL")
        log = tmp_path / "glance.log"
        with Server(configuration, log, processes=PROCESSES, kind=_PREFORK) as server:
            yield server, keystone.token(ALICE)


def _kill_one(server: Server) -> None:
    """Kill a worker, as soon as there is one: the master may be about to fork them again."""
    while not (workers := server.workers()):
        time.sleep(0.01)
    os.kill(random.choice(workers), signal.SIGKILL)


def test_killed_workers_leave_no_operation_without_an_event(
    rabbit: Rabbit,
    vhost: str,
    served: tuple[Server, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server, token = served
    with LifeClients(server.port, token) as seen:
        time.sleep(1)
        for _ in range(KILLS):
            time.sleep(random.uniform(0.1, 0.7))
            _kill_one(server)
        time.sleep(1)

    noted = noting_filter.read(tmp_path / "noted")
    with Consumer(rabbit, vhost) as consumer:
        quiet, count, look = time.monotonic(), 0, 0.0
        last = verdict.judge(seen, noted, [])

        def is_enough() -> bool:
            nonlocal quiet, count, look, last
            now = time.monotonic()
            if len(consumer.arrivals) > count:
                quiet, count = now, len(consumer.arrivals)
            if now < look:
                return False
            look = now + 0.5
            last = verdict.judge(seen, noted, consumer.arrivals)
            return now - quiet > (30 if last.faults else 2)

        consumer.wait(is_enough, 600)
    rows = [("kills", f"{KILLS}"), ("messages", f"{count:,}")]
    rows += [(outcome, f"{number:,}") for outcome, number in sorted(last.counts.items())]
    with capsys.disabled():
        print(f"\n{markdown(page.COLUMNS, rows)}")
    assert not last.faults, last.faults[:5]
    assert last.counts["cut: outcome unknown"] > 0
    if LONG:
        page.write("kills", rows, rabbit)
