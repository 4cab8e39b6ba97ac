"""The broker is away for a while: no event is lost, and no request waits for the broker."""

import contextlib
import time

import pytest

from demo.ports import free_port
from tests.faults.arrivals import QUEUES
from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun
from tests.faults.tested_strategies import for_each_broker, for_each_strategy
from tests.long_runs import ALL_FAULTS, takes_long

_PATIENCE = 10.0  # seconds that the strategy waits for an answer


@for_each_strategy
@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_broker_that_is_killed_under_load_loses_nothing(fault_run: FaultRun, relay: str) -> None:
    with fault_run.deployment(relay=relay) as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            for _ in range(3 if ALL_FAULTS else 1):
                time.sleep(1.5)
                fault_run.peer.kill()
                time.sleep(0.5)
                fault_run.peer.start()
            time.sleep(1)
        fault_run.check(1, ledger, more=f"relay = {relay}", is_quick=True)


@for_each_broker
@takes_long
def test_broker_that_is_restarted_in_good_order_loses_nothing(fault_run: FaultRun) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            for _ in range(2):
                time.sleep(1.5)
                fault_run.rabbit.stop()
                fault_run.rabbit.start()
            time.sleep(1)
        fault_run.check(2, ledger, is_quick=True)


@for_each_strategy
@takes_long
def test_broker_that_is_frozen_for_long_loses_nothing(fault_run: FaultRun) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger, contextlib.ExitStack() as at_the_end:
            ledger.measure_without_fault()
            at_the_end.callback(fault_run.peer.thaw)
            fault_run.peer.freeze()
            time.sleep(3 * _PATIENCE)
        fault_run.check(3, ledger, is_quick=True)


@takes_long
def test_broker_that_is_frozen_and_then_killed_loses_nothing(fault_run: FaultRun) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            try:
                fault_run.rabbit.freeze()
                time.sleep(2 * _PATIENCE + 2)
            finally:
                fault_run.rabbit.kill()
                fault_run.rabbit.start()
        fault_run.check(4, ledger, is_quick=True)


@takes_long
@pytest.mark.parametrize("then", ["", "killed"])
def test_broker_that_is_short_of_memory_loses_nothing(fault_run: FaultRun, then: str) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            fault_run.rabbit.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
            try:
                time.sleep(_PATIENCE + 2)
                assert "short of memory" in deployment.log_text()
            finally:
                if then == "killed":
                    fault_run.rabbit.kill()
                    fault_run.rabbit.start()  # with its configured memory
                else:
                    fault_run.rabbit.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
        fault_run.check(6 if then else 5, ledger, is_quick=True)


@for_each_strategy
@takes_long
def test_events_from_before_the_broker_is_up_arrive_once_it_is(fault_run: FaultRun) -> None:
    proxy = fault_run.proxy()
    with fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
            proxy.open()
            deployment.wait_until(
                lambda: f"{fault_run.strategy.name} takes notifications" in deployment.log_text()
            )
            ledger.measure_without_fault()
        fault_run.check(7, ledger, is_quick=True)
        assert deployment.log_text().count(f"{fault_run.strategy.name} is out of reach") == 1


@for_each_strategy
@takes_long
@pytest.mark.parametrize("by", ["the network", "the broker"])
def test_connections_that_are_closed_again_and_again_lose_nothing(
    fault_run: FaultRun, by: str
) -> None:
    proxy = fault_run.proxy()
    proxy.open()
    with fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}") as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            for _ in range(20):
                time.sleep(0.3)
                if by == "the network":
                    proxy.reset()
                else:
                    fault_run.close_connections()
        fault_run.check(8, ledger, more=f"by {by}", is_quick=True)


@takes_long
@pytest.mark.parametrize("create_queues", ["auto", "never"])
def test_exchange_that_is_deleted_and_restored_loses_nothing(
    fault_run: FaultRun, create_queues: str
) -> None:
    """With `never` only an operator can restore the exchange, and messages wait for that."""
    for queue in QUEUES:
        fault_run.declare(queue)
    with fault_run.deployment(create_queues=create_queues) as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            fault_run.delete_exchange()
            time.sleep(3)
            for queue in QUEUES:
                fault_run.declare(queue)
        more = f"create_queues = {create_queues}"
        fault_run.check(9, ledger, more=more, in_order=False, is_quick=True)
        assert "no exchange 'glance'" in deployment.log_text()


@takes_long
def test_channel_that_an_error_has_closed_is_not_used_again(fault_run: FaultRun) -> None:
    """Such a channel never confirms again: all messages that were sent by it would come twice."""
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            for _ in range(8):
                time.sleep(1)
                fault_run.delete_exchange()
        fault_run.check(27, ledger, in_order=False, is_quick=True)
        assert deployment.log_text().count("no exchange 'glance'") > 2


@for_each_broker
@takes_long
def test_late_confirm_is_not_taken_for_that_of_another_message(
    fault_run: FaultRun,
) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            for _ in range(3):
                time.sleep(1.5)
                try:
                    fault_run.rabbit.freeze()
                    # Longer than the strategy waits for any answer.
                    time.sleep(_PATIENCE + 2)
                finally:
                    fault_run.rabbit.thaw()
        tally = fault_run.check(26, ledger, is_quick=True)
        assert tally.repeated > 0  # the thawed broker stores the window, and the repeats


@for_each_strategy
@takes_long
def test_broker_that_accepts_and_is_silent_holds_up_no_request(fault_run: FaultRun) -> None:
    proxy = fault_run.proxy()
    proxy.fall_silent()
    with fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}") as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2.5 * _PATIENCE)
        proxy.open()
        fault_run.check(30, ledger, is_quick=True)


@for_each_broker
@takes_long
def test_dead_first_host_is_passed_over(fault_run: FaultRun) -> None:
    hosts = f"127.0.0.1:{free_port()}, 127.0.0.1:{fault_run.rabbit.port}"
    with fault_run.deployment(hosts=hosts) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(1.5)
        fault_run.check(40, ledger, is_quick=True)
