"""Several filters of a process, and several servers, share a journal."""

import os
import time

import pytest

from tests.faults.client_load import Load
from tests.faults.fault_run import FaultRun
from tests.faults.fault_table import under_each_server
from tests.long_runs import ALL_FAULTS

_CONTAINERS = "two containers" if os.geteuid() == 0 else "two groups of processes"


_DIFFERS = {"default_publisher_id": "second", "image_delete_payload": "metadata"}
"""Options in which filters of one journal may differ: they decide what is sent, not where to."""


@under_each_server(35)
def test_two_filters_of_a_process_share_one_journal(fault_run: FaultRun, kind: str) -> None:
    first = {"default_publisher_id": "first", "image_delete_payload": "id"}
    with fault_run.deployment(kind=kind, app="several", second=_DIFFERS, **first) as deployment:
        with Load(deployment.port) as ledger:
            time.sleep(3)
            segments = len(deployment.segments())
        assert segments == len(deployment.server.workers())
        tally = fault_run.check(35, ledger, more="two filters of one process")
    deletes = [arrival for arrival in tally.arrivals if arrival.event == "image.delete INFO"]
    found = {(arrival.publisher_id, type(arrival.payload)) for arrival in deletes}
    assert found == {("first", str), ("second", dict)}


_REFUSED = {"rabbit_virtual_host": "/", "message_format": "oslo", "journal_max_size": "1GiB"}


@pytest.mark.parametrize("name", _REFUSED)
def test_two_filters_that_differ_in_the_destination_are_refused(
    fault_run: FaultRun, name: str
) -> None:
    value = _REFUSED[name]
    with pytest.raises(RuntimeError, match=f"option {name} .* in another filter of this process"):
        fault_run.deployment(app="several", second={name: value}).start()
    with fault_run.deployment(
        app="several"
    ) as deployment:  # with the same journal and one configuration
        with Load(deployment.port) as ledger:
            time.sleep(2)
        fault_run.check(
            35, ledger, more=f"two filters of one process, refused while {name} differs"
        )


@under_each_server(35, always=["uWSGI"])
def test_two_containers_on_one_volume_share_one_journal(fault_run: FaultRun, kind: str) -> None:
    """Processes of both have the same ids. Killed is the container of the leader, or the other."""
    journal = str(fault_run.folder / "journal")
    first, second = (
        fault_run.deployment(name, kind=kind, processes=2, journal_dir=journal, in_container=True)
        for name in ("first", "second")
    )
    with first, second:
        with Load(first.port, second.port, kills=True) as ledger:
            for deployment in (first, second) if ALL_FAULTS else (first,):
                time.sleep(2)
                deployment.kill()
                deployment.start()
            time.sleep(1)
        fault_run.check(35, ledger, more=f"{_CONTAINERS} on one volume")
