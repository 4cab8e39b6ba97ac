"""What one process did after another's answer was read is told after it, through everything."""

import contextlib
import os
import random
import selectors
import time

import pytest

from tests.faults.caller import Caller
from tests.faults.tally import compare, drain
from tests.faults.trial import Found, Trial
from tests.long_runs import ALL_FAULTS, takes_long

EVENTS = 60_000 if ALL_FAULTS else 3_000
CHAINS = 12  # of cause and effect, at a time
PROCESSES = 4
BURST = 400  # events; then a pause, so that the relay keeps up, and reads what is just written
PAUSE = 0.2  # seconds


@pytest.mark.parametrize("relay", ["thread", pytest.param("external", marks=takes_long)])
def test_effects_come_after_their_causes_across_processes(
    trial: Trial, found: Found, relay: str
) -> None:
    stage = trial.stage(relay=relay)
    with contextlib.ExitStack() as at_the_end:
        if relay == "external":
            stage.journal.mkdir()
            stage.start_relay()
        callers = [
            at_the_end.enter_context(Caller(stage.paste_file, stage.log)) for _ in range(PROCESSES)
        ]
        owed = {(each, "image.create INFO") for each in _lead_through(callers)}
        tally = compare(owed, drain(trial.rabbit, trial.vhost, owed, 30))
    counts = tally.owed, len(tally.missing), tally.repeated, len(tally.inversions)
    found.tell(
        f"Order, with relay = {relay}: {CHAINS} chains of cause and effect, each request in "
        f"another of {PROCESSES} processes than the one before, whose answer had been read",
        ("events", "missing", "repeated", "inversions"),
        [[str(count) for count in counts]],
    )
    assert tally.owed == EVENTS
    assert not tally.missing, tally.missing[:3]
    assert not tally.doubled, tally.doubled[:3]
    assert not tally.inversions, tally.inversions[:3]


def _lead_through(callers: list[Caller]) -> list[str]:
    """Have each request of a chain made by another process, when the answer to the one before
    has been read; returns the request ids."""
    done: list[str] = []
    begun = 0
    with selectors.DefaultSelector() as selector:
        for caller in callers:
            selector.register(caller.output, selectors.EVENT_READ, caller)
        for first in range(CHAINS):
            random.choice(callers).say(f"chain{first}/0")
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
                        others = [each for each in callers if each is not last]
                        random.choice(others).say(f"{chain}/{int(number) + 1}")
                        begun += 1
    return done
