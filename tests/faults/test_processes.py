"""Processes of the server die, end, and begin: what a client was answered is told."""

import re
import shutil
import time
from pathlib import Path

import pytest

from tests.faults.caller import write_dead_process
from tests.faults.faults import under_each
from tests.faults.load import Ledger, Load
from tests.faults.stage import Stage
from tests.faults.trial import Trial
from tests.faults.ways import by_each
from tests.long_runs import ALL_FAULTS, takes_long

ROUNDS = 4 if ALL_FAULTS else 1


@by_each
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_nothing_is_lost_when_workers_are_killed(trial: Trial, relay: str) -> None:
    """Under uWSGI, by each way."""
    _kill_workers(trial, relay=relay)


@under_each(13, but=["uWSGI"])
def test_nothing_is_lost_when_workers_of_a_server_are_killed(trial: Trial, kind: str) -> None:
    _kill_workers(trial, kind=kind)


def _kill_workers(trial: Trial, *, kind: str = "uWSGI", relay: str = "thread") -> None:
    with trial.stage(kind=kind, relay=relay) as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(4 * ROUNDS + 1):
                time.sleep(0.4)
                stage.kill_a_worker()
            if relay == "thread":
                stage.kill_the_leader()
            time.sleep(0.5)
        trial.judge(13, ledger, more=f"relay = {relay}")


@by_each
@takes_long
def test_what_the_leader_had_in_hand_when_it_died_is_sent_by_the_next(trial: Trial) -> None:
    proxy = trial.proxy()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(ROUNDS + 1):
                time.sleep(1)
                stage.kill_the_leader()
            time.sleep(1)
        proxy.open()
        trial.judge(13, ledger, more="without a broker")


@under_each(14)
def test_nothing_is_lost_when_all_workers_are_killed_at_once(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(2)
                stage.kill_workers()
            time.sleep(2)
        trial.judge(14, ledger)


@under_each(15)
def test_nothing_is_lost_when_master_and_workers_are_killed_at_once(
    trial: Trial, kind: str
) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                stage.kill()
                stage.start()
        trial.judge(15, ledger)


@under_each(16)
def test_nothing_is_lost_when_the_server_ends_in_good_order(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                stage.stop()
                stage.start()
            time.sleep(1)
        trial.judge(16, ledger)


@under_each(17)
def test_a_process_that_is_frozen_holds_up_no_other(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            leader = stage.wait_for_leader()
            others = [each for each in stage.server.workers() if each != leader]
            for each in (*others[:1], leader):
                ledger.stopped.add(each)
                with stage.frozen(each):
                    time.sleep(4)
                time.sleep(1)
        trial.judge(17, ledger)


@under_each(34)
def test_another_leads_though_a_child_of_the_dead_leader_has_its_files_open(
    trial: Trial, kind: str
) -> None:
    with trial.stage(kind=kind, environ={"FORKS": "1"}) as stage:
        with Load(stage.port, kills=True) as ledger:
            time.sleep(2)
            leader = stage.wait_for_leader()
            stage.wait_until(lambda: f"process {leader} has forked" in stage.log_text())
            stage.kill_the_leader()
            if kind == "waitress":
                stage.start()
            time.sleep(2)
        trial.judge(34, ledger)
        (child,) = re.findall(rf"process {leader} has forked (\d+)", stage.log_text())
        assert Path(f"/proc/{child}").exists()
        assert stage.leader() not in (None, leader)


@by_each
@takes_long
@pytest.mark.parametrize("relay", ["thread", "external"])
def test_what_was_delivered_when_the_leader_died_comes_again_with_the_same_ids(
    trial: Trial, relay: str
) -> None:
    with trial.stage(relay=relay) as stage:
        with Load(stage.port, rate=250, kills=True) as ledger:
            for _ in range(3 * ROUNDS):
                stage.wait_for_leader()
                time.sleep(1)  # it delivers
                stage.kill_the_leader()
                if relay == "external":
                    stage.stop_relay()
                    stage.start_relay()
            time.sleep(0.5)
        tally = trial.judge(32, ledger, more=f"relay = {relay}")
        assert tally.repeated > 0


@under_each(24)
def test_processes_that_are_forked_from_a_loaded_one_lose_nothing(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port, kills=True) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                stage.kill_a_worker()
            stage.kill_the_leader()
            time.sleep(1)
        trial.judge(24, ledger)


@under_each(25)
def test_without_threads_a_warning_says_so_and_all_is_sent_once_there_are_some(
    trial: Trial, kind: str
) -> None:
    with trial.stage(kind=f"{kind} without threads") as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
        assert (
            stage.log_text().count("start it with --enable-threads, or set relay = external") == 4
        )
        stage.stop()
    with trial.stage(kind=kind):  # of the same journal
        trial.judge(25, ledger)


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    """A journal that processes have left behind which are gone, and what it owes."""
    folder = tmp_path_factory.mktemp("backlog")
    before = Stage(folder, relay="external", notifier_strategy="rabbit", rabbit_port="1")
    return before.journal, write_dead_process(before, processes=2, events=100)


@under_each(37, always=["uWSGI prefork", "gunicorn preload"])
def test_a_backlog_arrives_without_a_request(
    trial: Trial, backlog: tuple[Path, Ledger], kind: str
) -> None:
    journal, ledger = backlog
    stage = trial.stage(kind=kind, processes=2)
    shutil.copytree(journal, stage.journal)
    with stage:
        trial.judge(37, ledger)


@takes_long
def test_a_long_backlog_holds_up_no_request(trial: Trial) -> None:
    proxy = trial.proxy()
    stage = trial.stage(hosts=f"127.0.0.1:{proxy.port}", relay="external")
    before = write_dead_process(stage, processes=4, events=15_000)
    proxy.open()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port) as ledger:
            time.sleep(5)
        ledger.earlier = before.owed
        trial.judge(36, ledger, is_quick=True)


@takes_long
def test_a_wall_clock_that_goes_back_disturbs_nothing(trial: Trial) -> None:
    with trial.stage(environ={"CLOCK_JUMP": "4"}) as stage:
        with Load(stage.port) as ledger:
            time.sleep(8)
        tally = trial.judge(38, ledger, is_quick=True)
    first, last = tally.arrivals[0].timestamp, tally.arrivals[-1].timestamp
    assert last < first  # it did go back
