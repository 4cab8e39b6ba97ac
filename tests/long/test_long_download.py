"""A download that outlives many segments keeps none of them from being removed."""

import json
import subprocess
import sys

from demo.rabbit import Rabbit
from glance_notify_middleware.journal.layout import listing
from tests.faults.arrivals import Consumer
from tests.faults.deployment import Deployment
from tests.faults.servers import ROOT
from tests.long.downloading import DOWNLOAD, SENT
from tests.long_runs import LONG

MIB = 1024**2
BOUND = 64 * MIB
PASSING = (200 if LONG else 24) * MIB


def test_long_download_keeps_no_segment_and_has_an_unknown_outcome(
    rabbit: Rabbit, vhost: str, deployment: Deployment
) -> None:
    words = [str(deployment.journal), str(BOUND), str(PASSING)]
    deployment.start_relay()
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
            result = json.loads(downloading.stdout.readline())
            consumer.wait(lambda: len(consumer.arrivals) >= result["events"], 120)
            ids = {arrival.message_id for arrival in consumer.arrivals}
            deployment.wait_until(lambda: len(_segments(deployment, result["identity"])) == 1)
            (left,) = _segments(deployment, result["identity"])
        finally:
            downloading.kill()
        consumer.wait(lambda: consumer.arrivals[-1].message_id == str(DOWNLOAD), 30)
    cut = consumer.arrivals[-1]
    assert result["dropped"] == {}
    assert result["passed"] >= PASSING
    assert len(ids) == result["events"]
    assert left >= PASSING // (5 * MIB)
    assert cut.event == "image.send ERROR"
    assert cut.payload["bytes_sent"] == result["events"] * SENT


def _segments(deployment: Deployment, identity: str) -> list[int]:
    return listing(deployment.journal).segments.get(identity, [])
