"""Messages without a queue are set aside, and go when there is a queue."""

import errno
import logging
import os

import pytest

from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY
from glance_notify_middleware.delivery.dead_letters import TRIES
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, message_with_id, warning
from tests.delivery.scripted_strategy import OutcomeById, respond, take_all, unroutable
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def test_other_priorities_go_on_and_the_cursor_passes_set_aside_messages(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    first = harness.take(warning(), message(), warning())
    harness.send()
    assert harness.done == 3
    others = harness.take(message(), warning(), message())
    harness.send()
    assert harness.strategy.ids == [first, [others[0], others[2]]]
    assert harness.done == 6


def test_set_aside_priority_is_tried_each_minute_with_one_message(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(), warning(), warning())
    for _ in range(4):
        harness.send_all()
        harness.wait(ASIDE_RETRY - 0.5)
        assert harness.send() == [False]
        harness.wait(0.5)
    assert harness.strategy.ids == [ids, ids[:1], ids[:1], ids[:1]]


def test_set_aside_messages_go_in_order_and_before_later_ones(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = []
    for _ in range(5):
        ids += harness.take(warning(), warning())
        harness.send()
    harness.strategy.choose = take_all
    batches = len(harness.strategy.batches)
    ids += harness.take(warning())
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    ids += harness.take(warning(), warning())
    harness.send_all()
    assert harness.sent_since(batches) == ids
    assert harness.aside_files() == []
    assert harness.done == 13


def test_set_aside_messages_are_tried_at_once_by_the_next_leader(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(), warning(), warning())
    harness.send()
    harness.cursors.save(at_once=True)
    harness.strategy.choose = take_all
    harness.begin_again()
    batches = len(harness.strategy.batches)
    later = harness.take(warning())
    harness.send_all()
    assert harness.sent_since(batches) == ids + later


def test_set_aside_priorities_do_not_wait_for_one_another(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN, Priority.ERROR)
    harness.take(warning(), message(priority=Priority.ERROR))
    harness.send()
    harness.strategy.choose = unroutable(WARN)
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.aside_files() == ["aside.scripted.warn.seg"]


@pytest.mark.parametrize("left_out", [[3, 4, 5], [1, 3]], ids=["the last ones", "some between"])
def test_set_aside_messages_that_were_taken_are_not_sent_again(
    left_out: list[int], harness: DispatcherHarness
) -> None:
    """The broker has no queue for those that are `left_out`; later it takes all."""
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(6)))
    harness.send()
    left = [ids[number] for number in left_out]
    harness.strategy.choose = OutcomeById(dict.fromkeys(left, Outcome.UNROUTABLE))
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    batches = len(harness.strategy.batches)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == left
    assert not harness.aside_files()


def test_set_aside_messages_with_a_known_outcome_are_not_repeated_after_an_error(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(5)))
    harness.send()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send()
    harness.strategy.errors = [SendError("gone", [Outcome.TAKEN, None, Outcome.TAKEN])]
    harness.send_all()
    harness.wait(60)
    batches = len(harness.strategy.batches)
    harness.send_all()
    assert harness.sent_since(batches) == [ids[2], ids[4]]


def test_error_of_a_set_aside_message_keeps_the_window_from_being_sent(
    harness: DispatcherHarness,
) -> None:
    """The broker is not tried for a while, with no message."""
    harness.strategy.choose = unroutable(WARN)
    harness.take(warning(), message())
    harness.send()
    harness.take(message())
    harness.strategy.errors = [SendError("gone")] * 2
    harness.wait(ASIDE_RETRY)
    batches = len(harness.strategy.batches)
    harness.send(3)
    assert len(harness.strategy.batches) == batches + 1


def test_set_aside_message_that_is_rejected_is_a_dead_letter_after_three_tries(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(message_with_id(WARN), message_with_id(WARN))
    harness.send()
    harness.strategy.choose = lambda sent: (
        Outcome.REJECTED if sent.message_id == ids[0] else Outcome.TAKEN
    )
    tries = 0
    while not harness.dead_letters():
        harness.wait(ASIDE_RETRY)
        harness.send()
        tries = sum(ids[0] in batch for batch in harness.strategy.ids[1:])
        assert tries <= TRIES
    assert tries == TRIES
    harness.send_all()
    assert harness.strategy.ids[-1] == ids[1:]
    assert harness.dead_letters() == ids[:1]


def test_set_aside_dead_letter_that_cannot_be_written_makes_no_busy_loop(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.strategy.choose = unroutable(WARN)
    harness.take(message_with_id(WARN))
    harness.send()
    harness.strategy.choose = respond(Outcome.REJECTED, WARN)
    harness.wait(ASIDE_RETRY)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert False in harness.send(10)
    for _ in range(5):
        harness.wait(ASIDE_RETRY)
        harness.send()
    assert len(harness.dead_letters()) == 1


def test_missing_queue_is_logged_once_and_so_is_its_return(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    harness.strategy.choose = unroutable(WARN)
    for _ in range(5):
        harness.take(warning(), message())
        harness.send_all()
        harness.wait(ASIDE_RETRY)
    harness.strategy.choose = take_all
    harness.send_all()
    harness.take(warning())
    harness.send_all()
    assert [line for line in logged_lines(caplog) if "queue" in line] == [
        "scripted has no queue for WARN: its notifications are set aside and tried every 60 s; "
        "the others go on",
        "scripted has a queue for WARN again",
    ]
