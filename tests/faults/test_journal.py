"""What is in the journal's directory is damaged: what can be read is sent, and the rest counted."""

import os
import random
import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.faults.caller import call_in_turn, dies_in_its_event, write_dead_process
from tests.faults.load import Ledger, Load
from tests.faults.stage import Stage
from tests.faults.tally import compare, drain
from tests.faults.trial import Trial
from tests.long_runs import takes_long

pytestmark = takes_long

PROCESSES = 6
EVENTS = 60  # of each
CRASHES = 5000


def test_noise_in_place_of_the_cursors_loses_nothing(trial: Trial) -> None:
    with trial.stage() as stage:
        cursors = stage.journal / "cursors.json"
        with Load(stage.port, kills=True) as ledger:
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
    ledger = write_dead_process(stage, processes=PROCESSES, events=EVENTS)
    for segment in stage.segments():
        _damage(segment, where)
    stage.start_relay()
    tally = trial.judge(21, ledger, more=where, seconds=5, may_miss=True)
    stage.wait_until(lambda: len(stage.segments()) == 1)  # the relay's own
    counted = re.findall(r"(\d+) notifications are lost", stage.log_text())
    assert sum(map(int, counted)) == len(tally.missing)
    assert tally.missing


def test_what_a_crash_loop_has_left_is_sent_and_holds_up_nobody(trial: Trial) -> None:
    before = trial.stage(relay="external")
    ledger = _crash(before, "die", [f"crash{n}/{n % 2}" for n in range(CRASHES)])
    assert len(before.segments()) == CRASHES
    with trial.stage() as stage:
        with Load(stage.port) as now:
            time.sleep(5)
        now.earlier = ledger.owed
        trial.judge(39, now, is_quick=True)
        # The rest goes on like this: 64 locks of the dead are held at a time.
        stage.wait_until(lambda: len(stage.segments()) < CRASHES - 500, 120)


def test_a_record_that_its_process_died_over_hides_no_other(trial: Trial) -> None:
    before = trial.stage(relay="external")
    ledger = _crash(before, "die in a record", [f"crash{n}/0" for n in range(500)])
    torn = {each.request_id for each in ledger.answered if dies_in_its_event(each.request_id)}
    torn = {f"{each.removesuffix('0')}1" for each in torn}
    ledger.earlier = {(each, "image.send ERROR") for each in torn}
    with trial.stage() as stage:
        tally = trial.judge(41, ledger)
        assert {each.request_id for each in tally.arrivals if each.is_unknown} == torn
        assert "notifications are lost" not in stage.log_text()


def _crash(stage: Stage, how: str, request_ids: Sequence[str]) -> Ledger:
    """So many processes record one event each, and die."""
    return Ledger(answered=call_in_turn(stage, how, request_ids))


def test_records_of_a_newer_version_wait_for_its_relay_and_the_others_go_on(trial: Trial) -> None:
    journal = str(trial.folder / "journal")
    old = trial.stage("old", processes=2, journal_dir=journal)
    new = trial.stage("new", processes=2, journal_dir=journal, environ={"VERSION": "2"})
    with old:
        old.wait_for_leader()
        with new:
            with Load(old.port, new.port) as ledger:
                time.sleep(3)
            new.stop()
        arrived = drain(trial.rabbit, trial.vhost, ledger.owed, 3)
        assert 0 < len(compare(ledger.owed, arrived).missing) < len(ledger.owed)
        assert old.log_text().count("of a newer version, and waits for its relay") == 2
        old.stop()
    with new:
        trial.judge(44, ledger, before=arrived, in_order=False)


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
