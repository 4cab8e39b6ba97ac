"""Over a fork: a child has a journal of its own, and what it closes is no loss to its parent."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.process_journals import ProcessJournals
from glance_notify_middleware.journal.writer import Journal
from tests.journal.processes import call_in_process, looks_dead, pipe, running
from tests.journal.sample_journals import (
    GIB,
    ids,
    lost,
    message,
    open_files,
    read,
    record_each,
    segments,
)

JOURNALS = ProcessJournals()


def own_journal(directory: Path) -> Journal:
    """The journal of the process that calls."""
    return JOURNALS.get(directory, lambda: Journal(directory, max_size=GIB))


def in_a_child(function: Callable[[], object]) -> int:
    """Fork, and call `function` in the child; returns its exit status."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def parent_and_child_record(directory: Path) -> tuple[list[str], str | None, int]:
    parent = own_journal(directory)
    recorded = record_each(parent, [message(), message()])

    def child() -> None:
        journal = own_journal(directory)
        record_each(journal, [message(), message(), message()])
        journal.maintain()
        assert journal is own_journal(directory)
        assert journal.identity == JOURNALS.identity(directory) != parent.identity
        assert not [each for each in open_files() if str(parent.identity) in each]

    status = in_a_child(child)
    parent.maintain()
    recorded += record_each(parent, [message()])
    assert parent is own_journal(directory)
    return recorded, parent.identity, status


def test_child_records_in_a_journal_of_its_own(tmp_path: Path) -> None:
    recorded, identity, status = call_in_process(parent_and_child_record, tmp_path)
    assert status == 0
    steps = read(tmp_path)
    assert [each for each in ids(steps) if each in recorded] == recorded
    assert (len(ids(steps)), lost(steps)) == (6, 0)
    by_journal = [len(ids([s for s in steps if s.identity == each])) for each in journals_in(steps)]
    assert sorted(by_journal) == [3, 3]
    assert len(segments(tmp_path)) == 2
    assert identity in journals_in(steps)


def journals_in(steps: list[Step]) -> set[str]:
    return {step.identity for step in steps}


def fork_and_wait(directory: Path, result: Connection, orders: Connection) -> None:
    """Fork a child that closes what it has inherited, and ends; then live on."""
    parent = own_journal(directory)
    parent.open()
    status = in_a_child(lambda: record_each(own_journal(directory), [message()]))
    result.send((parent.identity, status))
    orders.recv()


def test_lock_of_the_parent_outlives_a_child_that_closed_the_file(tmp_path: Path) -> None:
    receiver, sender = pipe()
    orders, order_sender = pipe()
    ends = receiver, sender, orders, order_sender
    with contextlib.ExitStack() as stack:
        for end in ends:
            stack.enter_context(end)
        parent = stack.enter_context(running(fork_and_wait, tmp_path, sender, orders))
        identity, status = receiver.recv()
        assert status == 0
        assert not looks_dead(tmp_path, identity)
        parent.kill()
        parent.join()
        assert looks_dead(tmp_path, identity)


def fork_and_be_killed(directory: Path, result: Connection) -> None:
    """Fork a child that never calls this package, and lives on."""
    parent = own_journal(directory)
    parent.open()
    child = os.fork()
    if child != 0:
        result.send((parent.identity, child))
    signal.pause()


def test_process_counts_as_dead_while_a_forked_child_lives(tmp_path: Path) -> None:
    receiver, sender = pipe()
    with receiver, sender, running(fork_and_be_killed, tmp_path, sender) as parent:
        identity, child = receiver.recv()
        try:
            assert not looks_dead(tmp_path, identity)
            parent.kill()
            parent.join()
            os.kill(child, 0)
            assert looks_dead(tmp_path, identity)
        finally:
            os.kill(child, 9)


def test_threads_of_a_process_share_one_journal_of_a_directory(tmp_path: Path) -> None:
    assert call_in_process(journals_of_threads, tmp_path) == (1, 2)


def journals_of_threads(directory: Path) -> tuple[int, int]:
    """How many journals 20 threads have in one directory, and how many with a second directory."""
    found: set[int] = set()
    kept = []

    def look() -> None:
        kept.append(own_journal(directory))
        found.add(id(kept[-1]))

    threads = [threading.Thread(target=look) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(found), len({*found, id(own_journal(directory / "other"))})


def test_process_that_has_not_recorded_has_no_identity(tmp_path: Path) -> None:
    assert JOURNALS.identity(tmp_path) is None
