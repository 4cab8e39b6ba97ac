"""One of two brokers is out of reach: the near one receives all in time, the far one once it is
back."""

import json
import time
from collections.abc import Callable
from functools import partial

import pytest

from tests.faults.arrivals import QUEUES, Consumer, compare
from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun, Results
from tests.faults.proxy import Proxy
from tests.long_runs import ALL_FAULTS, takes_long
from tests.strategies.qpid_place import QpidPlace

OUT_OF_REACH: dict[str, Callable[[Proxy], None]] = {
    "port closed": lambda proxy: None,
    "accepts and is silent": Proxy.fall_silent,
}
"""How a broker is out of reach."""

# Seconds of load: a connection to a silent broker is given up after five.
_SECONDS = 12.0 if ALL_FAULTS else 5.0


@pytest.mark.parametrize(
    ("lost", "how"),
    [
        ("rabbit", "accepts and is silent"),
        pytest.param("qpid", "port closed", marks=takes_long),
        pytest.param("rabbit", "port closed", marks=takes_long),
        pytest.param("qpid", "accepts and is silent", marks=takes_long),
    ],
)
def test_broker_out_of_reach_holds_up_no_other_broker_and_both_receive_all_once(
    fault_run: FaultRun, results: Results, lost: str, how: str
) -> None:
    proxy = fault_run.proxy()
    OUT_OF_REACH[how](proxy)
    log = fault_run.folder / "notifications.log"
    with QpidPlace(fault_run.rabbit) as place:
        options = {"notifier_strategy": "logging, rabbit, qpid", "log_file": str(log)}
        options |= {"qpid_reconnect_interval_max": "1", **place.options}
        options |= {f"{lost}_hosts": f"127.0.0.1:{proxy.port}"}
        for queue in QUEUES:
            fault_run.declare(queue)
        queues = {"rabbit": (fault_run.vhost, QUEUES), "qpid": ("/", place.queues)}
        far = queues.pop(lost)
        (near,) = queues.values()
        with (
            fault_run.deployment(**options) as deployment,
            Consumer(fault_run.rabbit, *near) as reached,
            Consumer(fault_run.rabbit, *far) as unreached,
        ):
            with reached.consuming():
                with Load(deployment.port) as ledger:
                    time.sleep(_SECONDS)
                expected = ledger.expected
                deployment.wait_until(lambda: reached.has(expected))
            lags = sorted(arrival.lag for arrival in reached.arrivals)
            results.add_table(
                f"{lost}: {how}; seconds from an event to its arrival at the other broker",
                ("events", "median", "longest"),
                [(str(len(lags)), f"{lags[len(lags) // 2]:.2f}", f"{lags[-1]:.2f}")],
            )
            assert not ALL_FAULTS or lags[-1] < 1.0
            proxy.open()
            for consumer in (unreached, reached):
                consumer.wait(partial(consumer.has, expected), 40)
                consumer.wait(lambda: False, 1.5)  # a repeat would come now
                tally = compare(expected, consumer.arrivals)
                assert not tally.missing, tally.missing[:3]
                assert not tally.doubled, tally.doubled[:3]
                assert not tally.miscounted, tally.miscounted[:3]
                assert not tally.inversions, tally.inversions[:3]
                assert tally.repeated == 0
        logged = [json.loads(line)["message_id"] for line in log.read_text().splitlines()]
        assert sorted(logged) == sorted(arrival.message_id for arrival in reached.arrivals)


@takes_long
def test_added_strategy_receives_all_from_its_start_on_and_the_first_one_what_waits_too(
    fault_run: FaultRun,
) -> None:
    """Events that are recorded before any process leads count, too."""
    proxy = fault_run.proxy()
    for queue in QUEUES:
        fault_run.declare(queue)
    with QpidPlace(fault_run.rabbit) as place:
        options = {"rabbit_hosts": f"127.0.0.1:{proxy.port}", **place.options}
        options["relay"] = "external"  # the relay leads only after requests are served
        expected = []
        with (
            Consumer(fault_run.rabbit, fault_run.vhost) as by_rabbit,
            Consumer(fault_run.rabbit, "/", place.queues) as by_qpid,
        ):
            for strategies in ("rabbit", "qpid, rabbit"):
                with fault_run.deployment(notifier_strategy=strategies, **options) as deployment:
                    with Load(deployment.port) as ledger:
                        time.sleep(2)
                    expected.append(ledger.expected)
                    if strategies != "rabbit":
                        proxy.open()
                        by_qpid.wait(lambda: by_qpid.has(expected[1]), 40)
                        by_rabbit.wait(lambda: by_rabbit.has(expected[0] | expected[1]), 40)
                    deployment.stop()
        for consumer, its_own in ((by_qpid, expected[1]), (by_rabbit, expected[0] | expected[1])):
            assert {arrival[:2] for arrival in consumer.arrivals} == its_own
            assert len(consumer.arrivals) == len(its_own)
