"""Several filters of a process, and several servers, that share a journal."""

import os
import time

import pytest

from tests.faults.faults import under_each
from tests.faults.load import Load
from tests.faults.trial import Trial
from tests.long_runs import ALL_FAULTS

_CONTAINERS = "two containers" if os.geteuid() == 0 else "two groups of processes"


_DIFFERS = {"default_publisher_id": "too", "image_delete_payload": "metadata"}
"""What filters of one journal may differ in: what is told, but not where it goes."""


@under_each(35)
def test_two_filters_of_a_process_share_one_journal(trial: Trial, kind: str) -> None:
    one = {"default_publisher_id": "one", "image_delete_payload": "id"}
    with trial.stage(kind=kind, app="several", too=_DIFFERS, **one) as stage:
        with Load(stage.port) as ledger:
            time.sleep(3)
            segments = len(stage.segments())
        assert segments == len(stage.server.workers())
        tally = trial.judge(35, ledger, more="two filters of one process")
    deletes = [each for each in tally.arrivals if each.event == "image.delete INFO"]
    told = {(each.publisher_id, type(each.payload)) for each in deletes}
    assert told == {("one", str), ("too", dict)}


_REFUSED = {"rabbit_virtual_host": "/", "message_format": "oslo", "journal_max_size": "1GiB"}


@pytest.mark.parametrize("name", _REFUSED)
def test_two_filters_that_differ_in_what_one_delivers_for_both_are_refused(
    trial: Trial, name: str
) -> None:
    value = _REFUSED[name]
    with pytest.raises(RuntimeError, match=f"option {name} .* in another filter of this process"):
        trial.stage(app="several", too={name: value}).start()
    with trial.stage(app="several") as stage:  # of the same journal, with one configuration
        with Load(stage.port) as ledger:
            time.sleep(2)
        trial.judge(35, ledger, more=f"two filters of one process, refused while {name} differs")


@under_each(35, always=["uWSGI"])
def test_two_containers_on_one_volume_share_one_journal(trial: Trial, kind: str) -> None:
    """In which processes have the same ids; one of them is killed, the leader's or the other."""
    journal = str(trial.folder / "journal")
    one, other = (
        trial.stage(name, kind=kind, processes=2, journal_dir=journal, in_container=True)
        for name in ("one", "other")
    )
    with one, other:
        with Load(one.port, other.port, kills=True) as ledger:
            for each in (one, other) if ALL_FAULTS else (one,):
                time.sleep(2)
                each.kill()
                each.start()
            time.sleep(1)
        trial.judge(35, ledger, more=f"{_CONTAINERS} on one volume")
