"""A download that outlives many segments holds none of them back."""

import json
import subprocess
import sys

from demo.rabbit import Rabbit
from glance_notify_middleware.journal.layout import listing
from tests.faults.servers import ROOT
from tests.faults.stage import Stage
from tests.faults.tally import Consumer
from tests.long.downloading import DOWNLOAD, SENT
from tests.long_runs import LONG

MIB = 1024**2
BOUND = 64 * MIB
PASSING = (200 if LONG else 24) * MIB


def test_a_long_download_holds_no_segment_back_and_its_end_is_told(
    rabbit: Rabbit, vhost: str, stage: Stage
) -> None:
    words = [str(stage.journal), str(BOUND), str(PASSING)]
    stage.start_relay()
    downloading = subprocess.Popen(
        [sys.executable, "-m", "tests.long.downloading", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with downloading, Consumer(rabbit, vhost) as consumer:
        assert downloading.stdout is not None
        try:
            passed = json.loads(downloading.stdout.readline())
            consumer.wait(lambda: len(consumer.arrivals) >= passed["events"], 120)
            came = {each.message_id for each in consumer.arrivals}
            stage.wait_until(lambda: len(_segments(stage, passed["identity"])) == 1)
            (left,) = _segments(stage, passed["identity"])
        finally:
            downloading.kill()
        consumer.wait(lambda: consumer.arrivals[-1].message_id == str(DOWNLOAD), 30)
    cut = consumer.arrivals[-1]
    assert passed["dropped"] == {}
    assert passed["passed"] >= PASSING
    assert len(came) == passed["events"]
    assert left >= PASSING // (5 * MIB)
    assert cut.event == "image.send ERROR"
    assert cut.payload["bytes_sent"] == passed["events"] * SENT


def _segments(stage: Stage, identity: str) -> list[int]:
    return listing(stage.journal).segments.get(identity, [])
