"""Threads that compute without end beside the requests, in the same processes."""

import json
import os
import subprocess
import sys
import time

from tests.faults.faults import under_each
from tests.faults.load import Load
from tests.faults.servers import ROOT
from tests.faults.trial import Found, Trial
from tests.long_runs import takes_long

pytestmark = takes_long


@under_each(18)
def test_nothing_is_lost_beside_busy_threads(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind, processes=2, environ={"BUSY_THREADS": "4"}) as stage:
        with Load(stage.port, clients=16) as ledger:
            time.sleep(6)
        trial.judge(18, ledger)


def test_to_record_takes_no_longer_than_a_bare_write(trial: Trial, found: Found) -> None:
    measured = {}
    for busy in (0, 1, 4):
        folder = trial.folder / str(busy)
        folder.mkdir()
        said = subprocess.check_output(
            [sys.executable, "-m", "tests.faults.recording", str(folder), str(busy)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        measured[busy] = json.loads(said)
    found.tell(
        "To record an event, and a bare write of as many bytes in the same process, in "
        "milliseconds, beside threads that compute",
        ("busy threads", "recorded: median", "p99", "bare write: median", "p99"),
        [
            (str(busy), *(f"{value:.3f}" for key in ("recorded", "written") for value in each[key]))
            for busy, each in measured.items()
        ],
    )
    for each in (measured[1], measured[4]):
        # Both wait for the interpreter's lock once; the rest is 0.1 ms of work.
        assert each["recorded"][0] < 1.3 * each["written"][0] + 1
        assert each["recorded"][1] < 1.3 * each["written"][1] + 10
