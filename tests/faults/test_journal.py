"""Files of the journal are damaged: what can be read is delivered, and the rest is counted."""

import os
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.arrivals import compare, drain
from tests.faults.caller import call_in_turn, dies_in_its_event, record_by_dead_processes
from tests.faults.client_load import Ledger, Load
from tests.faults.deployment import Deployment
from tests.faults.fault_run import FaultRun
from tests.long_runs import takes_long

pytestmark = takes_long

PROCESSES = 6
EVENTS = 60  # of each
CRASHES = 5000


def test_noise_in_place_of_the_cursors_loses_nothing(fault_run: FaultRun) -> None:
    with fault_run.deployment() as deployment:
        cursors = deployment.journal / "cursors.json"
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(6):
                time.sleep(1)
                cursors.write_bytes(random.randbytes(random.randrange(300)))
                deployment.kill_leader()
            time.sleep(1)
        tally = fault_run.check(20, ledger, more="while it runs")
        assert tally.repeated > 0


def test_noise_in_place_of_the_cursors_at_rest_sends_all_again(fault_run: FaultRun) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        deployment.kill()
        (deployment.journal / "cursors.json").write_bytes(random.randbytes(200))
        deployment.start()
        tally = fault_run.check(20, ledger, more="at rest")
        assert tally.repeated > 0


@pytest.mark.parametrize("where", ["in the middle", "at the tail", "anywhere"])
def test_lost_events_of_damaged_segments_are_counted_exactly(
    fault_run: FaultRun, where: str
) -> None:
    deployment = fault_run.deployment(relay="external")
    ledger = record_by_dead_processes(deployment, processes=PROCESSES, events=EVENTS)
    for segment in deployment.segments():
        _damage(segment, where)
    deployment.start_relay()
    tally = fault_run.check(21, ledger, more=where, seconds=5, may_miss=True)
    deployment.wait_until(lambda: len(deployment.segments()) == 1)  # that of the relay itself
    counted = re.findall(r"(\d+) notifications are lost", deployment.log_text())
    assert sum(map(int, counted)) == len(tally.missing)
    assert tally.missing


def test_segments_of_a_crash_loop_are_delivered_and_hold_up_no_request(fault_run: FaultRun) -> None:
    before = fault_run.deployment(relay="external")
    ledger = _crash(before, "die", [f"crash{n}/{n % 2}" for n in range(CRASHES)])
    assert len(before.segments()) == CRASHES
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as now:
            time.sleep(5)
        now.earlier = ledger.expected
        fault_run.check(39, now, is_quick=True)
        # It goes on like this: the leader holds 64 locks of dead processes at a time.
        deployment.wait_until(lambda: len(deployment.segments()) < CRASHES - 500, 120)


def test_torn_entry_of_a_killed_process_hides_no_other_entry(fault_run: FaultRun) -> None:
    before = fault_run.deployment(relay="external")
    ledger = _crash(before, "die in a write", [f"crash{n}/0" for n in range(500)])
    torn = {
        f"{request.request_id.removesuffix('0')}1"
        for request in ledger.answered
        if dies_in_its_event(request.request_id)
    }
    ledger.earlier = {(request_id, "image.send ERROR") for request_id in torn}
    with fault_run.deployment() as deployment:
        tally = fault_run.check(41, ledger)
        unknown = {arrival.request_id for arrival in tally.arrivals if arrival.is_unknown}
        assert unknown == torn
        assert "notifications are lost" not in deployment.log_text()


def _crash(deployment: Deployment, how: str, request_ids: Sequence[str]) -> Ledger:
    """Have processes record one event each and die; returns the ledger of these events."""
    return Ledger(answered=call_in_turn(deployment, how, request_ids))


def test_entries_of_a_newer_version_wait_for_its_relay_and_the_rest_is_delivered(
    fault_run: FaultRun,
) -> None:
    journal = str(fault_run.folder / "journal")
    old = fault_run.deployment("old", processes=2, journal_dir=journal)
    new = fault_run.deployment("new", processes=2, journal_dir=journal, environ={"NEWER": "1"})
    with old:
        old.wait_for_leader()
        with new:
            with Load(old.port, new.port) as ledger:
                time.sleep(3)
            new.stop()
        arrived = drain(fault_run.rabbit, fault_run.vhost, ledger.expected, 3)
        assert 0 < len(compare(ledger.expected, arrived).missing) < len(ledger.expected)
        assert old.log_text().count("of a newer version, and waits for its relay") == 2
        old.stop()
    with new:
        fault_run.check(44, ledger, before=arrived, in_order=False)


def _damage(segment: Path, where: str) -> None:
    """Overwrite a few bytes, or a few entries."""
    size = segment.stat().st_size
    length = random.choice([1, 100, 5000])
    at = {
        "in the middle": random.randrange(size // 3, size // 2),
        "at the tail": size - length,
        "anywhere": random.randrange(size - length),
    }[where]
    with segment.open("r+b") as file:
        file.seek(at)
        old = file.read(length)
        file.seek(at)
        file.write(bytes(byte ^ 0x55 for byte in old))
        os.fsync(file.fileno())
