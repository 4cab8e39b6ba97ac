"""Each priority has a routing key of its own: what becomes of one holds up no other."""

import itertools
import logging

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.connection import OPERATOR_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import FIRST_WAIT, WARN, DispatcherHarness, warning
from tests.delivery.scripted_strategy import (
    ScriptedConnectingStrategy,
    answer,
    take_all,
    unroutable,
)
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines

REFUSED, DENIED = Outcome.REFUSED, Outcome.DENIED


def test_what_is_refused_waits_alone(harness: DispatcherHarness) -> None:
    harness.strategy.choose = answer(REFUSED, WARN)
    first = harness.take(warning(), message())
    harness.send()
    others = harness.take(message(), message())
    assert harness.send() == [True]
    assert harness.strategy.ids == [first, others]
    harness.strategy.choose = take_all
    harness.wait(FIRST_WAIT)
    harness.send()
    assert harness.strategy.ids[2:] == [first[:1]]
    assert harness.done == 4


def test_it_waits_longer_and_longer_though_the_others_are_taken(harness: DispatcherHarness) -> None:
    harness.strategy.choose = answer(REFUSED, WARN)
    (refused,) = harness.take(warning())
    tries = []
    for _ in range(400):
        before = len(harness.strategy.batches)
        harness.take(message())
        harness.send()
        if refused in harness.sent_since(before):
            tries.append(harness.now)
        harness.wait(0.1)
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(waits) > 3
    for number, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**number, 30.0)
        assert longest / 2 - 0.11 <= wait <= longest + 0.11, number


