"""Processes of the server die, end, and begin: what a client was answered is told."""

import shutil
import time
from pathlib import Path

import pytest

from tests.faults.caller import Caller
from tests.faults.load import LIFE, Answered, Ledger, Load
from tests.faults.servers import SERVERS
from tests.faults.stage import Stage
from tests.faults.trial import Trial
from tests.faults.ways import ALL, by_each, with_all

ROUNDS = 8 if ALL else 1


@by_each
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=with_all)])
def test_nothing_is_lost_when_workers_are_killed(trial: Trial, relay: str) -> None:
    with trial.stage(relay=relay) as stage:
        with Load(stage.port) as ledger:
            for _ in range(2 * ROUNDS + 1):
                time.sleep(0.4)
                stage.kill_a_worker()
            if relay == "thread":
                stage.kill_the_leader()
            time.sleep(0.5)
        trial.judge(13, ledger, more=f"relay = {relay}")


@by_each
def test_what_the_leader_had_in_hand_when_it_died_is_sent_by_the_next(trial: Trial) -> None:
    proxy = trial.proxy()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port) as ledger:
            for _ in range(ROUNDS + 1):
                time.sleep(1)
                stage.kill_the_leader()
            time.sleep(1)
        proxy.open()
        trial.judge(13, ledger, more="without a broker")


@with_all
def test_nothing_is_lost_when_all_workers_are_killed_at_once(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(ROUNDS):
                time.sleep(2)
                stage.kill_workers()
            time.sleep(2)
        trial.judge(14, ledger)


@with_all
def test_nothing_is_lost_when_master_and_workers_are_killed_at_once(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                stage.kill()
                stage.start()
        trial.judge(15, ledger)


def test_nothing_is_lost_when_the_server_ends_in_good_order(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(4 if ALL else 1):
                time.sleep(1)
                stage.stop()
                stage.start()
            time.sleep(1)
        trial.judge(16, ledger)


@by_each
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=with_all)])
def test_what_was_delivered_when_the_leader_died_comes_again_with_the_same_ids(
    trial: Trial, relay: str
) -> None:
    with trial.stage(relay=relay) as stage:
        with Load(stage.port, rate=250) as ledger:
            for _ in range(2 * ROUNDS + 1):
                time.sleep(1)
                stage.kill_the_leader()
                if relay == "external":
                    stage.stop_relay()
                    stage.start_relay()
            time.sleep(0.5)
        tally = trial.judge(32, ledger, more=f"relay = {relay}")
        assert tally.repeated > 0


@with_all
@pytest.mark.parametrize("kind", ["uWSGI prefork", "gunicorn preload"])
def test_processes_that_are_forked_from_a_loaded_one_lose_nothing(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port) as ledger:
            for _ in range(ROUNDS):
                time.sleep(1)
                stage.kill_a_worker()
            stage.kill_the_leader()
            time.sleep(1)
        trial.judge(24, ledger, more=kind)


@pytest.fixture(scope="module")
def backlog(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ledger]:
    """A journal that processes have left behind which are gone, and what it owes."""
    folder = tmp_path_factory.mktemp("backlog")
    before = Stage(folder, relay="external", notifier_strategy="rabbit", rabbit_port="1")
    ledger = Ledger()
    for process in range(2):
        with Caller(before.paste_file, before.log) as caller:
            for number in range(process * 100, process * 100 + 100):
                caller.call([request_id := f"backlog/{number}"])
                ledger.answered.append(Answered(request_id, LIFE[0], 0.0, 0.0))
    return before.journal, ledger


@pytest.mark.parametrize("kind", SERVERS)
def test_a_backlog_arrives_without_a_request(
    trial: Trial, backlog: tuple[Path, Ledger], kind: str
) -> None:
    journal, ledger = backlog
    stage = trial.stage(kind=kind, processes=2)
    shutil.copytree(journal, stage.journal)
    with stage:
        trial.judge(37, ledger, more=kind)


@with_all
def test_a_wall_clock_that_goes_back_disturbs_nothing(trial: Trial) -> None:
    with trial.stage(environ={"CLOCK_JUMP": "4"}) as stage:
        with Load(stage.port, life=LIFE) as ledger:
            time.sleep(8)
        tally = trial.judge(38, ledger, is_quick=True)
    first, last = tally.arrivals[0].timestamp, tally.arrivals[-1].timestamp
    assert last < first  # it did go back
