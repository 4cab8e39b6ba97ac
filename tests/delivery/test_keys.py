"""Each priority has a routing key of its own: what becomes of one holds up no other."""

import itertools
import logging

import pytest

from glance_notify_middleware.delivery.aside import ASIDE_RETRY
from glance_notify_middleware.delivery.connection import OPERATOR_RETRY
from glance_notify_middleware.delivery.window import WINDOW
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.setting_aside import WARN, nowhere_for, send_all, sent_since, warning
from tests.delivery.support import FIRST_WAIT, Bench, Connecting, lines, taken
from tests.journal.sample_journals import message

REFUSED, DENIED = Outcome.REFUSED, Outcome.DENIED


def test_what_is_refused_waits_alone(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN, instead=REFUSED)
    first = bench.take(warning(), message())
    bench.send()
    others = bench.take(message(), message())
    assert bench.send() == [True]
    assert bench.strategy.ids == [first, others]
    bench.strategy.answer = taken
    bench.wait(FIRST_WAIT)
    bench.send()
    assert bench.strategy.ids[2:] == [first[:1]]
    assert bench.done == 4


def test_it_waits_longer_and_longer_though_the_others_are_taken(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN, instead=REFUSED)
    (refused,) = bench.take(warning())
    tries = []
    for _ in range(400):
        before = len(bench.strategy.batches)
        bench.take(message())
        bench.send()
        if refused in sent_since(bench, before):
            tries.append(bench.now)
        bench.wait(0.1)
    waits = [later - earlier for earlier, later in itertools.pairwise(tries)]
    assert len(waits) > 3
    for number, wait in enumerate(waits):
        longest = min(FIRST_WAIT * 2**number, 30.0)
        assert longest / 2 - 0.11 <= wait <= longest + 0.11, number


def test_what_would_fill_the_window_is_set_aside_and_tried_again_soon(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN, instead=REFUSED)
    ids = bench.take(*(warning() for _ in range(WINDOW // 2 + 1)))
    bench.send()
    assert not list(bench.directory.glob("aside.*"))
    others = bench.take(*(message() for _ in range(bench.window.room)))
    send_all(bench)
    assert bench.done == WINDOW
    assert [path.name for path in bench.directory.glob("aside.*")] == ["aside.scripted.warn.seg"]
    batches = len(bench.strategy.batches)
    assert set(sent_since(bench, 1)) == set(others), "what is refused is not tried all the time"
    bench.strategy.answer = taken
    bench.wait(30.0)
    ids += bench.take(warning())
    send_all(bench)
    assert sent_since(bench, batches) == ids
    assert not list(bench.directory.glob("aside.*"))


class Room:
    """A queue that takes so many WARN and refuses the rest, until it is read."""

    def __init__(self, room: int) -> None:
        self.room = room

    def __call__(self, sent: Message) -> Outcome:
        if sent.priority is not WARN:
            return Outcome.TAKEN
        self.room -= 1
        return Outcome.TAKEN if self.room >= 0 else REFUSED


def test_a_full_queue_that_is_read_slowly_gets_each_message_once(bench: Bench) -> None:
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

    bench.strategy.answer = answer
    others = []
    for _ in range(40):
        ids += bench.take(*(warning() for _ in range(20)))
        others += bench.take(message())
        bench.send(3)
        bench.wait(0.1)
        queue.room = max(queue.room, 0) + 5
    for _ in range(400):
        queue.room = max(queue.room, 0) + 5
        bench.send()
        bench.wait(1.0)
    assert sorted(came) == sorted(ids), "each once"
    assert bench.done == len(ids) + len(others)
    assert not list(bench.directory.glob("aside.*"))


def test_what_is_taken_before_its_turn_is_not_sent_again(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN)
    ids = bench.take(*(warning() for _ in range(6)))
    bench.send()
    left_out = [ids[1], ids[3]]

    def some(sent: Message) -> Outcome:
        return Outcome.UNROUTABLE if sent.message_id in left_out else Outcome.TAKEN

    bench.strategy.answer = some
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    batches = len(bench.strategy.batches)
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    send_all(bench)
    assert sent_since(bench, batches) == left_out
    assert not list(bench.directory.glob("aside.*"))


def test_what_is_denied_is_set_aside_and_tried_each_minute(bench: Bench) -> None:
    bench.strategy.answer = nowhere_for(WARN, instead=DENIED)
    ids = bench.take(warning(), message(), warning())
    bench.send()
    assert bench.done == 3
    for _ in range(3):
        batches = len(bench.strategy.batches)
        bench.wait(ASIDE_RETRY - 0.5)
        send_all(bench)
        assert sent_since(bench, batches) == []
        bench.wait(0.5)
        send_all(bench)
        assert sent_since(bench, batches) == ids[:1]
    bench.strategy.answer = taken
    bench.wait(ASIDE_RETRY)
    batches = len(bench.strategy.batches)
    send_all(bench)
    assert sent_since(bench, batches) == [ids[0], ids[2]]


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
    bench: Bench,
    connecting: Connecting,
    caplog: pytest.LogCaptureFixture,
    outcome: Outcome,
    told: list[str],
) -> None:
    caplog.set_level(logging.INFO)
    connecting.answer = nowhere_for(WARN, instead=outcome)
    for _ in range(5):
        bench.take(warning(), message())
        send_all(bench)
        bench.wait(ASIDE_RETRY)
    connecting.answer = taken
    for _ in range(3):
        bench.wait(ASIDE_RETRY)
        send_all(bench)
    found = [f"{each.levelname} {each.getMessage()}" for each in caplog.records]
    assert [each for each in found if "WARN " in each or "WARN:" in each] == told


@pytest.fixture
def connecting(bench: Bench) -> Connecting:
    """The strategy of the bench."""
    strategy = Connecting()
    bench.strategy = strategy
    bench.begin_again()
    return strategy


def test_it_connects_before_there_is_anything_to_send_and_says_so_once(
    bench: Bench, connecting: Connecting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        bench.keep_alive()
    assert connecting.connects == 3
    bench.take_some(1)
    bench.send()
    bench.keep_alive()
    assert lines(caplog) == ["scripted is connected", "scripted takes notifications"]


def test_what_hinders_it_is_said_once_and_tried_as_all_is(
    bench: Bench, connecting: Connecting, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = SendError("password", needs_operator=True)
    connecting.connect_errors = [wrong, wrong]
    for _ in range(50):
        bench.keep_alive()
    assert connecting.connects == 1
    for _ in range(2):
        bench.wait(OPERATOR_RETRY)
        bench.keep_alive()
    assert connecting.connects == 3
    waits = f"notifications wait in {bench.directory}"
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("ERROR", f"scripted cannot be used: password; {waits}"),
        ("INFO", "scripted is connected"),
    ]


def test_while_something_waits_only_messages_are_tried(
    bench: Bench, connecting: Connecting
) -> None:
    """A broker that blocks those who publish lets all connect: that says nothing."""
    connecting.errors = [SendError("blocked")]
    bench.take_some(1)
    bench.send()
    bench.wait(60)
    bench.keep_alive()
    assert connecting.connects == 0


def test_a_strategy_that_connects_with_its_first_message_goes_on_to(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        bench.keep_alive()
    assert lines(caplog) == []
    bench.strategy.answer = nowhere_for(WARN, instead=DENIED)
    bench.take(message(priority=Priority.INFO), warning())
    bench.send()
    assert lines(caplog) == [
        "scripted takes notifications",
        "scripted cannot send WARN: its notifications are set aside and tried every 60 s; the "
        "others go on",
    ]
