"""Ten thousand events cost a request no more without a broker than with one, and all arrive."""

import json
from collections.abc import Callable
from typing import Any

from tests.faults.arrivals import compare, drain
from tests.faults.caller import Caller
from tests.faults.fault_run import FaultRun, Results
from tests.faults.measure_requests import WARM_UP
from tests.faults.proxy import Proxy
from tests.long_runs import takes_long

EVENTS = 10_000
RATE = 500  # requests a second

BROKERS: dict[str, Callable[[Proxy], None]] = {
    "up": Proxy.open,
    "port closed": lambda proxy: None,
    "accepts and is silent": Proxy.fall_silent,
}
"""The state of the broker while the events are recorded."""


COLUMNS = {
    "without": "without the filter, median (us)",
    "added": "added, median (us)",
    "least": "added, best median of 500 in a row (us)",
    "added_p99": "added, p99 (us)",
    "grown": "growth of RssAnon (MiB)",
    "lines": "lines logged",
}


@takes_long
def test_broker_that_is_away_costs_neither_time_nor_memory_nor_events(
    fault_run: FaultRun, results: Results
) -> None:
    measured = {broker: _measure(fault_run, broker) for broker in BROKERS}
    results.add_table(
        f"What the filter adds to a request ({EVENTS} creates, {RATE} a second, in one process "
        "whose thread relays), by the state of the broker",
        ("broker", *COLUMNS.values()),
        [
            (broker, *(f"{values[key]:.1f}" for key in COLUMNS))
            for broker, values in measured.items()
        ],
    )
    for broker in ("port closed", "accepts and is silent"):
        assert measured[broker]["grown"] <= 5


def _measure(fault_run: FaultRun, broker: str) -> dict[str, Any]:
    vhost = f"{fault_run.vhost}-{list(BROKERS).index(broker)}"
    fault_run.rabbit.add_vhost(vhost)
    proxy = fault_run.proxy()
    BROKERS[broker](proxy)
    deployment = fault_run.deployment(
        broker, rabbit_hosts=f"127.0.0.1:{proxy.port}", rabbit_virtual_host=vhost
    )
    module = ("tests.faults.measure_requests", str(EVENTS), str(RATE))
    with Caller(deployment.paste_file, deployment.log, *module) as caller:
        assert caller.read_line() == "warm"
        caller.write_line("begin")
        measured: dict[str, Any] = json.loads(caller.read_line())
        lines = [line for line in deployment.log_text().splitlines() if "rabbit " in line]
        measured["lines"] = sum("notifications go to" not in line for line in lines)
        # One line that something is wrong, or two: rabbit is connected, and takes notifications.
        assert measured["lines"] <= (2 if broker == "up" else 1), lines
        proxy.open()
        expected = {(f"warm-up/{n}", "image.create INFO") for n in range(WARM_UP)}
        expected |= {(f"measured/{n}", "image.create INFO") for n in range(EVENTS)}
        tally = compare(expected, drain(fault_run.rabbit, vhost, expected, 30))
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.inversions, tally.inversions[:3]
    fault_run.rabbit.delete_vhost(vhost)
    return measured
