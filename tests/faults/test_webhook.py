"""The receiver of webhooks answers, and does not take what is posted, for a while."""

import itertools
import time

from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun
from tests.faults.tested_strategies import for_webhook
from tests.long_runs import ALL_FAULTS, takes_long
from tests.strategies.places import WRONG_PASSWORD

_RETRY_AFTER = 3
"""Seconds: longer than webhook_retry_max_backoff."""


@for_webhook
def test_receiver_that_is_busy_is_left_alone_as_long_as_it_says(fault_run: FaultRun) -> None:
    assert fault_run.receiver is not None
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            ledger.measure_without_fault()
            with fault_run.receiver.busy(_RETRY_AFTER):
                time.sleep(3.5 * _RETRY_AFTER if ALL_FAULTS else 1.5 * _RETRY_AFTER)
            times = fault_run.receiver.put_off()
            time.sleep(0.5)
        fault_run.check(46, ledger, is_quick=True)
    waits = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert waits
    assert min(waits) >= _RETRY_AFTER


@for_webhook
@takes_long
def test_notifications_arrive_once_the_token_is_right(fault_run: FaultRun) -> None:
    token_file = fault_run.folder / "token"
    token_file.write_text(WRONG_PASSWORD)
    assert fault_run.receiver is not None
    with fault_run.deployment(webhook_token_file=str(token_file)) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
        assert fault_run.receiver.received() == []
        assert deployment.log_text().count("webhook cannot be used") == 1
        token_file.write_text(fault_run.receiver.token_file.read_text())
        fault_run.check(47, ledger, is_quick=True)
