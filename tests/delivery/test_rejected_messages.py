"""A message that the broker rejects is a dead letter at the third try."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import DispatcherHarness, message_with_id
from tests.delivery.scripted_strategy import reject, take_all
from tests.runtime.logged import logged_lines


def test_rejected_message_is_a_dead_letter_after_three_tries_and_holds_up_no_other(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = harness.take(message_with_id(), message_with_id(name="Größe"), message_with_id())
    harness.strategy.choose = reject(ids[1])
    harness.send()
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([], 1)
    later = harness.take(message_with_id())
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([ids[1]], 4)
    assert harness.strategy.ids == [ids, [ids[1]], [ids[1], *later]]
    (line,) = logged_lines(caplog, logging.ERROR)
    assert line.startswith(f"scripted rejects image.update {ids[1]} for what it is; it is kept in")


def test_lost_connection_is_not_counted_as_a_try(harness: DispatcherHarness) -> None:
    ids = harness.take(message_with_id())
    harness.strategy.choose = reject(*ids)
    for _ in range(2):
        harness.strategy.errors = [SendError("gone")]
        harness.send()
        harness.wait(60)
        harness.send()
    assert harness.dead_letters() == []
    harness.send()
    assert harness.dead_letters() == ids


def test_rejection_that_comes_with_an_error_is_counted(harness: DispatcherHarness) -> None:
    ids = harness.take(message_with_id(), message_with_id())
    harness.strategy.errors = [SendError("closed", [Outcome.REJECTED])] * 3
    for _ in range(3):
        harness.send()
        harness.wait(60)
    assert harness.dead_letters() == ids[:1]
    harness.send()
    assert harness.done == 2


def test_message_that_is_rejected_and_then_taken_is_no_dead_letter(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take(message_with_id())
    harness.strategy.choose = reject(*ids)
    harness.send(2)
    harness.strategy.choose = take_all
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([], 1)


def fill_disk(patched: pytest.MonkeyPatch, kept: int | None) -> None:
    """Have a write keep the first `kept` bytes, or without `kept` raise an error."""
    write = os.write

    def fail(fd: int, data: bytes) -> int:
        if kept is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:kept])

    patched.setattr(os, "write", fail)


@pytest.mark.parametrize("kept", [None, 30], ids=["error", "torn line"])
def test_rejected_message_stays_in_the_journal_while_the_disk_is_full(
    kept: int | None,
    harness: DispatcherHarness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = harness.take(message_with_id(), message_with_id())
    harness.strategy.choose = reject(ids[0])
    with monkeypatch.context() as patched:
        fill_disk(patched, kept)
        worked = [works for _ in range(10) for works in harness.send()]
    assert (harness.done, harness.dead_letters()) == (0, [])
    assert worked == [True] + [False] * 9, "there must be no busy loop"
    assert len(logged_lines(caplog, logging.ERROR)) == 1
    harness.send()
    assert harness.dead_letters() == [ids[0]]
    assert harness.done == 2


def test_dead_letters_can_be_read_by_their_owner_alone(
    harness: DispatcherHarness, tmp_path: Path
) -> None:
    harness.strategy.choose = reject(*harness.take(message_with_id()))
    harness.send(3)
    (path,) = tmp_path.glob("dead-*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
