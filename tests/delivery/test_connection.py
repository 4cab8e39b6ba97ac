"""The connection of a lane: when it is tried, and what is logged of it."""

import logging
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.connection import OPERATOR_RETRY, BackOff
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import FIRST_WAIT, WARN, DispatcherHarness, warning
from tests.delivery.scripted_strategy import ScriptedConnectingStrategy, refuse, respond, take_all
from tests.journal.sample_journals import message
from tests.runtime.logged import logged_lines


def test_waits_between_failed_tries_double(harness: DispatcherHarness) -> None:
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


def test_success_resets_the_wait(harness: DispatcherHarness) -> None:
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
def test_back_off_has_bounds_and_jitter(failures: int) -> None:
    waits = {BackOff(0.2, 30.0).after(failures) for _ in range(50)}
    longest = min(0.2 * 2.0 ** min(failures - 1, 60), 30.0)
    assert longest / 2 <= min(waits) < max(waits) <= longest


def test_connection_that_only_an_operator_can_mend_is_tried_each_minute(
    harness: DispatcherHarness,
) -> None:
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


def test_broker_that_wants_to_be_left_alone_is(harness: DispatcherHarness) -> None:
    harness.take_some(1)
    harness.strategy.errors = [SendError("busy", retry_after=600.0), SendError("busy")]
    harness.send()
    harness.wait(599.9)
    harness.send()
    assert len(harness.strategy.batches) == 1
    harness.wait(0.2)
    harness.send()
    harness.wait(2 * FIRST_WAIT)  # without a word of the broker the wait is the usual one
    harness.send()
    assert harness.done == 1


def test_messages_that_were_taken_before_an_error_begin_the_back_off_anew(
    harness: DispatcherHarness,
) -> None:
    """A receiver with a limit for requests takes some messages of each batch."""
    harness.take_some(20)
    harness.strategy.errors = [SendError("too many requests", [Outcome.TAKEN]) for _ in range(10)]
    for count in range(1, 11):
        harness.send()
        assert (len(harness.strategy.batches), harness.done) == (count, count)
        harness.wait(2 * FIRST_WAIT)


def test_idle_connection_that_is_lost_is_not_used_for_a_while(
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


def test_state_of_the_connection_is_logged_once_for_each_change(
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
    harness.strategy.choose = refuse(*ids)
    for _ in range(5):
        harness.send()
        harness.wait(60)
    harness.strategy.choose = take_all
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


def test_connection_closes_its_strategy(harness: DispatcherHarness) -> None:
    harness.connection.close()
    assert harness.strategy.is_closed


def test_idle_connection_connects_and_logs_it_once(
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


def test_failed_connect_is_logged_once_and_tried_each_minute(
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


def test_connection_does_not_connect_by_itself_while_messages_wait(
    harness: DispatcherHarness, connecting: ScriptedConnectingStrategy
) -> None:
    """A broker that blocks publishers lets everybody connect: a connection proves nothing."""
    connecting.errors = [SendError("blocked")]
    harness.take_some(1)
    harness.send()
    harness.wait(60)
    harness.keep_alive()
    assert connecting.connects == 0


def test_strategy_that_cannot_connect_alone_connects_with_its_first_message(
    harness: DispatcherHarness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for _ in range(3):
        harness.keep_alive()
    assert logged_lines(caplog) == []
    harness.strategy.choose = respond(Outcome.DENIED, WARN)
    harness.take(message(priority=Priority.INFO), warning())
    harness.send()
    assert logged_lines(caplog) == [
        "scripted takes notifications",
        "scripted cannot send WARN: its notifications are set aside and tried every 60 s; the "
        "others go on",
    ]
