"""Threads that compute all the time beside the requests, in the same processes."""

import json
import os
import subprocess
import sys
import time

from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun, Results
from tests.faults.fault_table import under_each_server
from tests.faults.servers import ROOT
from tests.long_runs import takes_long

pytestmark = takes_long

_TITLES = ("recording: mean", "median", "p99", "bare write: mean", "median", "p99")


@under_each_server(18)
def test_busy_threads_lose_nothing(fault_run: FaultRun, kind: str) -> None:
    with fault_run.deployment(kind=kind, processes=2, environ={"BUSY_THREADS": "4"}) as deployment:
        with Load(deployment.port, clients=16) as ledger:
            time.sleep(6)
        fault_run.check(18, ledger)


def test_recording_takes_about_as_long_as_a_bare_write(
    fault_run: FaultRun, results: Results
) -> None:
    measured = {}
    for busy in (0, 1, 4):
        folder = fault_run.folder / str(busy)
        folder.mkdir()
        output = subprocess.check_output(
            [sys.executable, "-m", "tests.faults.measure_recording", str(folder), str(busy)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        measured[busy] = json.loads(output)
    results.add_table(
        "Milliseconds to record an event, and of a bare write of as many bytes in the same "
        "process, beside threads that compute",
        ("busy threads", *_TITLES),
        [
            (
                str(busy),
                *(f"{value:.3f}" for key in ("recorded", "written") for value in times[key]),
            )
            for busy, times in measured.items()
        ],
    )
    for times in (measured[1], measured[4]):
        # That the thread gives the GIL up once is a test of the journal. Here whoever computes
        # may take it or not at that moment, so that the times alone vary by a factor of two.
        assert times["recorded"][0] < 3 * times["written"][0] + 1
