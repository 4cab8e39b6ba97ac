"""Poison: what is rejected for what it is becomes a dead letter at the third try."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import DispatcherHarness, message_with_id
from tests.delivery.scripted_strategy import take_all
from tests.runtime.logged import logged_lines


def rejecting(*ids: str) -> "OutcomeOfPoison":
    return OutcomeOfPoison(ids)


class OutcomeOfPoison:
    def __init__(self, ids: tuple[str, ...]) -> None:
        self._ids = ids

    def __call__(self, sent: Message) -> Outcome:
        return Outcome.REJECTED if sent.message_id in self._ids else Outcome.TAKEN


def test_it_is_tried_three_times_and_buried_while_the_others_go_on(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    ids = harness.take(message_with_id(), message_with_id(name="Größe"), message_with_id())
    harness.strategy.choose = rejecting(ids[1])
    harness.send()
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([], 1)
    later = harness.take(message_with_id())
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([ids[1]], 4)
    assert harness.strategy.ids == [ids, [ids[1]], [ids[1], *later]]
    (told,) = logged_lines(caplog, logging.ERROR)
    assert told.startswith(f"scripted rejects image.update {ids[1]} for what it is; it is kept in")


def test_a_lost_connection_is_no_try(harness: DispatcherHarness) -> None:
    ids = harness.take(message_with_id())
    harness.strategy.choose = rejecting(*ids)
    for _ in range(2):
        harness.strategy.errors = [SendError("gone")]
        harness.send()
        harness.wait(60)
        harness.send()
    assert harness.dead_letters() == []
    harness.send()
    assert harness.dead_letters() == ids


def test_rejections_that_come_with_an_error_count(harness: DispatcherHarness) -> None:
    ids = harness.take(message_with_id(), message_with_id())
    harness.strategy.errors = [SendError("closed", [Outcome.REJECTED])] * 3
    for _ in range(3):
        harness.send()
        harness.wait(60)
    assert harness.dead_letters() == ids[:1]
    harness.send()
    assert harness.done == 2


def test_what_is_rejected_once_and_then_taken_is_no_dead_letter(harness: DispatcherHarness) -> None:
    ids = harness.take(message_with_id())
    harness.strategy.choose = rejecting(*ids)
    harness.send(2)
    harness.strategy.choose = take_all
    harness.send()
    assert (harness.dead_letters(), harness.done) == ([], 1)


def full_disk(patched: pytest.MonkeyPatch, kept: int | None) -> None:
    write = os.write

    def fail(fd: int, data: bytes) -> int:
        if kept is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data[:kept])

    patched.setattr(os, "write", fail)


@pytest.mark.parametrize("kept", [None, 30])
def test_on_a_full_disk_it_stays_in_the_journal_until_it_can_be_buried(
    kept: int | None,
    harness: DispatcherHarness,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = harness.take(message_with_id(), message_with_id())
    harness.strategy.choose = rejecting(ids[0])
    with monkeypatch.context() as patched:
        full_disk(patched, kept)
        worked = [each for _ in range(10) for each in harness.send()]
    assert (harness.done, harness.dead_letters()) == (0, [])
    assert worked == [True] + [False] * 9, "never a busy loop"
    assert len(logged_lines(caplog, logging.ERROR)) == 1
    harness.send()
    assert harness.dead_letters() == [ids[0]]
    assert harness.done == 2


def test_the_files_of_dead_letters_are_for_their_owner_alone(
    harness: DispatcherHarness, tmp_path: Path
) -> None:
    harness.strategy.choose = rejecting(*harness.take(message_with_id()))
    harness.send(3)
    (path,) = tmp_path.glob("dead-*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