def test_what_would_fill_the_window_is_set_aside_and_tried_again_soon(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = answer(REFUSED, WARN)
    ids = harness.take(*(warning() for _ in range(WINDOW // 2 + 1)))
    harness.send()
    assert not harness.aside_files()
    others = harness.take(*(message() for _ in range(harness.window.room)))
    harness.send_all()
    assert harness.done == WINDOW
    assert harness.aside_files() == ["aside.scripted.warn.seg"]
    batches = len(harness.strategy.batches)
    assert set(harness.sent_since(1)) == set(others), "what is refused is not tried all the time"
    harness.strategy.choose = take_all
    harness.wait(30.0)
    ids += harness.take(warning())
    harness.send_all()
    assert harness.sent_since(batches) == ids
    assert not harness.aside_files()


class Room:
    """A queue that takes so many WARN and refuses the rest, until it is read."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, sent: Message) -> Outcome:
        if sent.priority is not WARN:
            return Outcome.TAKEN
        self.room -= 1
        return Outcome.TAKEN if self.room >= 0 else REFUSED


def test_a_full_queue_that_is_read_slowly_gets_each_message_once(
    harness: DispatcherHarness,
) -> None:
    """Also those that a reader has made room for in the middle of a batch."""
    ids = []
    came: list[str] = []
    queue = Room(10)

    def answer(sent: Message) -> Outcome:
        if len(came) % 7 == 6:
            queue.room = max(queue.room, 0) + 2
        outcome = queue(sent)
        if sent.priority is WARN and outcome is Outcome.TAKEN:
            came.append(sent.message_id)
        return outcome

    harness.strategy.choose = answer
    others = []
    for _ in range(40):
        ids += harness.take(*(warning() for _ in range(20)))
        others += harness.take(message())
        harness.send(3)
        harness.wait(0.1)
        queue.room = max(queue.room, 0) + 5
    for _ in range(400):
        queue.room = max(queue.room, 0) + 5
        harness.send()
        harness.wait(1.0)
    assert sorted(came) == sorted(ids), "each once"
    assert harness.done == len(ids) + len(others)
    assert not harness.aside_files()


def test_what_is_taken_before_its_turn_is_not_sent_again(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(6)))
    harness.send()
    left_out = [ids[1], ids[3]]

    def some(sent: Message) -> Outcome:
        return Outcome.UNROUTABLE if sent.message_id in left_out else Outcome.TAKEN

    harness.strategy.choose = some
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    batches = len(harness.strategy.batches)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == left_out
    assert not harness.aside_files()


def test_what_is_denied_is_set_aside_and_tried_each_minute(harness: DispatcherHarness) -> None:
    harness.strategy.choose = answer(DENIED, WARN)
    ids = harness.take(warning(), message(), warning())
    harness.send()
    assert harness.done == 3
    for _ in range(3):
        batches = len(harness.strategy.batches)
        harness.wait(ASIDE_RETRY - 0.5)
        harness.send_all()
        assert harness.sent_since(batches) == []
        harness.wait(0.5)
        harness.send_all()
        assert harness.sent_since(batches) == ids[:1]
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    batches = len(harness.strategy.batches)
    harness.send_all()
    assert harness.sent_since(batches) == [ids[0], ids[2]]


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (
            Outcome.DENIED,
            [
                "ERROR scripted cannot send WARN: its notifications are set aside and tried every "
                "60 s; the others go on; why WARN was denied",
                "INFO scripted can send WARN again",
            ],
        ),
        (
            Outcome.UNROUTABLE,
            [
                "WARNING scripted has no queue for WARN: its notifications are set aside and tried "
                "every 60 s; the others go on; why WARN was unroutable",
                "INFO scripted has a queue for WARN again",
            ],
        ),
        (
            Outcome.REFUSED,
            [
                "WARNING scripted refuses messages of WARN: as a full queue does; they wait, and "
                "the others go on; why WARN was refused",
                "INFO scripted takes messages of WARN again",
            ],
        ),
    ],
)
def test_it_is_said_once_with_what_the_strategy_knows_and_so_is_the_end(
    harness: DispatcherHarness,
    connecting: ScriptedConnectingStrategy,
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    told: list[str],
) -> None:
    caplog.set_level(logging.INFO)
    connecting.choose = answer(outcome, WARN)
    for _ in range(5):
        harness.take(warning(), message())
        harness.send_all()
        harness.wait(ASIDE_RETRY)
    connecting.choose = take_all
    for _ in range(3):
        harness.wait(ASIDE_RETRY)
        harness.send_all()
    found = [f"{each.levelname} {each.getMessage()}" for each in caplog.records]
    assert [each for each in found if "WARN " in each or "WARN:" in each] == told


@pytest.fixture
def connecting(harness: DispatcherHarness) -> ScriptedConnectingStrategy:
    """The strategy of the harness."""
    strategy = ScriptedConnectingStrategy()
    harness.strategy = strategy
    harness.begin_again()
    return strategy


def test_it_connects_before_there_is_anything_to_send_and_says_so_once(
    harness: DispatcherHarness,
    connecting: ScriptedConnectingStrategy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        harness.keep_alive()
    assert connecting.connects == 3
    harness.take_some(1)
    harness.send()
    harness.keep_alive()
    assert logged_lines(caplog) == ["scripted is connected", "scripted takes notifications"]


def test_what_hinders_it_is_said_once_and_tried_as_all_is(
    harness: DispatcherHarness,
    connecting: ScriptedConnectingStrategy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    wrong = SendError("password", needs_operator=True)
    connecting.connect_errors = [wrong, wrong]
    for _ in range(50):
        harness.keep_alive()
    assert connecting.connects == 1
    for _ in range(2):
        harness.wait(OPERATOR_RETRY)
        harness.keep_alive()
    assert connecting.connects == 3
    waits = f"notifications wait in {harness.directory}"
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("ERROR", f"scripted cannot be used: password; {waits}"),
        ("INFO", "scripted is connected"),
    ]


def test_while_something_waits_only_messages_are_tried(
    harness: DispatcherHarness, connecting: ScriptedConnectingStrategy
) -> None:
    """A broker that blocks those who publish lets all connect: that says nothing."""
    connecting.errors = [SendError("blocked")]
    harness.take_some(1)
    harness.send()
    harness.wait(60)
    harness.keep_alive()
    assert connecting.connects == 0


def test_a_strategy_that_connects_with_its_first_message_goes_on_to(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        harness.keep_alive()
    assert logged_lines(caplog) == []
    harness.strategy.choose = answer(DENIED, WARN)
    harness.take(message(priority=Priority.INFO), warning())
    harness.send()
    assert logged_lines(caplog) == [
        "scripted takes notifications",
        "scripted cannot send WARN: its notifications are set aside and tried every 60 s; the "
        "others go on",
    ]
