"""What is in the journal's directory is damaged: what can be read is sent, and the rest counted."""

import os
import random
import re
import time
from pathlib import Path

import pytest

from tests.faults.caller import Caller
from tests.faults.load import LIFE, Answered, Ledger, Load
from tests.faults.trial import Trial
from tests.faults.ways import with_all

pytestmark = with_all

PROCESSES = 6
EVENTS = 60  # of each


def test_noise_in_place_of_the_cursors_loses_nothing(trial: Trial) -> None:
    with trial.stage() as stage:
        cursors = stage.journal / "cursors.json"
        with Load(stage.port) as ledger:
            for _ in range(6):
                time.sleep(1)
                cursors.write_bytes(random.randbytes(random.randrange(300)))
                stage.kill_the_leader()
            time.sleep(1)
        tally = trial.judge(20, ledger, more="while it runs")
        assert tally.repeated > 0


def test_noise_in_place_of_the_cursors_at_rest_sends_all_again(trial: Trial) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
        stage.kill()
        (stage.journal / "cursors.json").write_bytes(random.randbytes(200))
        stage.start()
        tally = trial.judge(20, ledger, more="at rest")
        assert tally.repeated > 0


@pytest.mark.parametrize("where", ["in the middle", "at the tail", "anywhere"])
def test_as_many_are_counted_as_lost_as_are_lost(trial: Trial, where: str) -> None:
    stage = trial.stage(relay="external")
    ledger = Ledger()
    for process in range(PROCESSES):
        with Caller(stage.paste_file, stage.log) as caller:
            for number in range(EVENTS):
                caller.call([request_id := f"{process}/{number}"])
                ledger.answered.append(Answered(request_id, LIFE[0], 0.0, 0.0))
    for segment in stage.segments():
        _damage(segment, where)
    stage.start_relay()
    tally = trial.judge(21, ledger, more=where, seconds=5, may_miss=True)
    stage.wait_until(lambda: not stage.segments())
    counted = re.findall(r"(\d+) notifications are lost", stage.said())
    assert sum(map(int, counted)) == len(tally.missing)
    assert tally.missing


def _damage(segment: Path, where: str) -> None:
    """Overwrite from a few bytes to a few records."""
    size = segment.stat().st_size
    length = random.choice([1, 100, 5000])
    at = {
        "in the middle": random.randrange(size // 3, size // 2),
        "at the tail": size - length,
        "anywhere": random.randrange(size - length),
    }[where]
    with segment.open("r+b") as file:
        file.seek(at)
        old = file.read(length)
        file.seek(at)
        file.write(bytes(each ^ 0x55 for each in old))
        os.fsync(file.fileno())
