"""Poison: what is rejected for what it is becomes a dead letter at the third try."""

import errno
import logging
import os
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.support import Bench, letter, lines, taken


def rejecting(*ids: str) -> "OutcomeOfPoison":
    return OutcomeOfPoison(ids)


class OutcomeOfPoison:
    def __init__(self, ids: tuple[str, ...]) -> None:
        self._ids = ids

    def __call__(self, sent: Message) -> Outcome:
        return Outcome.REJECTED if sent.message_id in self._ids else Outcome.TAKEN


def test_it_is_tried_three_times_and_buried_while_the_others_go_on(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    ids = bench.take(letter(), letter(name="Größe"), letter())
    bench.strategy.answer = rejecting(ids[1])
    bench.send()
    bench.send()
    assert (bench.dead_letters(), bench.done) == ([], 1)
    later = bench.take(letter())
    bench.send()
    assert (bench.dead_letters(), bench.done) == ([ids[1]], 4)
    assert bench.strategy.ids == [ids, [ids[1]], [ids[1], *later]]
    (told,) = lines(caplog, logging.ERROR)
    assert told.startswith(f"scripted rejects image.update {ids[1]} for what it is; it is kept in")


def test_a_lost_connection_is_no_try(bench: Bench) -> None:
    ids = bench.take(letter())
    bench.strategy.answer = rejecting(*ids)
    for _ in range(2):
        bench.strategy.errors = [SendError("gone")]
        bench.send()
        bench.wait(60)
        bench.send()
    assert bench.dead_letters() == []
    bench.send()
    assert bench.dead_letters() == ids


def test_rejections_that_come_with_an_error_count(bench: Bench) -> None:
    ids = bench.take(letter(), letter())
    bench.strategy.errors = [SendError("closed", [Outcome.REJECTED])] * 3
    for _ in range(3):
        bench.send()
        bench.wait(60)
    assert bench.dead_letters() == ids[:1]
    bench.send()
    assert bench.done == 2


def test_what_is_rejected_once_and_then_taken_is_no_dead_letter(bench: Bench) -> None:
    ids = bench.take(letter())
    bench.strategy.answer = rejecting(*ids)
    bench.send(2)
    bench.strategy.answer = taken
    bench.send()
    assert (bench.dead_letters(), bench.done) == ([], 1)


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
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    ids = bench.take(letter(), letter())
    bench.strategy.answer = rejecting(ids[0])
    with monkeypatch.context() as patched:
        full_disk(patched, kept)
        worked = [each for _ in range(10) for each in bench.send()]
    assert (bench.done, bench.dead_letters()) == (0, [])
    assert worked == [True] + [False] * 9, "never a busy loop"
    assert len(lines(caplog, logging.ERROR)) == 1
    bench.send()
    assert bench.dead_letters() == [ids[0]]
    assert bench.done == 2


def test_the_files_of_dead_letters_are_for_their_owner_alone(bench: Bench, tmp_path: Path) -> None:
    bench.strategy.answer = rejecting(*bench.take(letter()))
    bench.send(3)
    (path,) = tmp_path.glob("dead-*.jsonl")
    assert path.stat().st_mode & 0o777 == 0o600
