"""glance-notify aside: messages that are set aside are shown, tried at once, and dropped."""

import json
import sys
import time
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import checksummed
from tests.cli.conftest import Run
from tests.cli.notification_lines import notification
from tests.cli.repaired_journal import RepairedJournal, Terminal, assert_wrong_use, ids
from tests.delivery.file_broker import running_relay
from tests.delivery.scripted_strategy import ScriptedStrategy, take_all, unroutable
from tests.journal.processes import call_in_process, eventually

WARN = Priority.WARN


@pytest.fixture
def journal(tmp_path: Path) -> RepairedJournal:
    return RepairedJournal(tmp_path)


def test_list_shows_what_waits_by_target_and_priority(journal: RepairedJournal, run: Run) -> None:
    journal.add_aside("rabbit", *(notification(priority=WARN, after=n) for n in (60, 120)))
    journal.add_aside("qpid", notification(after=5))
    journal.add_dead("rabbit", notification(priority=WARN, after=1))
    run("dead", "retry", journal.paste, "--all")
    ended = run("aside", "list", journal.paste, "-f", "json")
    assert (ended.status, ended.err) == (0, "")
    rows = [list(row.values()) for row in json.loads(ended.out)]
    size = (journal.directory / "aside.rabbit.warn.seg").stat().st_size
    assert rows[0][:5] == ["qpid", "INFO", 1, 0, "2026-11-01 00:00:05"]
    assert rows[1] == ["rabbit", "WARN", 3, 1, "2026-11-01 00:01:00", size, None]
    only = run("aside", "list", journal.paste, "--priority", "info", "-f", "value", "-c", "target")
    assert only.out == "qpid\n"


def test_list_counts_what_is_behind_the_saved_cursor(journal: RepairedJournal, run: Run) -> None:
    journal.add_aside("rabbit", *(notification(priority=WARN) for _ in range(4)))
    quarter = (journal.directory / "aside.rabbit.warn.seg").stat().st_size // 4
    content = {"rabbit": {"aside": {"WARN": quarter}}}
    checksummed.replace(journal.directory / "cursors.json", content)
    ended = run("aside", "list", journal.paste, "-f", "value", "-c", "messages", "-c", "bytes")
    assert ended.out == f"3 {3 * quarter}\n"


def test_list_shows_why_while_a_leader_runs(
    journal: RepairedJournal, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.add_aside("rabbit", notification(priority=WARN))
    target = {"link": "connected", "since": 1.0, "why": "", "last_confirm": None}
    troubles = {"WARN": "has no queue for WARN"}
    content = {"time": time.time(), "targets": {"rabbit": {**target, "troubles": troubles}}}
    checksummed.replace(journal.directory / "state.json", content)
    words = ("aside", "list", journal.paste, "-f", "value", "-c", "why")
    assert run(*words).out == "None\n"
    monkeypatch.setattr("glance_notify_middleware.journal.locks.is_led", lambda _: True)
    assert run(*words).out == "has no queue for WARN\n"


def test_retry_has_the_leader_try_at_once(journal: RepairedJournal, run: Run) -> None:
    """Else it tries again after a minute."""
    added = journal.add_aside("rabbit", *(notification(priority=WARN) for _ in range(3)))
    strategy = ScriptedStrategy(unroutable(WARN))
    with running_relay(journal.directory, lambda: strategy):
        eventually(lambda: bool(strategy.batches))
        strategy.choose = take_all
        # In a process of its own, as this one holds the lock of the leader.
        words = ["aside", "retry", journal.paste, "--target", "rabbit"]
        assert call_in_process(run_main, words) == 0
        eventually(lambda: not journal.aside_files())
    assert [each.message_id for batch in strategy.batches[1:] for each in batch] == added


def run_main(words: list[str]) -> int:
    """Run the command; returns its exit status."""
    from glance_notify_middleware import cli

    return cli.main(words)


def test_retry_says_what_is_tried_and_that_no_leader_runs(
    journal: RepairedJournal, run: Run
) -> None:
    journal.add_aside("rabbit", notification(priority=WARN), notification())
    ended = run("aside", "retry", journal.paste, "--priority", "WARN")
    assert ended.status == 0
    assert ended.out == "rabbit WARN: messages that are tried at once: 1\n"
    assert ended.err.startswith("no relay runs now: they are sent when")
    assert "aside.rabbit.warn.retry" in journal.aside_files()
    assert len(journal.deliver()["rabbit"]) == 2


def test_dropped_messages_are_not_delivered(journal: RepairedJournal, run: Run) -> None:
    journal.add_aside("rabbit", *(notification(priority=WARN) for _ in range(3)))
    info = journal.add_aside("rabbit", notification())
    to_qpid = journal.add_aside("qpid", notification(priority=WARN))
    words = ("aside", "drop", journal.paste, "--target", "rabbit", "--priority", "WARN")
    ended = run(*words, "--yes")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out == "rabbit WARN: messages that are dropped: 3\n"
    assert run("aside", "list", journal.paste, "--priority", "WARN", "-f", "value").out == (
        run("aside", "list", journal.paste, "--target", "qpid", "-f", "value").out
    )
    assert run(*words, "--yes").out == "nothing is set aside\n"
    delivered = journal.deliver()
    assert ids(delivered["rabbit"]) == info
    assert ids(delivered["qpid"]) == to_qpid


@pytest.mark.parametrize(("answer", "drops"), [("y\n", True), ("n\n", False)])
def test_drop_asks_at_a_terminal(
    answer: str,
    drops: bool,
    journal: RepairedJournal,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal.add_aside("rabbit", notification(priority=WARN), notification(), notification())
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    ended = run("aside", "drop", journal.paste)
    assert ended.err.startswith(
        "Drop 3 messages (2 of rabbit INFO, 1 of rabbit WARN)? This cannot be undone. [y/N] "
    )
    assert ended.status == (0 if drops else 1)
    assert len(journal.deliver()["rabbit"]) == (0 if drops else 3)


def test_list_of_nothing_says_so_beside_the_table(journal: RepairedJournal, run: Run) -> None:
    assert run("aside", "list", journal.paste) == (0, "", "nothing is set aside\n")
    assert run("aside", "list", journal.paste, "-f", "json") == (0, "[]\n", "")
    assert "| target " in run("aside", "list", journal.paste, "--print-empty").out
    ended = run("aside", "list", journal.paste, "-c", "Colour")
    assert (ended.status, ended.out) == (2, "")


@pytest.mark.parametrize("command", ["retry", "drop"])
def test_nothing_set_aside_is_no_error(command: str, journal: RepairedJournal, run: Run) -> None:
    more = ["--yes"] if command == "drop" else []
    ended = run("aside", command, journal.paste, *more)
    assert (ended.status, ended.out, ended.err) == (0, "nothing is set aside\n", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["drop"], "standard input is no terminal, so nobody can be asked; say --yes"),
        (["list", "--target", "kafka"], "--target kafka: no such target; the targets are: qpid,"),
        (["retry", "--priority", "DEBUG"], "argument --priority: invalid choice: 'DEBUG'"),
        (["retry", "now"], "unrecognized arguments: now"),
    ],
)
def test_wrong_use_is_one_line(
    words: list[str], said: str, journal: RepairedJournal, run: Run
) -> None:
    journal.add_aside("rabbit", notification())
    assert_wrong_use(run, said, "aside", words[0], journal.paste, *words[1:])
    assert journal.aside_files() == ["aside.rabbit.info.seg"]
