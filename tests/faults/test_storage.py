"""The disk or the directory of the journal is full, gone or foreign: lost events are counted and
logged."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from tests.faults.client_load import Ledger, Load
from tests.faults.deployment import Deployment
from tests.faults.fault_run import FaultRun
from tests.faults.small_disk import SmallDisk, counted_as_dropped, lost_in_the_log
from tests.long_runs import takes_long

pytestmark = takes_long

_NOBODY = 65534
_PROCESSES = _THREADS = 4  # of a deployment
_UNDER_WAY = _PROCESSES * _THREADS  # requests


def test_events_that_a_full_disk_does_not_take_are_logged_and_the_rest_is_delivered(
    fault_run: FaultRun,
) -> None:
    deployment = fault_run.deployment()
    with SmallDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
            with disk.full():
                time.sleep(4)
            time.sleep(3)
        assert _check(fault_run, deployment, 19, ledger, "") > 0


def test_requests_are_refused_while_the_disk_is_full_where_the_operator_chose_so(
    fault_run: FaultRun,
) -> None:
    """Only the requests that were under way when a process found the disk full lose events."""
    deployment = fault_run.deployment(journal_when_full="refuse")
    with SmallDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port, may_be_refused=True) as ledger:
            time.sleep(2)
            with disk.full():
                time.sleep(4)
            time.sleep(3)
        lost = _check(fault_run, deployment, 19, ledger, "journal_when_full = refuse")
        assert lost <= _UNDER_WAY
        assert len(ledger.refused) > 300


@pytest.mark.parametrize("policy", ["drop", "refuse"])
def test_server_that_starts_on_a_full_disk_leaves_no_files_and_records_once_there_is_room(
    fault_run: FaultRun, policy: str
) -> None:
    """The directory has the files of an earlier run."""
    deployment = fault_run.deployment(journal_when_full=policy)
    with SmallDisk(deployment.journal) as disk, deployment:
        deployment.stop()
        with disk.full():
            deployment.start()
            with Load(deployment.port, may_be_refused=True) as ledger:
                time.sleep(4)
                # The files of the earlier run, and one for each process that tries at this moment.
                assert len(list(deployment.journal.glob("*.live"))) <= 2 * _PROCESSES
        with Load(deployment.port, may_be_refused=True) as later:
            time.sleep(4)
        later.answered += ledger.answered
        later.refused += ledger.refused
        lost = _check(
            fault_run, deployment, 19, later, f"at the start, journal_when_full = {policy}"
        )
        if policy == "drop":
            assert (lost > 300, later.refused) == (True, [])
        else:
            assert (lost <= _UNDER_WAY, len(later.refused) > 300) == (True, True)


def _check(
    fault_run: FaultRun, deployment: Deployment, number: int, ledger: Ledger, more: str
) -> int:
    """Assert that the missing events are those that are counted and logged; returns how many."""
    in_order = "removed" not in more and "moved away" not in more
    tally = fault_run.check(number, ledger, more=more, seconds=8, may_miss=True, in_order=in_order)
    assert set(tally.missing) == lost_in_the_log(deployment)
    deployment.wait_until(lambda: counted_as_dropped(deployment) == len(tally.missing))
    return len(tally.missing)


def _newest_segments(journal: Path) -> Iterable[Path]:
    """The newest segment of each process."""
    found = sorted(journal.glob("*.seg"), key=lambda path: (path.name[:16], path.stat().st_mtime))
    return [list(of_one)[-1] for _, of_one in groupby(found, lambda path: path.name[:16])]


_FILES: dict[str, Callable[[Path], Iterable[Path]]] = {
    "cursors": lambda journal: [journal / "cursors.json"],
    "the relay's lock": lambda journal: [journal / "relay.lock"],
    "live files": lambda journal: journal.glob("*.live"),
    "segments that are written": _newest_segments,
    "all of these": lambda journal: [path for path in journal.iterdir() if path.suffix != ".tmp"],
}


@pytest.mark.parametrize("files", _FILES)
def test_unlinked_files_lose_nothing(fault_run: FaultRun, files: str) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            for _ in range(5):
                time.sleep(1.5)
                for path in _FILES[files](deployment.journal):
                    path.unlink(missing_ok=True)
            time.sleep(2)
        fault_run.check(22, ledger, more=files, in_order=False)


@contextmanager
def _foreign(deployment: Deployment, _: SmallDisk) -> Iterator[None]:
    os.chown(deployment.journal, _NOBODY, _NOBODY)
    yield
    os.chown(deployment.journal, os.geteuid(), os.getegid())


@contextmanager
def _read_only(_: Deployment, disk: SmallDisk) -> Iterator[None]:
    with disk.read_only():
        yield


@pytest.mark.parametrize(
    ("state", "unfit", "error"),
    [
        ("is another user's", _foreign, f"belongs to user {_NOBODY}, this process to user 0"),
        ("is read-only", _read_only, "cannot be written by user 0"),
    ],
)
def test_unfit_directory_is_named_and_its_messages_wait(
    fault_run: FaultRun,
    state: str,
    unfit: Callable[[Deployment, SmallDisk], AbstractContextManager[None]],
    error: str,
) -> None:
    proxy = fault_run.proxy()
    deployment = fault_run.deployment(hosts=f"127.0.0.1:{proxy.port}")
    with SmallDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
        deployment.stop()
        with unfit(deployment, disk), pytest.raises(RuntimeError, match=error):
            deployment.start()
        proxy.open()
        deployment.start()
        fault_run.check(23, ledger, more=f"{state} at the start")


def test_directory_that_cannot_be_made_is_named(fault_run: FaultRun) -> None:
    journal = fault_run.folder / "place" / "journal"
    deployment = fault_run.deployment(journal_dir=str(journal))
    with pytest.raises(RuntimeError, match="cannot be made"):
        deployment.start()
    journal.parent.mkdir()
    with deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
        fault_run.check(23, ledger, more="is missing, and cannot be made, at the start")


def _moved_away(directory: Path) -> None:
    directory.rename(directory.with_name(f"moved-{time.monotonic_ns()}"))


def _removed(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize(
    ("state", "take"), [("is removed", _removed), ("is moved away", _moved_away)]
)
def test_directory_that_is_gone_under_load_is_made_again(
    fault_run: FaultRun, state: str, take: Callable[[Path], None]
) -> None:
    with fault_run.deployment() as deployment:
        with Load(deployment.port) as ledger:
            for _ in range(3):
                time.sleep(2)
                take(deployment.journal)
            time.sleep(3)
        _check(fault_run, deployment, 23, ledger, f"{state} under load")


def test_directory_that_is_read_only_for_a_while_loses_nothing(fault_run: FaultRun) -> None:
    """Open files can be written; no new segment can be begun, and no cursor saved."""
    deployment = fault_run.deployment(environ={"SEGMENT_SIZE": "20000"})
    with SmallDisk(deployment.journal) as disk, deployment:
        with Load(deployment.port) as ledger:
            time.sleep(2)
            with disk.read_only():
                time.sleep(4)
            time.sleep(3)
        _check(fault_run, deployment, 23, ledger, "is read-only under load")
