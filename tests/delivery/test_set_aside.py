"""What the broker has nowhere to put is out of the way of the others, and goes when it can."""

import errno
import logging
import os

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.dead_letters import TRIES
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, message_with_id, warning
from tests.delivery.scripted_strategy import answer, take_all, unroutable
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def test_others_go_on_and_the_cursor_passes_what_is_set_aside(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    first = harness.take(warning(), message(), warning())
    harness.send()
    assert harness.done == 3
    others = harness.take(message(), warning(), message())
    harness.send()
    assert harness.strategy.ids == [first, [others[0], others[2]]]
    assert harness.done == 6


def test_it_is_tried_again_each_minute_with_one_message(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(warning(), warning(), warning())
    for _ in range(4):
        harness.send_all()
        harness.wait(ASIDE_RETRY - 0.5)
        assert harness.send() == [False]
        harness.wait(0.5)
    assert harness.strategy.ids == [ids, ids[:1], ids[:1], ids[:1]]


def test_when_it_can_it_goes_in_its_order_and_before_what_came_later(
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


def test_it_waits_on_disk_for_the_next_leader_who_tries_at_once(harness: DispatcherHarness) -> None:
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


def test_priorities_do_not_wait_for_one_another(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN, Priority.ERROR)
    harness.take(warning(), message(priority=Priority.ERROR))
    harness.send()
    harness.strategy.choose = unroutable(WARN)
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.aside_files() == ["aside.scripted.warn.seg"]


def test_it_stops_where_the_broker_has_no_place_again_and_repeats_nothing(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(6)))
    harness.send()
    left = [3]

    def some(_: Message) -> Outcome:
        left[0] -= 1
        return Outcome.TAKEN if left[0] >= 0 else Outcome.UNROUTABLE

    harness.strategy.choose = some
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    batches = len(harness.strategy.batches)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == ids[3:]


def test_an_error_while_it_goes_repeats_only_what_is_not_known_to_be_taken(
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


def test_an_error_while_it_is_tried_is_one_for_all(harness: DispatcherHarness) -> None:
    """The broker is left alone for a while: the others do not try it at once."""
    harness.strategy.choose = unroutable(WARN)
    harness.take(warning(), message())
    harness.send()
    harness.take(message())
    harness.strategy.errors = [SendError("gone")] * 2
    harness.wait(ASIDE_RETRY)
    batches = len(harness.strategy.batches)
    harness.send(3)
    assert len(harness.strategy.batches) == batches + 1


def test_poison_that_was_set_aside_is_tried_three_times_as_all_is(
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


def test_poison_that_cannot_be_buried_makes_no_busy_loop(
    harness: DispatcherHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.strategy.choose = unroutable(WARN)
    harness.take(message_with_id(WARN))
    harness.send()
    harness.strategy.choose = answer(Outcome.REJECTED, WARN)
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


def test_it_is_told_once_and_so_is_the_end_of_it(
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
    told = [each for each in logged_lines(caplog) if "queue" in each]
    assert told == [
        "scripted has no queue for WARN: its notifications are set aside and tried every 60 s; "
        "the others go on",
        "scripted has a queue for WARN again",
    ]
