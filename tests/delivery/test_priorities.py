"""Each priority has a routing key of its own, and holds up no other priority."""

import itertools
import logging

import pytest

from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.strategies import Outcome
from tests.delivery.dispatcher_harness import FIRST_WAIT, WARN, DispatcherHarness, warning
from tests.delivery.scripted_strategy import (
    ScriptedConnectingStrategy,
    respond,
    take_all,
)
from tests.journal.sample_journals import message

REFUSED, DENIED = Outcome.REFUSED, Outcome.DENIED


def test_refused_priority_holds_up_no_other_priority(harness: DispatcherHarness) -> None:
    harness.strategy.choose = respond(REFUSED, WARN)
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


def test_waits_of_a_refused_priority_double_though_other_priorities_are_taken(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = respond(REFUSED, WARN)
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


def test_refused_messages_that_would_fill_the_window_are_set_aside_and_tried_soon(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = respond(REFUSED, WARN)
    ids = harness.take(*(warning() for _ in range(WINDOW // 2 + 1)))
    harness.send()
    assert not harness.aside_files()
    others = harness.take(*(message() for _ in range(harness.window.room)))
    harness.send_all()
    assert harness.done == WINDOW
    assert harness.aside_files() == ["aside.scripted.warn.seg"]
    batches = len(harness.strategy.batches)
    assert set(harness.sent_since(1)) == set(others), "refused messages are not sent all the time"
    harness.strategy.choose = take_all
    harness.wait(30.0)
    ids += harness.take(warning())
    harness.send_all()
    assert harness.sent_since(batches) == ids
    assert not harness.aside_files()


class FullQueue:
    """A queue with room for so many messages of WARN, which refuses further ones."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, sent: Message) -> Outcome:
        if sent.priority is not WARN:
            return Outcome.TAKEN
        self.room -= 1
        return Outcome.TAKEN if self.room >= 0 else REFUSED


def test_slowly_read_full_queue_gets_each_message_once(
    harness: DispatcherHarness,
) -> None:
    """Also if a reader makes room in the middle of a batch."""
    ids = []
    arrived: list[str] = []
    queue = FullQueue(10)

    def read_and_take(sent: Message) -> Outcome:
        if len(arrived) % 7 == 6:
            queue.room = max(queue.room, 0) + 2
        outcome = queue(sent)
        if sent.priority is WARN and outcome is Outcome.TAKEN:
            arrived.append(sent.message_id)
        return outcome

    harness.strategy.choose = read_and_take
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
    assert sorted(arrived) == sorted(ids), "each message arrives once"
    assert harness.done == len(ids) + len(others)
    assert not harness.aside_files()


def test_denied_messages_are_set_aside_and_tried_each_minute(harness: DispatcherHarness) -> None:
    harness.strategy.choose = respond(DENIED, WARN)
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
    ("outcome", "expected"),
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
def test_trouble_of_a_priority_is_logged_once_with_its_reason_and_so_is_its_end(
    harness: DispatcherHarness,
    connecting: ScriptedConnectingStrategy,
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    expected: list[str],
) -> None:
    caplog.set_level(logging.INFO)
    connecting.choose = respond(outcome, WARN)
    for _ in range(5):
        harness.take(warning(), message())
        harness.send_all()
        harness.wait(ASIDE_RETRY)
    connecting.choose = take_all
    for _ in range(3):
        harness.wait(ASIDE_RETRY)
        harness.send_all()
    lines = [f"{record.levelname} {record.getMessage()}" for record in caplog.records]
    assert [line for line in lines if "WARN " in line or "WARN:" in line] == expected
