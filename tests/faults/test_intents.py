"""What was cut is told: once, and only where the end of the operation is not."""

import http.client
import threading
import time
import uuid

import pytest

from tests.faults.faults import under_each
from tests.faults.load import DOWNLOAD, LIFE, Load, Operation, ask
from tests.faults.trial import Trial
from tests.long_runs import takes_long

_SLOW = DOWNLOAD._replace(seconds=10.0)
_MUCH = 6.0  # seconds after which its progress has been recorded


def _failed(operation: Operation) -> str:
    """As what it is told that the outcome of an operation is not known."""
    event = "image.upload" if operation.method == "PUT" else operation.events[0].split()[0]
    return f"{event} ERROR"


@under_each(33, always=["uWSGI"])
def test_what_was_answered_and_not_recorded_is_told_as_unknown(trial: Trial, kind: str) -> None:
    with trial.stage(kind=kind) as stage:
        with Load(stage.port, kills=True) as ledger:
            cut = {f"cut{number}/0": each for number, each in enumerate(LIFE)}
            for request_id, operation in cut.items():
                time.sleep(0.5)
                with pytest.raises((OSError, http.client.HTTPException)):
                    ask(stage.port, request_id, str(uuid.uuid4()), operation, **{"X-Kill": "yes"})
                if kind == "waitress":
                    stage.start()
            time.sleep(1)
        ledger.earlier = {(each, _failed(operation)) for each, operation in cut.items()}
        tally = trial.judge(33, ledger)
        assert {each.request_id for each in tally.arrivals if each.is_unknown} >= cut.keys()


@takes_long
@pytest.mark.parametrize("end", ["to its end", "until its worker is killed"])
def test_a_download_outlives_the_segments_that_it_began_in(trial: Trial, end: str) -> None:
    with trial.stage(processes=1, environ={"SEGMENT_SIZE": "50000"}) as stage:
        with Load(stage.port, kills=end != "to its end") as ledger:
            time.sleep(1)
            slow = threading.Thread(target=_download, args=(stage.port,))
            slow.start()
            time.sleep(1)
            first = set(stage.segments())
            time.sleep(_MUCH)
            assert not first & set(stage.segments()), "they wait for a download"
            if end != "to its end":
                stage.kill_a_worker()
            slow.join()
            time.sleep(1)
        told = "INFO" if end == "to its end" else "ERROR"
        ledger.earlier = {("slow/0", f"image.send {told}")}
        tally = trial.judge(42, ledger, more=end)
        (sent,) = [each for each in tally.arrivals if each.request_id == "slow/0"]
        assert isinstance(sent.payload, dict)
        assert sent.payload["bytes_sent"] > 0


def _download(port: int) -> None:
    try:
        ask(port, "slow/0", str(uuid.uuid4()), _SLOW)
    except (OSError, http.client.HTTPException):
        return
