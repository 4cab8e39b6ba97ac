"""The power is cut: with journal_sync = full the event of each answer that a client has read
arrives."""

import time

from tests.faults.arrivals import QUEUES
from tests.faults.client_load import DOWNLOAD, LIFE, Load
from tests.faults.deployment import RETRY_SECONDS, Deployment
from tests.faults.fault_run import FaultRun
from tests.faults.power_cut import PowerCutDisk
from tests.long_runs import takes_long

pytestmark = takes_long

SMALL = {"SEGMENT_SIZE": "20000"}
"""Small segments, so that new ones are begun, and old ones removed, all the time."""


WITHOUT_DOWNLOADS = tuple(operation for operation in LIFE if operation is not DOWNLOAD)
"""The end of a download is on the disk only after its client has all of it."""


def test_messages_that_wait_for_the_broker_survive_a_power_cut_under_load(
    fault_run: FaultRun,
) -> None:
    proxy = fault_run.proxy()
    deployment = fault_run.deployment(
        hosts=f"127.0.0.1:{proxy.port}", journal_sync="full", environ=SMALL, relay="thread"
    )
    with PowerCutDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port, life=WITHOUT_DOWNLOADS) as ledger:
            time.sleep(4)
            _cut(disk, deployment)
        disk.restore()
        proxy.open()
        deployment.start()
        fault_run.check(45, ledger, more="while notifications wait")
        deployment.end()


def test_messages_that_were_set_aside_survive_a_power_cut(fault_run: FaultRun) -> None:
    """The segments of these messages are removed before the power cut."""
    fault_run.declare("notifications.info")
    deployment = fault_run.deployment(create_queues="never", journal_sync="full", environ=SMALL)
    with PowerCutDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port) as ledger:
            time.sleep(4)
        deployment.wait_until(lambda: len(list(deployment.journal.glob("aside.*"))) == 2)
        time.sleep(3)
        _cut(disk, deployment)
        disk.restore()
        for queue in QUEUES:
            fault_run.declare(queue)
        deployment.start()
        fault_run.check(
            45, ledger, more="of what was set aside", in_order=False, seconds=2.5 * RETRY_SECONDS
        )
        deployment.end()


def _cut(disk: PowerCutDisk, deployment: Deployment) -> None:
    """Cut the power: all processes are stopped at one moment, and never go on."""
    deployment.server.freeze()
    disk.cut()
    deployment.kill()
