"""The event of an effect arrives after the event of its cause, across processes."""

import contextlib
import os
import random
import selectors
import time

import pytest

from tests.faults.arrivals import compare, drain
from tests.faults.caller import Caller
from tests.faults.fault_run import FaultRun, Results
from tests.long_runs import ALL_FAULTS, takes_long

EVENTS = 60_000 if ALL_FAULTS else 3_000
CHAINS = 12  # of requests, each the effect of the one before, at a time
PROCESSES = 4
BURST = 400  # events before a pause, so that the relay keeps up and reads what was just written
PAUSE = 0.2  # seconds


@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_effects_arrive_after_their_causes_across_processes(
    fault_run: FaultRun, results: Results, relay: str
) -> None:
    deployment = fault_run.deployment(relay=relay)
    with contextlib.ExitStack() as at_the_end:
        if relay == "external":
            deployment.journal.mkdir()
            deployment.start_relay()
        callers = [
            at_the_end.enter_context(Caller(deployment.paste_file, deployment.log))
            for _ in range(PROCESSES)
        ]
        expected = {(request_id, "image.create INFO") for request_id in _play_chains(callers)}
        tally = compare(expected, drain(fault_run.rabbit, fault_run.vhost, expected, 30))
    counts = tally.expected, len(tally.missing), tally.repeated, len(tally.inversions)
    results.add_table(
        f"Order, with relay = {relay}: {CHAINS} chains of requests, each made by another of "
        f"{PROCESSES} processes than the request before, after the answer to that one was read",
        ("events", "missing", "repeated", "inversions"),
        [[str(count) for count in counts]],
    )
    assert tally.expected == EVENTS
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.inversions, tally.inversions[:3]


def _play_chains(callers: list[Caller]) -> list[str]:
    """Have each request of a chain made by another process than the request before, once the answer
    to that one has been read; returns the request ids."""
    done: list[str] = []
    begun = 0
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller.output, selectors.EVENT_READ, caller)
        for first in range(CHAINS):
            random.choice(callers).write_line(f"chain{first}/0")
            begun += 1
        while len(done) < begun:
            for key, _ in selector.select():
                last: Caller = key.data
                for request_id in os.read(last.output, 65536).decode().split():
                    done.append(request_id)
                    if begun < EVENTS:
                        if begun % BURST == 0:
                            time.sleep(PAUSE)
                        chain, _, number = request_id.partition("/")
                        others = [caller for caller in callers if caller is not last]
                        random.choice(others).write_line(f"{chain}/{int(number) + 1}")
                        begun += 1
    return done
