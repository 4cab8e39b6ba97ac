"""A window of messages on their way: what is confirmed is done, all else comes again."""

import json
import logging
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.connection import OPERATOR_RETRY, BackOff
from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.support import FIRST_WAIT, IDENTITY, Bench, letter, lines
from tests.journal.sample_journals import message


def refusing(*ids: str) -> "OutcomeOf":
    return OutcomeOf(dict.fromkeys(ids, Outcome.REFUSED))


class OutcomeOf:
    """TAKEN, if nothing else is said of a message."""

    def __init__(self, others: dict[str, Outcome]) -> None:
        self._others = others

    def __call__(self, sent: Message) -> Outcome:
        return self._others.get(sent.message_id, Outcome.TAKEN)


def test_what_is_taken_is_sent_in_its_order_and_the_cursor_follows(bench: Bench) -> None:
    first, second = bench.take_some(3), bench.take_some(2)
    assert bench.send(2) == [True, False]
    assert bench.strategy.ids == [first + second]
    assert bench.done == 5
    assert bench.window.room == WINDOW


def test_a_message_goes_as_it_is_or_in_the_operators_format(bench: Bench) -> None:
    made = message(b'{"payload": "\xc3\xa9"}')
    bench.take(made)
    bench.send()
    assert bench.strategy.batches == [[made]]
    bench.begin_again(message_format="oslo")
    bench.take(made)
    bench.send()
    (sent,) = bench.strategy.batches[1]
    assert json.loads(sent.body)["oslo.message"] == made.body.decode()
    assert (sent.message_id, sent.event_type) == (made.message_id, made.event_type)


def test_the_window_has_an_end(bench: Bench) -> None:
    bench.strategy.errors = [SendError("gone")]
    bench.take_some(WINDOW - 1)
    assert bench.window.room == 1
    bench.take(message(), message(), together=True)
    assert bench.window.room == -1
    bench.send()
    assert bench.window.room == -1
    bench.wait(60)
    bench.send()
    assert bench.window.room == WINDOW


def test_steps_without_messages_are_done_in_their_turn(bench: Bench) -> None:
    bench.strategy.errors = [SendError("gone")]
    bench.take_some(1)
    bench.take(together=True)
    assert bench.window.room == WINDOW - 2
    assert bench.send() == [False]
    assert bench.done == 0
    bench.wait(60)
    bench.send()
    assert (bench.done, bench.window.room) == (1, WINDOW)


def test_the_cursor_moves_only_over_what_is_done_without_a_gap(bench: Bench) -> None:
    ids = bench.take_some(5)
    bench.strategy.answer = refusing(ids[2])
    bench.send()
    assert bench.done == 2
    assert bench.window.holds(IDENTITY)
    bench.strategy.answer = refusing()
    bench.wait(60)
    bench.send()
    assert bench.done == 5
    assert not bench.window.holds(IDENTITY)


def test_a_record_is_done_when_all_of_its_messages_are(bench: Bench) -> None:
    ids = bench.take(message(), message(), message(), together=True)
    bench.strategy.answer = refusing(ids[0], ids[2])
    bench.send()
    assert bench.done == 0
    bench.strategy.answer = refusing(ids[2])
    bench.wait(60)
    bench.send()
    assert bench.done == 0
    bench.wait(60)
    bench.strategy.answer = refusing()
    bench.send()
    assert bench.done == 3
    assert bench.strategy.ids == [ids, [ids[0], ids[2]], [ids[2]]]


def test_what_is_refused_keeps_its_place_and_is_sent_again_after_a_wait(bench: Bench) -> None:
    ids = bench.take_some(4)
    bench.strategy.answer = refusing(ids[1], ids[3])
    assert bench.send(3) == [True, False, False]
    assert bench.strategy.ids == [ids]
    later = bench.take_some(2)
    bench.wait(FIRST_WAIT)
    bench.strategy.answer = refusing()
    bench.send()
    assert bench.strategy.ids == [ids, [ids[1], ids[3], *later]]


def test_a_repeat_is_the_same_message(bench: Bench) -> None:
    made = letter()
    bench.take(made)
    bench.strategy.answer = refusing(made.message_id)
    for _ in range(4):
        bench.send()
        bench.wait(60)
    assert bench.strategy.batches == [[made]] * 4


