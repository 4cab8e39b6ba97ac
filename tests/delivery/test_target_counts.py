"""Each message counts once for a target, when a cursor passes it, whatever happens in between."""

import json
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside import operator_requests
from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY, AsideFiles
from glance_notify_middleware.delivery.aside.sending_again import SendingAgain
from glance_notify_middleware.delivery.cursors import CursorFile
from glance_notify_middleware.delivery.dead_letters import TRIES
from glance_notify_middleware.delivery.target_counts import TargetCounts
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.chain import Step
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.strategies import Outcome, SendError
from tests.delivery.dispatcher_harness import (
    IDENTITY,
    WARN,
    DispatcherHarness,
    message_with_id,
    warning,
)
from tests.delivery.scripted_strategy import respond, take_all, unroutable
from tests.journal.sample_journals import message


def counts(harness: DispatcherHarness) -> TargetCounts:
    return harness.cursors.counts


def restart(harness: DispatcherHarness, *messages: Message) -> None:
    """Kill the leader after a save; the next one reads these messages of the journal again."""
    harness.cursors.save(at_once=True)
    harness.begin_again()
    if messages:
        harness.take(*messages)


def test_message_counts_when_the_cursor_passes_it(harness: DispatcherHarness) -> None:
    harness.strategy.choose = respond(Outcome.REFUSED, WARN)
    harness.take(warning(), message(), message())
    harness.send()
    assert counts(harness).delivered == 0, "the first one waits"
    harness.strategy.choose = take_all
    harness.wait(60)
    harness.send()
    assert counts(harness).delivered == 3


def test_dead_letter_counts_as_that(harness: DispatcherHarness) -> None:
    harness.strategy.choose = respond(Outcome.REJECTED, WARN)
    harness.take(message_with_id(WARN), message())
    harness.send(TRIES)
    assert (counts(harness).delivered, counts(harness).dead_letters) == (1, 1)
    assert counts(harness).failures == {"rejected": TRIES}


