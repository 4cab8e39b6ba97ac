"""Processes of the server die, end and begin: the events of all answers that were read arrive."""

import re
import shutil
import time
from pathlib import Path

import pytest

from tests.faults.caller import record_by_dead_processes
from tests.faults.client_load import Ledger, Load
from tests.faults.deployment import Deployment
from tests.faults.fault_run import FaultRun
from tests.faults.fault_table import under_each_server
from tests.faults.tested_strategies import for_each_broker, for_each_strategy
from tests.journal.processes import eventually
from tests.long_runs import ALL_FAULTS, takes_long

ROUNDS = 4 if ALL_FAULTS else 1


@for_each_strategy
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_killed_workers_lose_nothing(fault_run: FaultRun, relay: str) -> None:
    """Under uWSGI, with each strategy."""
    _kill_workers(fault_run, relay=relay)


@under_each_server(13, but=["uWSGI"])
def test_killed_workers_of_each_server_lose_nothing(fault_run: FaultRun, kind: str) -> None:
    _kill_workers(fault_run, kind=kind)


def _kill_workers(fault_run: FaultRun, *, kind: str = "uWSGI", relay: str = "thread") -> None:
    with fault_run.deployment(kind=kind, relay=relay) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(4 * ROUNDS + 1):
                time.sleep(0.4)
                deployment.kill_worker()
            if relay == "thread":
                deployment.kill_leader()
            time.sleep(0.5)
        fault_run.check(13, ledger, more=f"relay = {relay}")


@for_each_strategy
@takes_long
def test_window_of_a_killed_leader_is_sent_by_the_next_leader(fault_run: FaultRun) -> None:
    proxy = fault_run.proxy()
    with fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}") as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(ROUNDS + 1):
                time.sleep(1)
                deployment.kill_leader()
            time.sleep(1)
        proxy.open()
        fault_run.check(13, ledger, more="without a broker")


@under_each_server(14)
def test_workers_that_are_killed_at_once_lose_nothing(fault_run: FaultRun, kind: str) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(2)
                deployment.kill_workers()
            time.sleep(2)
        fault_run.check(14, ledger)


@under_each_server(15)
def test_master_and_workers_that_are_killed_at_once_lose_nothing(
    fault_run: FaultRun, kind: str
) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                deployment.kill()
                deployment.start()
        fault_run.check(15, ledger)


@under_each_server(16)
def test_server_that_ends_in_good_order_loses_nothing(fault_run: FaultRun, kind: str) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                deployment.stop()
                deployment.start()
            time.sleep(1)
        fault_run.check(16, ledger)


@under_each_server(17)
def test_frozen_process_holds_up_no_other_process(fault_run: FaultRun, kind: str) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            leader = deployment.wait_for_leader()
            others = [worker for worker in deployment.server.workers() if worker != leader]
            for worker in (*others[:1], leader):
                ledger.stopped.add(worker)
                with deployment.frozen(worker):
                    time.sleep(4)
                time.sleep(1)
        fault_run.check(17, ledger)


@under_each_server(34)
def test_next_process_leads_although_a_child_of_the_dead_leader_has_its_files_open(
    fault_run: FaultRun, kind: str
) -> None:
    with fault_run.deployment(kind=kind, environ={"FORKS": "1"}) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            time.sleep(2)
            leader = deployment.wait_for_leader()
            deployment.wait_until(lambda: f"process {leader} has forked" in deployment.log_text())
            deployment.kill_leader()
            if kind == "waitress":
                deployment.start()
            time.sleep(2)
        fault_run.check(34, ledger)
        (child,) = re.findall(rf"process {leader} has forked (\d+)", deployment.log_text())
        assert Path(f"/proc/{child}").exists()
        assert deployment.leader() not in (None, leader)


@for_each_broker
@takes_long
@pytest.mark.parametrize("relay", ["thread", "external"])
def test_window_of_a_leader_that_died_after_delivery_comes_again_with_the_same_ids(
    fault_run: FaultRun, relay: str
) -> None:
    with fault_run.deployment(relay=relay) as deployment:
        with Load(deployment.port, rate=250, kills=True) as ledger:
            for _ in range(3 * ROUNDS):
                deployment.wait_for_leader()
                time.sleep(1)  # meanwhile it delivers
                deployment.kill_leader()
                if relay == "external":
                    deployment.stop_relay()
                    deployment.start_relay()
            time.sleep(0.5)
        tally = fault_run.check(32, ledger, more=f"relay = {relay}")
        assert tally.repeated > 0


@under_each_server(24)
def test_processes_that_are_forked_after_the_load_lose_nothing(
    fault_run: FaultRun, kind: str
) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                deployment.kill_worker()
            deployment.kill_leader()
            time.sleep(1)
        fault_run.check(24, ledger)


@under_each_server(25)
def test_server_without_threads_logs_a_warning_and_one_with_threads_delivers_all(
    fault_run: FaultRun, kind: str
) -> None:
    with fault_run.deployment(kind=f"{kind} without threads") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        warning = "start it with --enable-threads, or set relay = external"
        eventually(lambda: deployment.log_text().count(warning) == 4)
        deployment.stop()
    with fault_run.deployment(kind=kind):  # with the same journal
        fault_run.check(25, ledger)


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    """The journal of processes that are dead, and the ledger of its events."""
    folder = tmp_path_factory.mktemp("backlog")
    before = Deployment(folder, relay="external", notifier_strategy="rabbit", rabbit_port="1")
    return before.journal, record_by_dead_processes(before, processes=2, events=100)


@under_each_server(37, always=["uWSGI prefork", "gunicorn preload"])
def test_backlog_arrives_without_a_request(
    fault_run: FaultRun, backlog: tuple[Path, Ledger], kind: str
) -> None:
    journal, ledger = backlog
    deployment = fault_run.deployment(kind=kind, processes=2)
    shutil.copytree(journal, deployment.journal)
    with deployment:
        fault_run.check(37, ledger)


@takes_long
def test_long_backlog_holds_up_no_request(fault_run: FaultRun) -> None:
    proxy = fault_run.proxy()
    deployment = fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}", relay="external")
    before = record_by_dead_processes(deployment, processes=4, events=15_000)
    proxy.open()
    with fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(5)
        ledger.earlier = before.expected
        fault_run.check(36, ledger, is_quick=True)


@takes_long
def test_wall_clock_that_goes_back_loses_nothing(fault_run: FaultRun) -> None:
    with fault_run.deployment(environ={"CLOCK_JUMP": "4"}) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(8)
        tally = fault_run.check(38, ledger, is_quick=True)
    first, last = tally.arrivals[0].timestamp, tally.arrivals[-1].timestamp
    assert last < first  # the clock did go back