def test_after_an_error_what_is_not_known_to_be_done_is_sent_again(bench: Bench) -> None:
    ids = bench.take_some(5)
    outcomes = [Outcome.TAKEN, None, Outcome.TAKEN, Outcome.REFUSED]
    bench.strategy.errors = [SendError("reset", outcomes)]
    assert bench.send(3)[1:] == [False, False]
    assert bench.done == 1
    bench.wait(FIRST_WAIT)
    bench.send()
    assert bench.strategy.ids == [ids, [ids[1], ids[3], ids[4]]]
    assert bench.done == 5


def test_while_nothing_works_it_waits_longer_and_longer(bench: Bench) -> None:
    bench.take_some(1)
    bench.strategy.errors = [SendError("gone")] * 12
    waits: list[float] = []
    for _ in range(12):
        bench.send()
        before = bench.now
        while not bench.strategy.batches[len(waits) + 1 :]:
            bench.wait(0.01)
            bench.send()
        waits.append(bench.now - before)
    for number, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**number, 30.0)
        assert longest / 2 - 0.1 <= wait <= longest + 0.1, number


def test_a_success_ends_the_long_waits(bench: Bench) -> None:
    bench.take_some(1)
    bench.strategy.errors = [SendError("gone")] * 6
    for _ in range(7):
        bench.wait(60)
        bench.send()
    bench.take_some(1)
    bench.strategy.errors = [SendError("gone")]
    bench.send()
    bench.wait(FIRST_WAIT)
    bench.send()
    assert bench.done == 2


@pytest.mark.parametrize("failures", [1, 2, 10, 5000])
def test_the_waits_have_bounds_and_are_not_all_the_same(failures: int) -> None:
    waits = {BackOff(0.2, 30.0).after(failures) for _ in range(50)}
    longest = min(0.2 * 2.0 ** min(failures - 1, 60), 30.0)
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_what_only_an_operator_can_mend_is_tried_each_minute(bench: Bench) -> None:
    bench.take_some(1)
    bench.strategy.errors = [SendError("password", needs_operator=True)] * 2
    bench.send()
    bench.wait(OPERATOR_RETRY - 0.1)
    assert bench.send() == [False]
    assert len(bench.strategy.batches) == 1
    bench.wait(0.1)
    bench.send()
    bench.wait(OPERATOR_RETRY)
    bench.send()
    assert (len(bench.strategy.batches), bench.done) == (3, 1)


def test_a_connection_that_turns_out_to_be_lost_while_idle_is_left_alone_for_a_while(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.keep_alive()
    bench.strategy.errors = [SendError("the peer is silent")]
    bench.keep_alive()
    bench.take_some(1)
    assert bench.send() == [False]
    bench.wait(FIRST_WAIT)
    assert bench.send() == [True]
    assert "scripted is out of reach: the peer is silent" in lines(caplog)[0]


def test_there_is_one_line_for_each_change_of_state(
    bench: Bench, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.INFO)
    gone, password = SendError("gone"), SendError("password", needs_operator=True)
    bench.strategy.errors = [gone, gone, gone, password, password, gone]
    for _ in range(20):
        bench.take_some(3)
        bench.send()
        bench.wait(60)
    ids = bench.take_some(1)
    bench.strategy.answer = refusing(*ids)
    for _ in range(5):
        bench.send()
        bench.wait(60)
    bench.strategy.answer = refusing()
    bench.send()
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


def test_an_error_of_the_strategy_itself_leaves_all_where_it_was(bench: Bench) -> None:
    ids = bench.take_some(2)

    def broken(_: Message) -> Outcome:
        raise ZeroDivisionError

    bench.strategy.answer = broken
    with pytest.raises(ZeroDivisionError):
        bench.send()
    bench.strategy.answer = refusing()
    bench.send()
    assert bench.strategy.ids[-1] == ids
    assert bench.done == 2


def test_in_the_end_the_connection_is_let_go(bench: Bench) -> None:
    bench.connection.close()
    assert bench.strategy.is_closed
