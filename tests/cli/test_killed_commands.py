"""dead retry and replay are killed at each step: nothing is lost, and no id changes. drain has no
step at which a kill could leave anything behind."""

import contextlib
import signal
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message, Notification, Priority
from tests.cli.conftest import Run
from tests.cli.killed_command import AFTER, IN_THE_MIDDLE, run_and_die, steps_of
from tests.cli.notification_lines import notification
from tests.cli.repaired_journal import RepairedJournal
from tests.journal.processes import call_in_process, running

MADE = [notification(priority=Priority(each)) for each in ("INFO", "INFO", "WARN")]


def with_dead_letters(folder: Path) -> tuple[RepairedJournal, list[str]]:
    """A journal with dead letters, and the command that sends all of them again."""
    journal = RepairedJournal(folder)
    journal.add_dead("rabbit", *MADE)
    (path,) = journal.directory.glob("dead-*.jsonl")
    path.rename(journal.directory / "dead-2026-09.jsonl")  # it is removed when it is blank
    return journal, ["dead", "retry", journal.paste, "--all"]


def with_log_file(folder: Path) -> tuple[RepairedJournal, list[str]]:
    """A journal, and the command that sends all notifications of a log_file."""
    journal = RepairedJournal(folder)
    path = folder / "notifications.log"
    path.write_bytes(b"".join(each.to_json() + b"\n" for each in MADE))
    return journal, ["replay", "--paste", journal.paste, "--target", "rabbit", str(path)]


Make = Callable[[Path], tuple[RepairedJournal, list[str]]]


def kills(steps: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Where the command is killed: before the first step, after each, in the middle of writes."""
    yield 0, AFTER
    for number, name in enumerate(steps, 1):
        yield number, AFTER
        if name in ("write", "pwrite"):
            yield number, IN_THE_MIDDLE


@pytest.mark.parametrize(
    ("make", "must_have"),
    [
        pytest.param(with_dead_letters, {"write", "fsync", "pwrite", "unlink"}, id="dead retry"),
        pytest.param(with_log_file, {"write", "fsync"}, id="replay"),
    ],
)
def test_command_that_is_killed_at_a_step_and_run_again_loses_nothing(
    make: Make, must_have: set[str], tmp_path: Path, run: Run
) -> None:
    def new_folder() -> Path:
        folder = tmp_path / uuid.uuid4().hex
        folder.mkdir()
        return folder

    _, words = make(new_folder())
    steps: list[str] = call_in_process(steps_of, words)
    assert must_have <= set(steps)
    journals = []
    with contextlib.ExitStack() as processes:
        for number, where in kills(steps):
            journal, words = make(new_folder())
            started = processes.enter_context(running(run_and_die, words, number, where))
            journals.append((f"{where} step {number} of {steps}", journal, words, started))
        for what, _, _, process in journals:
            process.join(60)
            assert process.exitcode == -signal.SIGKILL, what
    for what, journal, words, _ in journals:
        assert run(*words).status == 0, what
        assert journal.dead() == [], what
    with ThreadPoolExecutor(len(journals)) as leaders:
        for delivered in leaders.map(lambda each: each[1].deliver()["rabbit"], journals):
            check(delivered, MADE)


def test_drain_changes_no_file_so_that_a_kill_leaves_nothing_behind(tmp_path: Path) -> None:
    journal = RepairedJournal(tmp_path)
    assert call_in_process(steps_of, ["drain", journal.paste, "--timeout", "5"]) == []


def check(delivered: Sequence[Message], made: Sequence[Notification]) -> None:
    """All were delivered, and nothing else: what came twice is the same twice."""
    assert {(each.message_id, each.body) for each in delivered} == {
        (each.message_id, each.to_json()) for each in made
    }
