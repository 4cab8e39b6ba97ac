"""Settling where a file cannot be opened or removed, and where a process that lives is settled."""

import contextlib
import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.delivery.count_folding import CountFolding
from glance_notify_middleware.events import intent
from glance_notify_middleware.events.intent import Intent
from glance_notify_middleware.events.notification import EventType
from glance_notify_middleware.journal import checksummed, entries, locks
from glance_notify_middleware.journal.entries import Kind
from glance_notify_middleware.journal.layout import live_path, segment_path
from glance_notify_middleware.journal.tally import tally
from tests.journal.fake_leader import (
    FakeLeader,
    journal_file_names,
    read_totals,
    write_dead_process,
)
from tests.journal.processes import living_writer
from tests.runtime.logged import logged_lines

Lead = Callable[..., FakeLeader]
Fails = Callable[[Any, str, str], contextlib.AbstractContextManager[None]]
A, B, C = ("a" * 16, "b" * 16, "c" * 16)


@pytest.fixture
def lead(tmp_path: Path) -> Iterator[Lead]:
    """Makes a leader with further strategies of these names. It is closed after the test."""
    with contextlib.ExitStack() as stack:
        yield lambda *others: stack.enter_context(closing(FakeLeader(tmp_path, *others)))


@pytest.fixture
def fails(monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Have a function raise OSError, while a `with` statement lasts, for paths with a text."""

    @contextlib.contextmanager
    def failing(owner: Any, name: str, text: str) -> Any:
        real = getattr(owner, name)

        def called(path: Path, *arguments: Any, **more: Any) -> Any:
            if text in path.name:
                raise PermissionError(1, "Operation not permitted")
            return real(path, *arguments, **more)

        with monkeypatch.context() as patched:
            patched.setattr(owner, name, called)
            yield

    return failing


def test_segment_that_cannot_be_removed_is_not_sent_again(
    lead: Lead, tmp_path: Path, fails: Fails
) -> None:
    leader = lead()
    recorded = write_dead_process(tmp_path, A, count=3)
    sent = leader.deliver()
    with fails(Path, "unlink", ".seg"):
        for _ in range(3):
            leader.survey()
            sent += leader.deliver()
    assert sent == recorded
    leader.settle()
    assert journal_file_names(tmp_path) == set()
    assert leader.cursors.counts.content()["delivered"] == 3
    assert read_totals(tmp_path)[0] == {"image.update INFO": 3}


@pytest.mark.parametrize(
    ("owner", "name", "text"),
    [(Path, "unlink", f"{B}.0"), (locks, "open_locked", B)],
    ids=["a segment cannot be removed", "a live file cannot be opened"],
)
def test_process_whose_files_fail_keeps_no_other_from_being_settled(
    owner: Any,
    name: str,
    text: str,
    lead: Lead,
    tmp_path: Path,
    fails: Fails,
    caplog: pytest.LogCaptureFixture,
) -> None:
    leader = lead()
    for identity in (A, B, C):
        write_dead_process(tmp_path, identity)
    with fails(owner, name, text):
        leader.settle()
    left = {path.partition(".")[0] for path in journal_file_names(tmp_path)}
    assert left == {B}
    (line,) = [each for each in logged_lines(caplog) if B in each]
    assert "Operation not permitted" in line


def test_live_file_that_cannot_be_opened_keeps_no_other_from_being_folded(
    tmp_path: Path, fails: Fails
) -> None:
    counted = {"number": 0, "recorded": {"image.update INFO": 1}, "dropped": {}}
    for identity in (A, B, C):
        live_path(tmp_path, identity).write_bytes(checksummed.dumps(counted))
    folding = CountFolding(tmp_path, lambda: None)
    with fails(locks, "open_locked", B):
        folding.check()
    assert journal_file_names(tmp_path) == {f"{B}.live"}
    assert read_totals(tmp_path)[0] == {"image.update INFO": 2}


def test_segment_removed_before_a_target_has_begun_the_journal_is_lost(
    lead: Lead, tmp_path: Path
) -> None:
    """Glance was started anew while the broker was down, and somebody has made room."""
    first = FakeLeader(tmp_path)
    first.cursors.save(at_once=True)
    with living_writer(tmp_path, 6, segment_size=1000) as writer:
        first.close()
        writer.maintain()
        writer.kill()
    segment_path(tmp_path, writer.identity, 0).unlink()
    leader = lead()
    delivered = leader.deliver()
    assert len(delivered) + leader.cursors.counts.lost["removed"] == 6
    assert leader.cursors.counts.lost["removed"] > 0


def test_unknown_outcomes_go_to_one_target_while_another_is_down_however_many_have_died(
    lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0.0, 5.0)
    monkeypatch.setattr(
        "glance_notify_middleware.delivery.dead_processes.time.monotonic", lambda: next(clock)
    )
    leader = lead("down")
    for number in range(150):
        write_dead_process(tmp_path, f"{number:016x}", count=1)
    for _ in range(2):
        leader.survey()
    cut = Intent(bytes([7]) * 16, 1.0, "host", EventType.UPLOAD, "upload", "i1", *["x"] * 4)
    write_dead_process(tmp_path, C, count=1)
    body = cut.key + intent.encode(cut)
    begun = entries.encode(Kind.BEGIN, body, entries.checksum(body), count=0, number=1, clock=99)
    with segment_path(tmp_path, C, 0).open("ab") as segment:
        segment.write(begun)
    for _ in range(6):
        leader.survey()
        leader.deliver()
        leader.others[0].read()
    assert len(leader.unknown) == 1


def test_process_that_lives_and_is_settled_with_another_is_counted_once(
    lead: Lead, tmp_path: Path
) -> None:
    leader = lead()
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(living_writer(tmp_path, 3)) for _ in range(2)]
        for writer in writers:
            writer.maintain()
        leader.deliver()
        for writer in writers:
            writer.lose_lock()
        for _ in range(2):
            leader.survey()
            leader.deliver()
        for _ in range(2):
            for writer in writers:
                writer.maintain()
        leader.deliver()
        for writer in writers:
            writer.kill()
        leader.settle()
    assert read_totals(tmp_path)[0] == {"image.update INFO": 6}


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_process_records_while_its_journal_is_tallied_is_not_lost(
    when: str, lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = lead()
    with living_writer(tmp_path, 3) as writer:
        writer.maintain()
        first = writer.identity
        delivered = leader.deliver()
        writer.lose_lock()
        more: list[str] = []

        def disturbed(directory: Path, identity: str, *rest: Any) -> Any:
            disturbs = identity == first and not more
            if disturbs and when == "before":
                more.extend(writer.record(2))
            found = tally(directory, identity, *rest)
            if disturbs and when == "after":
                more.extend(writer.record(2))
            return found

        monkeypatch.setattr("glance_notify_middleware.delivery.settling.tally", disturbed)
        for _ in range(3):
            leader.survey()
            delivered += leader.deliver()
        writer.maintain()
        delivered += leader.deliver()
        writer.maintain()
        writer.kill()
        leader.settle()
    assert set(more) <= set(delivered)
    assert not leader.cursors.counts.lost
    assert read_totals(tmp_path)[0] == {"image.update INFO": 5}


def test_loss_at_the_end_is_counted_once_while_the_look_of_another_target_fails(
    lead: Lead, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = lead("other")
    write_dead_process(tmp_path, A, count=2, number=5)
    (other,) = leader.others
    leader.deliver()
    other.deliver()

    def failing(*_: object) -> int:
        raise OSError(24, os.strerror(24))

    with monkeypatch.context() as patched:
        patched.setattr(other.reader, "lost_at_end", failing)
        for _ in range(4):
            leader.survey()
            leader.deliver()
            other.deliver()
    leader.settle()
    for lane in (leader, other):
        assert lane.cursors.counts.lost == {"damaged": 3}
