"""An operation that is cut has an unknown outcome: once, and only where it has no other end."""

import http.client
import threading
import time
import uuid

import pytest

from tests.faults.client_load import DOWNLOAD, LIFE, Load, Operation, ask
from tests.faults.fault_run import FaultRun
from tests.faults.fault_table import under_each_server
from tests.long_runs import takes_long

_SLOW = DOWNLOAD._replace(seconds=10.0)
_PROGRESS_IS_RECORDED = 6.0  # seconds after the begin of a download


def _failed(operation: Operation) -> str:
    """The event of the operation's unknown outcome."""
    event = "image.upload" if operation.method == "PUT" else operation.events[0].split()[0]
    return f"{event} ERROR"


@under_each_server(33, always=["uWSGI"])
def test_operation_that_was_answered_and_not_recorded_has_an_unknown_outcome(
    fault_run: FaultRun, kind: str
) -> None:
    with fault_run.deployment(kind=kind) as deployment:
        with Load(deployment.port, kills=True) as ledger:
            cut = {f"cut{number}/0": operation for number, operation in enumerate(LIFE)}
            for request_id, operation in cut.items():
                time.sleep(0.5)
                with pytest.raises((OSError, http.client.HTTPException)):
                    ask(
                        deployment.port,
                        request_id,
                        str(uuid.uuid4()),
                        operation,
                        **{"X-Kill": "yes"},
                    )
                if kind == "waitress":
                    deployment.start()
            time.sleep(1)
        ledger.earlier = {(request_id, _failed(operation)) for request_id, operation in cut.items()}
        tally = fault_run.check(33, ledger)
        unknown = {arrival.request_id for arrival in tally.arrivals if arrival.is_unknown}
        assert unknown >= cut.keys()


@takes_long
@pytest.mark.parametrize("end", ["to its end", "until its worker is killed"])
def test_download_outlives_the_segments_in_which_it_began(fault_run: FaultRun, end: str) -> None:
    with fault_run.deployment(processes=1, environ={"SEGMENT_SIZE": "50000"}) as deployment:
        with Load(deployment.port, kills=end != "to its end") as ledger:
            time.sleep(1)
            slow = threading.Thread(target=_download, args=(deployment.port,))
            slow.start()
            time.sleep(1)
            first = set(deployment.segments())
            time.sleep(_PROGRESS_IS_RECORDED)
            assert not first & set(deployment.segments()), "segments wait for a download"
            if end != "to its end":
                deployment.kill_worker()
            slow.join()
            time.sleep(1)
        priority = "INFO" if end == "to its end" else "ERROR"
        ledger.earlier = {("slow/0", f"image.send {priority}")}
        tally = fault_run.check(42, ledger, more=end)
        (sent,) = [arrival for arrival in tally.arrivals if arrival.request_id == "slow/0"]
        assert isinstance(sent.payload, dict)
        assert sent.payload["bytes_sent"] > 0


def _download(port: int) -> None:
    try:
        ask(port, "slow/0", str(uuid.uuid4()), _SLOW)
    except (OSError, http.client.HTTPException):
        return
