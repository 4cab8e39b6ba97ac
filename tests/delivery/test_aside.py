"""What the broker has nowhere to put is out of the way of the others, and goes when it can."""

import errno
import logging
import os

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.dead_letters import TRIES
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.setting_aside import (
    WARN,
    letter_of_warning,
    nowhere_for,
    send_all,
    sent_since,
    warning,
)
from tests.delivery.support import Bench, lines, taken
from tests.journal.sample_journals import message


def test_others_go_on_and_the_cursor_passes_what_is_set_aside(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    first = bench.take(warning(), message(), warning())
    bench.send()
    assert bench.done == 3
    others = bench.take(message(), warning(), message())
    bench.send()
    assert bench.strategy.ids == [first, [others[0], others[2]]]
    assert bench.done == 6


def test_it_is_tried_again_each_minute_with_one_message(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(warning(), warning(), warning())
    for _ in range(4):
        send_all(bench)
        bench.wait(ASIDE_RETRY - 0.5)
        assert bench.send() == [False]
        bench.wait(0.5)
    assert bench.strategy.ids == [ids, ids[:1], ids[:1], ids[:1]]


def test_when_it_can_it_goes_in_its_order_and_before_what_came_later(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = []
    for _ in range(5):
        ids += bench.take(warning(), warning())
        bench.send()
    bench.strategy.answer = taken
    batches = len(bench.strategy.batches)
    ids += bench.take(warning())
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    ids += bench.take(warning(), warning())
    send_all(bench)
    assert sent_since(bench, batches) == ids
    assert list(bench.directory.glob("aside.*")) == []
    assert bench.done == 13


def test_it_waits_on_disk_for_the_next_leader_who_tries_at_once(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(warning(), warning(), warning())
    bench.send()
    bench.cursors.save(at_once=True)
    bench.strategy.answer = taken
    bench.begin_again()
    batches = len(bench.strategy.batches)
    later = bench.take(warning())
    send_all(bench)
    assert sent_since(bench, batches) == ids + later


def test_priorities_do_not_wait_for_one_another(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN, Priority.ERROR)
    bench.take(warning(), message(priority=Priority.ERROR))
    bench.send()
    bench.strategy.answer = nowhere_for(WARN)
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert [path.name for path in bench.directory.glob("aside.*")] == ["aside.scripted.warn.seg"]


def test_it_stops_where_the_broker_has_no_place_again_and_repeats_nothing(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(*(warning() for _ in range(6)))
    bench.send()
    left = [3]

    def some(_: Message) -> Outcome:
        left[0] -= 1
        return Outcome.TAKEN if left[0] >= 0 else Outcome.UNROUTABLE

    bench.strategy.answer = some
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    batches = len(bench.strategy.batches)
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, batches) == ids[3:]


def test_an_error_while_it_goes_repeats_only_what_is_not_known_to_be_taken(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(*(warning() for _ in range(5)))
    bench.send()
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    bench.send()
    bench.strategy.errors = [SendError("gone", [Outcome.TAKEN, None, Outcome.TAKEN])]
    send_all(bench)
    bench.wait(60)
    batches = len(bench.strategy.batches)
    send_all(bench)
    assert sent_since(bench, batches) == [ids[2], ids[4]]


def test_an_error_while_it_is_tried_is_one_for_all(bench: Bench) -> None:
    """The broker is left alone for a while: the others do not try it at once."""
    bench.strategy.answer = nowhere_for(WARN)
    bench.take(warning(), message())
    bench.send()
    bench.take(message())
    bench.strategy.errors = [SendError("gone")] * 2
    bench.wait(ASIDE_RETRY)
    batches = len(bench.strategy.batches)
    bench.send(3)
    assert len(bench.strategy.batches) == batches + 1


def test_poison_that_was_set_aside_is_tried_three_times_as_all_is(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(letter_of_warning(), letter_of_warning())
    bench.send()
    bench.strategy.answer = lambda sent: (
        Outcome.REJECTED if sent.message_id == ids[0] else Outcome.TAKEN
    )
    tries = 0
    while not bench.dead_letters():
        bench.wait(ASIDE_RETRY)
        bench.send()
        tries = sum(ids[0] in batch for batch in bench.strategy.ids[1:])
        assert tries <= TRIES
    assert tries == TRIES
    send_all(bench)
    assert bench.strategy.ids[-1] == ids[1:]
    assert bench.dead_letters() == ids[:1]


def test_poison_that_cannot_be_buried_makes_no_busy_loop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    bench.take(letter_of_warning())
    bench.send()
    bench.strategy.answer = nowhere_for(WARN, instead=Outcome.REJECTED)
    bench.wait(ASIDE_RETRY)

    def full(fd: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        assert False in bench.send(10)
    for _ in range(5):
        bench.wait(ASIDE_RETRY)
        bench.send()
    assert len(bench.dead_letters()) == 1


def test_it_is_told_once_and_so_is_the_end_of_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.strategy.answer = nowhere_for(WARN)
    for _ in range(5):
        bench.take(warning(), message())
        send_all(bench)
        bench.wait(ASIDE_RETRY)
    bench.strategy.answer = taken
    send_all(bench)
    bench.take(warning())
    send_all(bench)
    told = [each for each in lines(caplog) if "queue" in each]
    assert told == [
        "scripted has no queue for WARN: its notifications are set aside and tried every 60 s; "
        "the others go on",
        "scripted has a queue for WARN again",
    ]
