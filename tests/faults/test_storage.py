"""What the journal lies on is full, gone or not ours: what is not told is counted, and logged."""

import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from pathlib import Path

import pytest

from tests.faults.disk import Disk, counted_as_dropped, lost_in_the_log
from tests.faults.load import Ledger, Load
from tests.faults.stage import Stage
from tests.faults.trial import Trial
from tests.long_runs import takes_long

pytestmark = takes_long

_NOBODY = 65534
_PROCESSES = _THREADS = 4  # of a stage
_UNDER_WAY = _PROCESSES * _THREADS  # requests


def test_what_a_full_disk_did_not_take_is_logged_and_the_rest_goes_on(trial: Trial) -> None:
    stage = trial.stage()
    with Disk(stage.journal) as disk, stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
            with disk.full():
                time.sleep(4)
            time.sleep(3)
        assert _judge(trial, stage, 19, ledger, "") > 0


def test_what_a_full_disk_cannot_take_is_refused_where_the_operator_chose_so(trial: Trial) -> None:
    """Lost is what was under way as each process found that out, and nothing after that."""
    stage = trial.stage(journal_when_full="refuse")
    with Disk(stage.journal) as disk, stage:
        with Load(stage.port, may_be_refused=True) as ledger:
            time.sleep(2)
            with disk.full():
                time.sleep(4)
            time.sleep(3)
        lost = _judge(trial, stage, 19, ledger, "journal_when_full = refuse")
        assert lost <= _UNDER_WAY
        assert len(ledger.refused) > 300


@pytest.mark.parametrize("policy", ["drop", "refuse"])
def test_a_server_that_starts_while_the_disk_is_full_leaves_nothing_and_goes_on_when_it_is_not(
    trial: Trial, policy: str
) -> None:
    """The directory is that of an earlier run."""
    stage = trial.stage(journal_when_full=policy)
    with Disk(stage.journal) as disk, stage:
        stage.stop()
        with disk.full():
            stage.start()
            with Load(stage.port, may_be_refused=True) as ledger:
                time.sleep(4)
                # Those of the earlier run, and one for each process that tries just now.
                assert len(list(stage.journal.glob("*.live"))) <= 2 * _PROCESSES
        with Load(stage.port, may_be_refused=True) as later:
            time.sleep(4)
        later.answered += ledger.answered
        later.refused += ledger.refused
        lost = _judge(trial, stage, 19, later, f"at the start, journal_when_full = {policy}")
        if policy == "drop":
            assert (lost > 300, later.refused) == (True, [])
        else:
            assert (lost <= _UNDER_WAY, len(later.refused) > 300) == (True, True)


def _judge(trial: Trial, stage: Stage, number: int, ledger: Ledger, more: str) -> int:
    """As many are missing as are counted, and the log has them; returns how many."""
    in_order = "removed" not in more and "moved away" not in more
    tally = trial.judge(number, ledger, more=more, seconds=8, may_miss=True, in_order=in_order)
    assert set(tally.missing) == lost_in_the_log(stage)
    stage.wait_until(lambda: counted_as_dropped(stage) == len(tally.missing))
    return len(tally.missing)


def _newest_segments(journal: Path) -> Iterable[Path]:
    """Of each process."""
    found = sorted(journal.glob("*.seg"), key=lambda path: (path.name[:16], path.stat().st_mtime))
    return [list(of_one)[-1] for _, of_one in groupby(found, lambda path: path.name[:16])]


_FILES: dict[str, Callable[[Path], Iterable[Path]]] = {
    "cursors": lambda journal: [journal / "cursors.json"],
    "the relay's lock": lambda journal: [journal / "relay.lock"],
    "live files": lambda journal: journal.glob("*.live"),
    "segments that are written": _newest_segments,
    "all of these": lambda journal: [each for each in journal.iterdir() if each.suffix != ".tmp"],
}


@pytest.mark.parametrize("what", _FILES)
def test_nothing_is_lost_when_files_are_unlinked(trial: Trial, what: str) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(5):
                time.sleep(1.5)
                for path in _FILES[what](stage.journal):
                    path.unlink(missing_ok=True)
            time.sleep(2)
        trial.judge(22, ledger, more=what, in_order=False)


@contextmanager
def _foreign(stage: Stage, _: Disk) -> Iterator[None]:
    os.chown(stage.journal, _NOBODY, _NOBODY)
    yield
    os.chown(stage.journal, os.geteuid(), os.getegid())


@contextmanager
def _read_only(_: Stage, disk: Disk) -> Iterator[None]:
    with disk.read_only():
        yield


@pytest.mark.parametrize(
    ("what", "unfit", "said"),
    [
        ("is another user's", _foreign, f"belongs to user {_NOBODY}, this process to user 0"),
        ("is read-only", _read_only, "cannot be written by user 0"),
    ],
)
def test_a_directory_that_is_not_fit_is_named_and_what_is_in_it_waits(
    trial: Trial,
    what: str,
    unfit: Callable[[Stage, Disk], AbstractContextManager[None]],
    said: str,
) -> None:
    proxy = trial.proxy()
    stage = trial.stage(hosts=f"127.0.0.1:{proxy.port}")
    with Disk(stage.journal) as disk, stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
        stage.stop()
        with unfit(stage, disk), pytest.raises(RuntimeError, match=said):
            stage.start()
        proxy.open()
        stage.start()
        trial.judge(23, ledger, more=f"{what} at the start")


def test_a_directory_that_cannot_be_made_is_named(trial: Trial) -> None:
    journal = trial.folder / "place" / "journal"
    stage = trial.stage(journal_dir=str(journal))
    with pytest.raises(RuntimeError, match="cannot be made"):
        stage.start()
    journal.parent.mkdir()
    with stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
        trial.judge(23, ledger, more="is missing, and cannot be made, at the start")


def _moved_away(directory: Path) -> None:
    directory.rename(directory.with_name(f"moved-{time.monotonic_ns()}"))


def _removed(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)


@pytest.mark.parametrize(
    ("what", "take"), [("is removed", _removed), ("is moved away", _moved_away)]
)
def test_a_directory_that_is_gone_under_load_is_made_again(
    trial: Trial, what: str, take: Callable[[Path], None]
) -> None:
    with trial.stage() as stage:
        with Load(stage.port) as ledger:
            for _ in range(3):
                time.sleep(2)
                take(stage.journal)
            time.sleep(3)
        _judge(trial, stage, 23, ledger, f"{what} under load")


def test_a_directory_that_is_read_only_for_a_while_loses_nothing(trial: Trial) -> None:
    """What is open stays so; but no new segment can be begun, and no cursor saved."""
    stage = trial.stage(environ={"SEGMENT_SIZE": "20000"})
    with Disk(stage.journal) as disk, stage:
        with Load(stage.port) as ledger:
            time.sleep(2)
            with disk.read_only():
                time.sleep(4)
            time.sleep(3)
        _judge(trial, stage, 23, ledger, "is read-only under load")
