"""Ten thousand events without a broker cost a request no more than with one, and all arrive."""

import json
from collections.abc import Callable
from typing import Any

from tests.faults.caller import Caller
from tests.faults.measured import WARM_UP
from tests.faults.proxy import Proxy
from tests.faults.tally import compare, drain
from tests.faults.trial import Found, Trial
from tests.long_runs import takes_long

EVENTS = 10_000
RATE = 500  # requests a second

WAYS: dict[str, Callable[[Proxy], None]] = {
    "up": Proxy.open,
    "port closed": lambda proxy: None,
    "accepts and is silent": Proxy.fall_silent,
}
"""How the broker is while the events are recorded."""


TOLD = {
    "without": "without it, median (us)",
    "added": "added, median (us)",
    "least": "of the best 500 in a row",
    "added_p99": "added, p99 (us)",
    "grown": "RssAnon grown by (MiB)",
    "lines": "lines logged",
}


@takes_long
def test_a_broker_that_is_gone_costs_neither_time_nor_memory_nor_events(
    trial: Trial, found: Found
) -> None:
    measured = {way: _measure(trial, way) for way in WAYS}
    found.tell(
        f"What the filter adds to a request ({EVENTS} creates, {RATE} a second, in one process "
        "whose thread relays), while the broker is as said",
        ("broker", *TOLD.values()),
        [(way, *(f"{each[key]:.1f}" for key in TOLD)) for way, each in measured.items()],
    )
    for way in ("port closed", "accepts and is silent"):
        assert measured[way]["grown"] <= 5


def _measure(trial: Trial, way: str) -> dict[str, Any]:
    vhost = f"{trial.vhost}-{list(WAYS).index(way)}"
    trial.rabbit.add_vhost(vhost)
    proxy = trial.proxy()
    WAYS[way](proxy)
    stage = trial.stage(way, rabbit_hosts=f"127.0.0.1:{proxy.port}", rabbit_virtual_host=vhost)
    module = ("tests.faults.measured", str(EVENTS), str(RATE))
    with Caller(stage.paste_file, stage.log, *module) as caller:
        assert caller.hear() == "warm"
        caller.say("begin")
        measured: dict[str, Any] = json.loads(caller.hear())
        said = [line for line in stage.log_text().splitlines() if "rabbit " in line]
        measured["lines"] = sum("notifications go to" not in line for line in said)
        # One that something is wrong, or two: that it is connected, and takes notifications.
        assert measured["lines"] <= (2 if way == "up" else 1), said
        proxy.open()
        owed = {(f"warm-up/{n}", "image.create INFO") for n in range(WARM_UP)}
        owed |= {(f"measured/{n}", "image.create INFO") for n in range(EVENTS)}
        tally = compare(owed, drain(trial.rabbit, vhost, owed, 30))
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.inversions, tally.inversions[:3]
    trial.rabbit.delete_vhost(vhost)
    return measured
