"""A window of messages on their way: what is confirmed is done, all else comes again."""

import json
import logging
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.connection import OPERATOR_RETRY, BackOff
from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import (
    FIRST_WAIT,
    IDENTITY,
    DispatcherHarness,
    message_with_id,
)
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def refusing(*ids: str) -> "OutcomeOf":
    return OutcomeOf(dict.fromkeys(ids, Outcome.REFUSED))


class OutcomeOf:
    """TAKEN, if nothing else is said of a message."""

    def __init__(self, others: dict[str, Outcome]) -> None:
        self._others = others

    def __call__(self, sent: Message) -> Outcome:
        return self._others.get(sent.message_id, Outcome.TAKEN)


def test_what_is_taken_is_sent_in_its_order_and_the_cursor_follows(
    harness: DispatcherHarness,
) -> None:
    first, second = harness.take_some(3), harness.take_some(2)
    assert harness.send(2) == [True, False]
    assert harness.strategy.ids == [first + second]
    assert harness.done == 5
    assert harness.window.room == WINDOW


def test_a_message_goes_as_it_is_or_in_the_operators_format(harness: DispatcherHarness) -> None:
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


def test_the_window_has_an_end(harness: DispatcherHarness) -> None:
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


def test_steps_without_messages_are_done_in_their_turn(harness: DispatcherHarness) -> None:
    harness.strategy.errors = [SendError("gone")]
    harness.take_some(1)
    harness.take(together=True)
    assert harness.window.room == WINDOW - 2
    assert harness.send() == [False]
    assert harness.done == 0
    harness.wait(60)
    harness.send()
    assert (harness.done, harness.window.room) == (1, WINDOW)


def test_the_cursor_moves_only_over_what_is_done_without_a_gap(harness: DispatcherHarness) -> None:
    ids = harness.take_some(5)
    harness.strategy.choose = refusing(ids[2])
    harness.send()
    assert harness.done == 2
    assert harness.window.holds(IDENTITY)
    harness.strategy.choose = refusing()
    harness.wait(60)
    harness.send()
    assert harness.done == 5
    assert not harness.window.holds(IDENTITY)


def test_a_record_is_done_when_all_of_its_messages_are(harness: DispatcherHarness) -> None:
    ids = harness.take(message(), message(), message(), together=True)
    harness.strategy.choose = refusing(ids[0], ids[2])
    harness.send()
    assert harness.done == 0
    harness.strategy.choose = refusing(ids[2])
    harness.wait(60)
    harness.send()
    assert harness.done == 0
    harness.wait(60)
    harness.strategy.choose = refusing()
    harness.send()
    assert harness.done == 3
    assert harness.strategy.ids == [ids, [ids[0], ids[2]], [ids[2]]]


def test_what_is_refused_keeps_its_place_and_is_sent_again_after_a_wait(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take_some(4)
    harness.strategy.choose = refusing(ids[1], ids[3])
    assert harness.send(3) == [True, False, False]
    assert harness.strategy.ids == [ids]
    later = harness.take_some(2)
    harness.wait(FIRST_WAIT)
    harness.strategy.choose = refusing()
    harness.send()
    assert harness.strategy.ids == [ids, [ids[1], ids[3], *later]]


def test_a_repeat_is_the_same_message(harness: DispatcherHarness) -> None:
    made = message_with_id()
    harness.take(made)
    harness.strategy.choose = refusing(made.message_id)
    for _ in range(4):
        harness.send()
        harness.wait(60)
    assert harness.strategy.batches == [[made]] * 4


def test_after_an_error_what_is_not_known_to_be_done_is_sent_again(
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


def test_while_nothing_works_it_waits_longer_and_longer(harness: DispatcherHarness) -> None:
    harness.take_some(1)
    harness.strategy.errors = [SendError("gone")] * 12
    waits: list[float] = []
    for _ in range(12):
        harness.send()
        before = harness.now
        while not harness.strategy.batches[len(waits) + 1 :]:
            harness.wait(0.01)
            harness.send()
        waits.append(harness.now - before)
    for number, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**number, 30.0)
        assert longest / 2 - 0.1 <= wait <= longest + 0.1, number


def test_a_success_ends_the_long_waits(harness: DispatcherHarness) -> None:
    harness.take_some(1)
    harness.strategy.errors = [SendError("gone")] * 6
    for _ in range(7):
        harness.wait(60)
        harness.send()
    harness.take_some(1)
    harness.strategy.errors = [SendError("gone")]
    harness.send()
    harness.wait(FIRST_WAIT)
    harness.send()
    assert harness.done == 2


@pytest.mark.parametrize("failures", [1, 2, 10, 5000])
def test_the_waits_have_bounds_and_are_not_all_the_same(failures: int) -> None:
    waits = {BackOff(0.2, 30.0).after(failures) for _ in range(50)}
    longest = min(0.2 * 2.0 ** min(failures - 1, 60), 30.0)
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_what_only_an_operator_can_mend_is_tried_each_minute(harness: DispatcherHarness) -> None:
    harness.take_some(1)
    harness.strategy.errors = [SendError("password", needs_operator=True)] * 2
    harness.send()
    harness.wait(OPERATOR_RETRY - 0.1)
    assert harness.send() == [False]
    assert len(harness.strategy.batches) == 1
    harness.wait(0.1)
    harness.send()
    harness.wait(OPERATOR_RETRY)
    harness.send()
    assert (len(harness.strategy.batches), harness.done) == (3, 1)


def test_a_connection_that_turns_out_to_be_lost_while_idle_is_left_alone_for_a_while(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    harness.keep_alive()
    harness.strategy.errors = [SendError("the peer is silent")]
    harness.keep_alive()
    harness.take_some(1)
    assert harness.send() == [False]
    harness.wait(FIRST_WAIT)
    assert harness.send() == [True]
    assert "scripted is out of reach: the peer is silent" in logged_lines(caplog)[0]


def test_there_is_one_line_for_each_change_of_state(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    gone, password = SendError("gone"), SendError("password", needs_operator=True)
    harness.strategy.errors = [gone, gone, gone, password, password, gone]
    for _ in range(20):
        harness.take_some(3)
        harness.send()
        harness.wait(60)
    ids = harness.take_some(1)
    harness.strategy.choose = refusing(*ids)
    for _ in range(5):
        harness.send()
        harness.wait(60)
    harness.strategy.choose = refusing()
    harness.send()
    waits = f"notifications wait in {tmp_path}"
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", f"scripted is out of reach: gone; {waits}"),
        ("ERROR", f"scripted cannot be used: password; {waits}"),
        ("WARNING", f"scripted is out of reach: gone; {waits}"),
        ("INFO", "scripted takes notifications"),
        (
            "WARNING",
            "scripted refuses messages of INFO: as a full queue does; they wait, and the others "
            "go on",
        ),
        ("INFO", "scripted takes messages of INFO again"),
    ]


def test_an_error_of_the_strategy_itself_leaves_all_where_it_was(
    harness: DispatcherHarness,
) -> None:
    ids = harness.take_some(2)

    def broken(_: Message) -> Outcome:
        raise ZeroDivisionError

    harness.strategy.choose = broken
    with pytest.raises(ZeroDivisionError):
        harness.send()
    harness.strategy.choose = refusing()
    harness.send()
    assert harness.strategy.ids[-1] == ids
    assert harness.done == 2


def test_in_the_end_the_connection_is_let_go(harness: DispatcherHarness) -> None:
    harness.connection.close()
    assert harness.strategy.is_closed
