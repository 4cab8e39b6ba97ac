"""The dispatcher: messages that are taken are done, all other messages are sent again."""

import json

import pytest

from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import (
    FIRST_WAIT,
    IDENTITY,
    DispatcherHarness,
    message_with_id,
)
from tests.delivery.scripted_strategy import refuse, take_all
from tests.journal.sample_journals import message


def test_messages_are_sent_in_order_and_the_cursor_follows(
    harness: DispatcherHarness,
) -> None:
    first, second = harness.take_some(3), harness.take_some(2)
    assert harness.send(2) == [True, False]
    assert harness.strategy.ids == [first + second]
    assert harness.done == 5
    assert harness.window.room == WINDOW


def test_messages_without_an_outcome_are_sent_again_at_once(harness: DispatcherHarness) -> None:
    ids = harness.take_some(5)
    harness.strategy.most = 2
    assert harness.send(4) == [True, True, True, False]
    assert harness.strategy.ids == [ids, ids[2:], ids[4:]]
    assert harness.done == 5


def test_messages_are_sent_in_the_format_of_the_option(harness: DispatcherHarness) -> None:
    made = message(b'{"payload": "\xc3\xa9"}')
    harness.take(made)
    harness.send()
    assert harness.strategy.batches == [[made]]
    harness.begin_again(message_format="oslo")
    harness.take(made)
    harness.send()
    (sent,) = harness.strategy.batches[1]
    assert json.loads(sent.body)["oslo.message"] == made.body.decode()
    assert (sent.message_id, sent.event_type) == (made.message_id, made.event_type)


def test_window_has_room_for_500_messages(harness: DispatcherHarness) -> None:
    harness.strategy.errors = [SendError("gone")]
    harness.take_some(WINDOW - 1)
    assert harness.window.room == 1
    harness.take(message(), message(), together=True)
    assert harness.window.room == -1
    harness.send()
    assert harness.window.room == -1
    harness.wait(60)
    harness.send()
    assert harness.window.room == WINDOW


def test_step_without_messages_is_done_in_its_turn(harness: DispatcherHarness) -> None:
    harness.strategy.errors = [SendError("gone")]
    harness.take_some(1)
    harness.take(together=True)
    assert harness.window.room == WINDOW - 2
    assert harness.send() == [False]
    assert harness.done == 0
    harness.wait(60)
    harness.send()
    assert (harness.done, harness.window.room) == (1, WINDOW)


def test_cursor_stops_before_the_first_message_that_is_not_done(harness: DispatcherHarness) -> None:
    ids = harness.take_some(5)
    harness.strategy.choose = refuse(ids[2])
    harness.send()
    assert harness.done == 2
    assert harness.window.holds(IDENTITY)
    harness.strategy.choose = take_all
    harness.wait(60)
    harness.send()
    assert harness.done == 5
    assert not harness.window.holds(IDENTITY)


def test_step_is_done_when_all_of_its_messages_are(harness: DispatcherHarness) -> None:
    ids = harness.take(message(), message(), message(), together=True)
    harness.strategy.choose = refuse(ids[0], ids[2])
    harness.send()
    assert harness.done == 0
    harness.strategy.choose = refuse(ids[2])
    harness.wait(60)
    harness.send()
    assert harness.done == 0
    harness.wait(60)
    harness.strategy.choose = take_all
    harness.send()
    assert harness.done == 3
    assert harness.strategy.ids == [ids, [ids[0], ids[2]], [ids[2]]]


def test_refused_message_keeps_its_place_and_is_sent_again_after_a_wait(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take_some(4)
    harness.strategy.choose = refuse(ids[1], ids[3])
    assert harness.send(3) == [True, False, False]
    assert harness.strategy.ids == [ids]
    later = harness.take_some(2)
    harness.wait(FIRST_WAIT)
    harness.strategy.choose = take_all
    harness.send()
    assert harness.strategy.ids == [ids, [ids[1], ids[3], *later]]


def test_repeated_message_is_the_same(harness: DispatcherHarness) -> None:
    made = message_with_id()
    harness.take(made)
    harness.strategy.choose = refuse(made.message_id)
    for _ in range(4):
        harness.send()
        harness.wait(60)
    assert harness.strategy.batches == [[made]] * 4


def test_messages_without_a_known_outcome_are_sent_again_after_an_error(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take_some(5)
    outcomes = [Outcome.TAKEN, None, Outcome.TAKEN, Outcome.REFUSED]
    harness.strategy.errors = [SendError("reset", outcomes)]
    assert harness.send(3)[1:] == [False, False]
    assert harness.done == 1
    harness.wait(FIRST_WAIT)
    harness.send()
    assert harness.strategy.ids == [ids, [ids[1], ids[3], ids[4]]]
    assert harness.done == 5


def test_unexpected_error_of_the_strategy_leaves_all_messages_in_the_window(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take_some(2)

    def broken(_: Message) -> Outcome:
        raise ZeroDivisionError

    harness.strategy.choose = broken
    with pytest.raises(ZeroDivisionError):
        harness.send()
    harness.strategy.choose = take_all
    harness.send()
    assert harness.strategy.ids[-1] == ids
    assert harness.done == 2
