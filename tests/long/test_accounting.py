"""The broker is stopped under load, and workers are killed: every number of the node is right."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from prometheus_client.parser import text_string_to_metric_families

from demo.rabbit import Rabbit
from tests.commands.running import glance_notify
from tests.faults.arrivals import Consumer
from tests.faults.client_load import Load, Operation
from tests.faults.deployment import Deployment
from tests.faults.tested_strategies import RABBIT
from tests.long_runs import takes_long

PROCESSES = 6
AWAY = 60.0
"""Seconds for which the broker is stopped."""
BETWEEN = 10.0
"""Seconds between two looks."""
AROUND = 10.0
"""Seconds of load before the broker is stopped, and after it is started again."""
WITHIN = 2.0
"""Seconds within which all counts agree."""


class CountedLoad(Load):
    """A load that counts what it asks for: `most` notifications can have been recorded so far."""

    def __init__(self, port: int) -> None:
        super().__init__(port, kills=True)
        self.most = 0
        self._lock = threading.Lock()

    def _ask(self, request_id: str, image: str, operation: Operation) -> None:
        with self._lock:
            self.most += len(operation.events)
        super()._ask(request_id, image, operation)

    def least(self, until: float) -> int:
        """How many must have been recorded for what was answered before that time."""
        answered = [each for each in list(self.ledger.answered) if each.ended < until]
        return sum(len(each.operation.events) for each in answered)


class Counts(NamedTuple):
    """What one command says of the node and its target."""

    recorded: int
    dropped: int
    delivered: int
    dead_letters: int
    lost: int
    pending: int


def by_status(deployment: Deployment) -> Counts:
    ended = glance_notify("status", deployment.paste_file, "--filter", "notify", "-f", "json")
    assert not ended.stderr, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout)
    (target,) = found["targets"]
    return Counts(
        found["recorded"],
        sum(found["dropped"].values()),
        target["delivered"],
        target["dead_letters"],
        sum(target["lost"].values()),
        target["pending"],
    )


def by_metrics(deployment: Deployment) -> Counts:
    ended = glance_notify("metrics", deployment.paste_file, "--filter", "notify")
    assert not ended.stderr, ended.stderr
    sums = {
        family.name: sum(sample.value for sample in family.samples)
        for family in text_string_to_metric_families(ended.stdout)
    }
    return Counts(*(int(sums[f"glance_notify_{name}"]) for name in Counts._fields))


def look(load: CountedLoad, deployment: Deployment, read: Callable[[Deployment], Counts]) -> Counts:
    """Compare what a command says with the test's own count."""
    least = load.least(time.monotonic() - WITHIN)
    counts = read(deployment)
    assert least <= counts.recorded <= load.most
    assert counts.recorded == (
        counts.delivered + counts.dead_letters + counts.lost + counts.pending
    ), counts
    assert counts.dropped == counts.lost == counts.dead_letters == 0
    return counts


def look_for(seconds: float, load: CountedLoad, deployment: Deployment) -> list[Counts]:
    """Look again and again, by both commands. Returns what they said."""
    end = time.monotonic() + seconds
    found = []
    while (due := time.monotonic() + BETWEEN) and time.monotonic() < end:
        found += [look(load, deployment, read) for read in (by_status, by_metrics)]
        assert found[-2].recorded <= found[-1].recorded
        time.sleep(max(min(due, end) - time.monotonic(), 0.0))
    return found


def drained(deployment: Deployment) -> Counts:
    """Wait until all is delivered; then both commands say the same, which is returned."""
    ended = glance_notify(
        *("drain", deployment.paste_file, "--filter", "notify", "--timeout", "5m"), timeout=400
    )
    assert ended.returncode == 0, ended
    counts = by_metrics(deployment)
    assert by_status(deployment) == counts
    assert counts.pending == 0
    assert counts.recorded == counts.delivered
    return counts


def arrived(rabbit: Rabbit, vhost: str) -> int:
    """How many notifications are in the queues, each counted once; takes them out."""
    with Consumer(rabbit, vhost) as consumer:
        quiet = time.monotonic() + 1.0
        count = 0

        def is_quiet() -> bool:
            nonlocal quiet, count
            if len(consumer.arrivals) > count:
                quiet, count = time.monotonic() + 1.0, len(consumer.arrivals)
            return time.monotonic() > quiet

        consumer.wait(is_quiet, 300)
        return len({arrival.message_id for arrival in consumer.arrivals})


@takes_long
def test_counts_hold_while_the_broker_is_stopped_and_workers_are_killed(
    rabbit: Rabbit, vhost: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = RABBIT.lines(
        hosts=f"127.0.0.1:{rabbit.port}", vhost=vhost, user="guest", password="guest"
    )
    with Deployment(tmp_path / "deployment", processes=PROCESSES, **lines) as deployment:  # type: ignore[arg-type]
        load = CountedLoad(deployment.port)
        with load:
            look_for(AROUND, load, deployment)
            rabbit.kill()
            try:
                before = look(load, deployment, by_status)
                for _ in range(2):
                    look_for(AWAY / 3, load, deployment)
                    deployment.kill_worker()
                (*_, after) = look_for(AWAY / 3, load, deployment)
                assert after.delivered == before.delivered
                assert after.pending > before.pending
            finally:
                rabbit.start()
            look_for(AROUND, load, deployment)
        counts = drained(deployment)
        assert load.least(time.monotonic()) <= counts.recorded <= load.most
        assert counts.recorded == arrived(rabbit, vhost)

        deployment.stop()
        assert by_status(deployment) == by_metrics(deployment) == counts
        deployment.start()
        more = CountedLoad(deployment.port)
        with more:
            time.sleep(AROUND)
        counts_then = drained(deployment)
        assert counts_then.recorded - counts.recorded == arrived(rabbit, vhost)
        assert counts_then.recorded - counts.recorded == more.least(time.monotonic())
    with capsys.disabled():
        print(f"\n{counts}\n{counts_then}")
