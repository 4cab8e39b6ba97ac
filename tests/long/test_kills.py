"""Workers of a real Glance are killed at random moments under load: no operation is without an
event."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.glance import Server
from demo.keystone import ALICE
from demo.rabbit import Rabbit
from tests.faults.arrivals import Consumer
from tests.long import noting_filter, page, verdict
from tests.long.conftest import rabbit_section
from tests.long.life_clients import LifeClients
from tests.long.loaded_glance import loaded_glance, noted_file
from tests.long_runs import LONG
from tests.markdown import markdown

KILLS = 200 if LONG else 8


@pytest.fixture
def served(rabbit: Rabbit, vhost: str, tmp_path: Path) -> Iterator[tuple[Server, str]]:
    """A Glance with both filters, and a token for it."""
    section = rabbit_section(rabbit, vhost, tmp_path / "journal")
    with loaded_glance(tmp_path, section) as (server, keystone):
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

    noted = noting_filter.read(noted_file(tmp_path))
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