def test_message_that_is_set_aside_counts_when_it_is_sent(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    harness.take(warning(), message(), warning())
    harness.send()
    assert harness.done == 3
    assert counts(harness).delivered == 1
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert counts(harness).delivered == 3
    assert counts(harness).failures == {"unroutable": 2}


def test_message_that_was_sent_from_the_aside_file_first_counts_once_over_a_crash(
    harness: DispatcherHarness,
) -> None:
    """It is sent before the cursor of the journal passes it, as the message before it is refused.
    Then the leader dies, and the next one reads both in the journal."""
    first, second = message(), warning()
    harness.strategy.choose = unroutable(WARN)
    harness.take(warning())
    harness.send()  # so that the aside file stays
    harness.strategy.choose = respond(Outcome.REFUSED, Priority.INFO)
    harness.take(first, second)
    harness.send()
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert second.message_id in harness.sent_since(1)
    assert harness.done == 1
    assert counts(harness).delivered == 1, "the one that the journal has no more"
    harness.strategy.choose = take_all
    restart(harness, first, second)
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert counts(harness).delivered == 3


def test_message_that_is_set_aside_twice_counts_once(harness: DispatcherHarness) -> None:
    """The leader has set it aside, and died before the cursor of the journal passed it."""
    first, second = message(), warning()
    harness.strategy.choose = lambda each: (
        Outcome.REFUSED if each.priority is Priority.INFO else Outcome.UNROUTABLE
    )
    harness.take(first, second)
    harness.send()
    restart(harness, first, second)
    harness.send()
    restart(harness, first, second)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert second.message_id in harness.sent_since(2)
    assert counts(harness).delivered == 2


def test_lane_that_begins_again_counts_nothing_twice(harness: DispatcherHarness) -> None:
    first, second = message(), warning()
    harness.strategy.choose = lambda each: (
        Outcome.REFUSED if each.priority is Priority.INFO else Outcome.UNROUTABLE
    )
    harness.take(first, second)
    harness.send()
    harness.subscription.begin_again()
    AsideFiles(harness.directory, "scripted", harness.cursors, 2**20)
    harness.begin_again()
    harness.strategy.choose = take_all
    harness.take(first, second)
    harness.send_all()
    assert counts(harness).delivered == 2


def test_counts_and_positions_go_back_together_when_a_leader_dies(
    harness: DispatcherHarness,
) -> None:
    made = [message() for _ in range(3)]
    harness.take(*made[:2])
    harness.send()
    harness.cursors.save(at_once=True)
    harness.take(made[2])
    harness.send()
    assert counts(harness).delivered == 3
    harness.begin_again()
    assert (harness.done, counts(harness).delivered) == (2, 2)
    harness.take(made[2])
    harness.send()
    assert counts(harness).delivered == 3


def test_what_an_operator_sends_again_is_counted_apart(harness: DispatcherHarness) -> None:
    assert SendingAgain(harness.directory, "scripted", 2**20).add([warning(), warning()]) == 2
    harness.dispatcher.look()
    harness.send_all()
    assert (counts(harness).delivered, counts(harness).sent_again) == (0, 2)


def test_what_an_operator_drops_is_lost_for_that_reason(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    harness.take(warning(), warning())
    harness.send()
    harness.cursors.save(at_once=True)
    assert operator_requests.drop(harness.directory, "scripted", WARN) == 2
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert counts(harness).lost == {"operator": 2}
    assert counts(harness).delivered == 0


@pytest.mark.parametrize(("gone", "reason"), [(False, "damaged"), (True, "removed")])
def test_lost_messages_count_by_reason(gone: bool, reason: str, harness: DispatcherHarness) -> None:
    harness.window.take([Step(IDENTITY, [message()], Position(0, 900, 8), lost=7, gone=gone)])
    harness.send()
    assert counts(harness).lost == {reason: 7}
    assert counts(harness).delivered == 1


def test_message_that_is_recorded_again_is_sent_and_not_counted_again(
    harness: DispatcherHarness,
) -> None:
    made = [message(), warning()]
    harness.strategy.choose = unroutable(WARN)
    harness.window.take([Step(IDENTITY, made, Position(0, 900, 0), is_repeat=True)])
    harness.send()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert [each.message_id for each in made] == harness.strategy.ids[0]
    assert harness.strategy.ids[-1] == [made[1].message_id]
    assert counts(harness).delivered == 0


def test_failed_tries_of_the_connection_count_by_reason(harness: DispatcherHarness) -> None:
    reasons: list[str] = []
    harness.connection._on_failure = reasons.append
    harness.take(message())
    harness.strategy.errors = [SendError("gone"), SendError("password", needs_operator=True)]
    harness.send()
    harness.wait(60)
    harness.send()
    assert reasons == ["connection", "unusable"]


def test_cursors_of_an_older_version_have_counted_nothing(tmp_path: Path) -> None:
    """What is set aside then counts when it is sent."""
    file = CursorFile(tmp_path, ["rabbit"])
    aside = AsideFiles(tmp_path, "rabbit", file.of("rabbit"), 2**20)
    aside.postpone(WARN, 0.0)
    end = aside.add(warning())
    old = {"rabbit": {"positions": {IDENTITY: [0, 99, 5]}, "aside": {}}}
    (tmp_path / "cursors.json").write_bytes(checksummed.dumps(old))
    file = CursorFile(tmp_path, ["rabbit"])
    cursors = file.of("rabbit")
    assert cursors.counts.content() == TargetCounts().content()
    assert cursors.aside_passed == {WARN: end}
    assert file.save(), "it is saved in this version's form before anything is set aside"
    found = json.loads((tmp_path / "cursors.json").read_text().splitlines()[1])
    assert found["rabbit"]["positions"] == old["rabbit"]["positions"]
    assert found["rabbit"]["aside_passed"] == {WARN: end}
