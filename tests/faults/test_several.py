"""One of two brokers is out of reach: the other gets all in time, and the one when it is back."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.tally import QUEUES, Arrival, Consumer, compare
from tests.faults.trial import Found, Trial
from tests.long_runs import ALL_FAULTS, takes_long
from tests.strategies.qpid_place import QpidPlace

OUT_OF_REACH: dict[str, Callable[[Proxy], None]] = {
    "port closed": lambda proxy: None,
    "accepts and is silent": Proxy.fall_silent,
}
"""How the one broker is out of reach."""

_SECONDS = (
    12.0 if ALL_FAULTS else 5.0
)  # of load: a connection to who is silent is given up after five


@pytest.mark.parametrize(
    ("lost", "how"),
    [
        ("rabbit", "accepts and is silent"),
        pytest.param("qpid", "port closed", marks=takes_long),
        pytest.param("rabbit", "port closed", marks=takes_long),
        pytest.param("qpid", "accepts and is silent", marks=takes_long),
    ],
)
def test_a_broker_out_of_reach_holds_up_no_other_and_each_gets_all_once(
    trial: Trial, found: Found, lost: str, how: str
) -> None:
    proxy = trial.proxy()
    OUT_OF_REACH[how](proxy)
    log = trial.folder / "notifications.log"
    with QpidPlace(trial.rabbit) as place:
        options = {"notifier_strategy": "logging, rabbit, qpid", "log_file": str(log)}
        options |= {"qpid_reconnect_interval_max": "1", **place.options}
        options |= {f"{lost}_hosts": f"127.0.0.1:{proxy.port}"}
        for queue in QUEUES:
            trial.declare(queue)
        queues = {"rabbit": (trial.vhost, QUEUES), "qpid": ("/", place.queues)}
        far = queues.pop(lost)
        (near,) = queues.values()
        with (
            trial.stage(**options) as stage,
            Consumer(trial.rabbit, *near) as reached,
            Consumer(trial.rabbit, *far) as unreached,
        ):
            with reached.consuming():
                with Load(stage.port) as ledger:
                    time.sleep(_SECONDS)
                owed = ledger.owed
                stage.wait_until(lambda: reached.has(owed))
            lags = sorted(map(lag, reached.arrivals))
            found.tell(
                f"{lost}: {how}; seconds from an event to its arrival at the other broker of two",
                ("events", "median", "longest"),
                [(str(len(lags)), f"{lags[len(lags) // 2]:.2f}", f"{lags[-1]:.2f}")],
            )
            assert not ALL_FAULTS or lags[-1] < 1.0
            proxy.open()
            for each in (unreached, reached):
                each.wait(partial(each.has, owed), 40)
                each.wait(lambda: False, 1.5)  # a repeat would come now
                tally = compare(owed, each.arrivals)
                assert not tally.missing, tally.missing[:3]
                assert not tally.doubled, tally.doubled[:3]
                assert not tally.miscounted, tally.miscounted[:3]
                assert not tally.inversions, tally.inversions[:3]
                assert tally.repeated == 0
        logged = [json.loads(line)["message_id"] for line in log.read_text().splitlines()]
        assert sorted(logged) == sorted(each.message_id for each in reached.arrivals)


@takes_long
def test_one_that_is_added_is_sent_all_from_the_start_on_and_the_other_what_waits_too(
    trial: Trial,
) -> None:
    """Also what is recorded before any process leads."""
    proxy = trial.proxy()
    for queue in QUEUES:
        trial.declare(queue)
    with QpidPlace(trial.rabbit) as place:
        options = {"rabbit_hosts": f"127.0.0.1:{proxy.port}", **place.options}
        options["relay"] = "external"  # it leads when requests are served already
        owed = []
        with (
            Consumer(trial.rabbit, trial.vhost) as by_rabbit,
            Consumer(trial.rabbit, "/", place.queues) as by_qpid,
        ):
            for strategies in ("rabbit", "qpid, rabbit"):
                with trial.stage(notifier_strategy=strategies, **options) as stage:
                    with Load(stage.port) as ledger:
                        time.sleep(2)
                    owed.append(ledger.owed)
                    if strategies != "rabbit":
                        proxy.open()
                        by_qpid.wait(lambda: by_qpid.has(owed[1]), 40)
                        by_rabbit.wait(lambda: by_rabbit.has(owed[0] | owed[1]), 40)
                    stage.stop()
        for consumer, expected in ((by_qpid, owed[1]), (by_rabbit, owed[0] | owed[1])):
            assert {each[:2] for each in consumer.arrivals} == expected
            assert len(consumer.arrivals) == len(expected)


def lag(arrival: Arrival) -> float:
    """Seconds from the event to the arrival."""
    begun = datetime.strptime(arrival.timestamp, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    return arrival.at + (time.time() - time.monotonic()) - begun.timestamp()
