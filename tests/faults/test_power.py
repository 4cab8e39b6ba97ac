"""The power is cut: with journal_sync = full each event that a client saw answered comes."""

import time

from tests.faults.load import DOWNLOAD, LIFE, Load
from tests.faults.mains import Mains
from tests.faults.stage import AGAIN, Stage
from tests.faults.tally import QUEUES
from tests.faults.trial import Trial
from tests.long_runs import takes_long

pytestmark = takes_long

SMALL = {"SEGMENT_SIZE": "20000"}
"""So that segments are followed by others, and removed, all the time."""


WITHOUT_DOWNLOADS = tuple(each for each in LIFE if each is not DOWNLOAD)
"""The end of a download is known, and on the disk, only after its client has all of it."""


def test_what_waits_for_the_broker_survives_a_power_cut_under_load(trial: Trial) -> None:
    proxy = trial.proxy()
    stage = trial.stage(
        hosts=f"127.0.0.1:{proxy.port}", journal_sync="full", environ=SMALL, relay="thread"
    )
    with Mains(stage.journal) as mains, stage:
        with Load(stage.port, life=WITHOUT_DOWNLOADS) as ledger:
            time.sleep(4)
            _cut(mains, stage)
        mains.restore()
        proxy.open()
        stage.start()
        trial.judge(45, ledger, more="while notifications wait")
        stage.end()


def test_what_was_set_aside_survives_a_power_cut(trial: Trial) -> None:
    """Its segments are gone by then."""
    trial.declare("notifications.info")
    stage = trial.stage(create_queues="never", journal_sync="full", environ=SMALL)
    with Mains(stage.journal) as mains, stage:
        with Load(stage.port) as ledger:
            time.sleep(4)
        stage.wait_until(lambda: len(list(stage.journal.glob("aside.*"))) == 2)
        time.sleep(3)
        _cut(mains, stage)
        mains.restore()
        for queue in QUEUES:
            trial.declare(queue)
        stage.start()
        trial.judge(45, ledger, more="of what was set aside", in_order=False, seconds=2.5 * AGAIN)
        stage.end()


def _cut(mains: Mains, stage: Stage) -> None:
    """No process sees it: all are stopped in one moment, and never go on."""
    stage.server.freeze()
    mains.cut()
    stage.kill()
