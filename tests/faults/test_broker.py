"""The broker goes, and comes back: nothing is lost, and no request waits for it."""

import contextlib
import time

import pytest

from demo.ports import free_port
from tests.faults.load import Load
from tests.faults.tally import QUEUES
from tests.faults.trial import Trial
from tests.faults.ways import by_each
from tests.long_runs import ALL_FAULTS, takes_long

_PATIENCE = 10.0  # seconds that the strategy waits for an answer


@by_each
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_nothing_is_lost_when_the_broker_is_killed_under_load(trial: Trial, relay: str) -> None:
    with trial.stage(relay=relay) as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            for _ in range(3 if ALL_FAULTS else 1):
                time.sleep(1.5)
                trial.rabbit.kill()
                time.sleep(0.5)
                trial.rabbit.start()
            time.sleep(1)
        trial.judge(1, ledger, more=f"relay = {relay}", is_quick=True)


@by_each
@takes_long
def test_nothing_is_lost_when_the_broker_is_restarted_in_good_order(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            for _ in range(2):
                time.sleep(1.5)
                trial.rabbit.stop()
                trial.rabbit.start()
            time.sleep(1)
        trial.judge(2, ledger, is_quick=True)


@by_each
@takes_long
def test_nothing_is_lost_in_a_broker_that_is_frozen_for_long(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger, contextlib.ExitStack() as at_the_end:
            ledger.stay_calm()
            at_the_end.callback(trial.rabbit.thaw)
            trial.rabbit.freeze()
            time.sleep(3 * _PATIENCE)
        trial.judge(3, ledger, is_quick=True)


@takes_long
def test_nothing_is_lost_in_a_broker_that_is_frozen_and_then_killed(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            try:
                trial.rabbit.freeze()
                time.sleep(2 * _PATIENCE + 2)
            finally:
                trial.rabbit.kill()
                trial.rabbit.start()
        trial.judge(4, ledger, is_quick=True)


@takes_long
@pytest.mark.parametrize("then", ["", "killed"])
def test_nothing_is_lost_in_a_broker_that_is_short_of_memory(trial: Trial, then: str) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            trial.rabbit.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
            try:
                time.sleep(_PATIENCE + 2)
                assert "short of memory" in stage.log_text()
            finally:
                if then == "killed":
                    trial.rabbit.kill()
                    trial.rabbit.start()  # with the memory that it is configured for
                else:
                    trial.rabbit.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
        trial.judge(6 if then else 5, ledger, is_quick=True)


@by_each
@takes_long
def test_what_was_recorded_before_there_was_a_broker_arrives_with_it(trial: Trial) -> None:
    proxy = trial.proxy()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
            proxy.open()
            stage.wait_until(lambda: f"{trial.way.name} takes notifications" in stage.log_text())
            ledger.stay_calm()
        trial.judge(7, ledger, is_quick=True)
        assert stage.log_text().count(f"{trial.way.name} is out of reach") == 1


@by_each
@takes_long
@pytest.mark.parametrize("by", ["the network", "the broker"])
def test_nothing_is_lost_when_connections_are_closed_again_and_again(trial: Trial, by: str) -> None:
    proxy = trial.proxy()
    proxy.open()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            for _ in range(20):
                time.sleep(0.3)
                if by == "the network":
                    proxy.reset()
                else:
                    trial.way.close_connections(trial.rabbit, trial.vhost)
        trial.judge(8, ledger, more=f"by {by}", is_quick=True)


@takes_long
@pytest.mark.parametrize("create_queues", ["auto", "never"])
def test_nothing_is_lost_without_an_exchange(trial: Trial, create_queues: str) -> None:
    """With `never` only others can restore it, and are waited for."""
    for queue in QUEUES:
        trial.declare(queue)
    with trial.stage(create_queues=create_queues) as stage:
        with Load(stage.port) as ledger:
            ledger.stay_calm()
            trial.delete_exchange()
            time.sleep(3)
            for queue in QUEUES:
                trial.declare(queue)
        more = f"create_queues = {create_queues}"
        trial.judge(9, ledger, more=more, in_order=False, is_quick=True)
        assert "no exchange 'glance'" in stage.log_text()


@takes_long
def test_a_channel_that_an_error_has_closed_is_not_used_again(trial: Trial) -> None:
    """It would never confirm again: all that was sent by it would come a second time."""
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(8):
                time.sleep(1)
                trial.delete_exchange()
        trial.judge(27, ledger, in_order=False, is_quick=True)
        assert stage.log_text().count("no exchange 'glance'") > 2


@by_each
@takes_long
def test_an_ack_that_comes_late_is_not_taken_for_that_of_another_message(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(3):
                time.sleep(1.5)
                try:
                    trial.rabbit.freeze()
                    # And longer than the strategy waits for any sign of life then.
                    time.sleep(_PATIENCE + 2)
                finally:
                    trial.rabbit.thaw()
        tally = trial.judge(26, ledger, is_quick=True)
        assert tally.repeated > 0  # what was on its way is stored by the thawed broker, and again


@by_each
@takes_long
def test_a_peer_that_accepts_and_is_silent_stops_nobody(trial: Trial) -> None:
    proxy = trial.proxy()
    proxy.fall_silent()
    with trial.stage(hosts=f"127.0.0.1:{proxy.port}") as stage:
        with Load(stage.port) as ledger:
            time.sleep(2.5 * _PATIENCE)
        proxy.open()
        trial.judge(30, ledger, is_quick=True)


@by_each
@takes_long
def test_a_dead_first_host_is_passed_over(trial: Trial) -> None:
    hosts = f"127.0.0.1:{free_port()}, 127.0.0.1:{trial.rabbit.port}"
    with trial.stage(hosts=hosts) as stage:
        with Load(stage.port) as ledger:
            time.sleep(1.5)
        trial.judge(40, ledger, is_quick=True)
