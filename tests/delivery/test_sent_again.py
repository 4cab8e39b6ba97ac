"""What an operator sends again goes through the aside files, and holds up nothing else."""

from pathlib import Path

import pytest

from glance_notify_middleware.delivery.aside import one_file, operator_requests
from glance_notify_middleware.delivery.aside.files import ASIDE_RETRY
from glance_notify_middleware.delivery.aside.sending_again import (
    SendingAgain,
    StaleCursorError,
    TooLargeError,
    cursor,
)
from glance_notify_middleware.delivery.dead_letters import TRIES
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from tests.delivery.dispatcher_harness import WARN, DispatcherHarness, message_with_id, warning
from tests.delivery.file_broker import ASIDE_MAX_SIZE, AppendingStrategy, FileBroker, running_relay
from tests.delivery.scripted_strategy import refuse, reject, take_all, unroutable
from tests.journal.processes import eventually
from tests.journal.sample_journals import message

KIB = 1024


def send_again(harness: DispatcherHarness, *messages: Message) -> list[str]:
    """Send these messages again, as an operator's command does; returns their ids."""
    sending = SendingAgain(harness.directory, "scripted", 64 * KIB)
    assert sending.add(messages) == len(messages)
    sending.sync()
    return [each.message_id for each in messages]


def test_leader_notices_a_file_that_a_command_makes(harness: DispatcherHarness) -> None:
    harness.send_all()
    ids = send_again(harness, message(), warning(), message())
    harness.send_all()
    assert not harness.strategy.batches
    harness.dispatcher.look()
    harness.send_all()
    assert sorted(harness.sent_since(0)) == sorted(ids)
    assert not harness.aside_files()
    assert harness.dispatcher.is_idle


def test_leader_that_begins_later_sends_them_too(harness: DispatcherHarness) -> None:
    ids = send_again(harness, warning(), warning())
    harness.begin_again()
    harness.send_all()
    assert harness.sent_since(0) == ids


def test_new_messages_do_not_wait_behind_those_sent_again(harness: DispatcherHarness) -> None:
    again = send_again(harness, *(message() for _ in range(2)))
    harness.dispatcher.look()
    new = harness.take_some(3)
    harness.send(2)
    assert harness.strategy.ids == [again[:1], new], "none of them was set aside"
    harness.send_all()
    assert harness.sent_since(2) == again[1:]


def test_window_and_aside_files_take_turns(harness: DispatcherHarness) -> None:
    again = send_again(harness, *(message() for _ in range(4)))
    harness.dispatcher.look()
    harness.send()
    for number in range(3):
        send_again(harness, message())
        (new,) = harness.take_some(1)
        harness.send(2)
        assert harness.strategy.ids[2 * number + 1] == [new]
    assert harness.sent_since(0)[0] == again[0]


def test_priority_without_a_queue_is_set_aside_behind_them(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = send_again(harness, warning())
    harness.dispatcher.look()
    harness.send()
    ids += harness.take(warning())
    harness.send_all()
    assert harness.done == 1
    assert len(harness.strategy.batches) == 1, "the new message was set aside at once"
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(1) == ids


def test_refused_message_is_not_sent_without_a_pause(harness: DispatcherHarness) -> None:
    made = warning()
    harness.strategy.choose = refuse(made.message_id)
    send_again(harness, made)
    harness.dispatcher.look()
    harness.send_all()
    assert len(harness.strategy.batches) == 1
    harness.wait(1.0)
    harness.send_all()
    assert len(harness.strategy.batches) == 2


def test_message_that_is_rejected_again_is_a_dead_letter_again(
    harness: DispatcherHarness,
) -> None:
    made = [message_with_id(), message_with_id(), message_with_id()]
    ids = send_again(harness, *made)
    harness.strategy.choose = reject(ids[1])
    harness.dispatcher.look()
    harness.send_all()
    assert harness.sent_since(0).count(ids[1]) == TRIES
    assert harness.dead_letters() == [ids[1]]
    assert not harness.aside_files()


def set_aside_with_the_last_one_done(harness: DispatcherHarness) -> list[str]:
    """Have three messages set aside, of which the first one is delivered, the second one is
    refused, and the third one is delivered behind it; returns their ids."""
    harness.strategy.choose = unroutable(Priority.INFO)
    ids = harness.take(*(message() for _ in range(3)))
    harness.send_all()
    harness.strategy.choose = refuse(ids[1])
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    return ids


def test_message_that_is_sent_again_goes_though_it_is_done_at_an_earlier_place(
    harness: DispatcherHarness,
) -> None:
    _, refused, done = set_aside_with_the_last_one_done(harness)
    batches = len(harness.strategy.batches)
    last = harness.strategy.batches[-1][-1]
    assert last.message_id == done
    send_again(harness, last)
    harness.dispatcher.look()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == [refused, done]
    assert not harness.aside_files()


def test_each_of_two_places_of_a_message_is_sent(harness: DispatcherHarness) -> None:
    """An outcome that is not known can be recorded twice: with one id, and a `_sequence` each."""
    twice = message(b'"one place"')
    again = twice._replace(body=b'"another place"')
    refused = message()
    harness.strategy.choose = unroutable(Priority.INFO)
    harness.take(message(), refused, twice, again)
    harness.send_all()
    harness.strategy.choose = refuse(refused.message_id)
    harness.strategy.most = 2
    harness.wait(ASIDE_RETRY)
    harness.send(2)
    harness.strategy.choose, harness.strategy.most = take_all, None
    batches = len(harness.strategy.batches)
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    sent = [each.body for batch in harness.strategy.batches[batches:] for each in batch]
    assert sent == [refused.body, again.body]


def test_message_that_is_sent_again_goes_though_it_was_done_at_this_place_of_a_file_before(
    harness: DispatcherHarness,
) -> None:
    ids = set_aside_with_the_last_one_done(harness)
    messages = [each for batch in harness.strategy.batches for each in batch]
    by_id = {each.message_id: each for each in messages}
    harness.cursors.save(at_once=True)
    operator_requests.drop(harness.directory, "scripted", Priority.INFO)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert not harness.aside_files()
    batches = len(harness.strategy.batches)
    send_again(harness, *(by_id[each] for each in ids))
    harness.dispatcher.look()
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == ids


def test_retry_request_has_set_aside_messages_tried_at_once(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN, Priority.ERROR)
    ids = harness.take(warning(), warning(), message(priority=Priority.ERROR))
    harness.send_all()
    batches = len(harness.strategy.batches)
    harness.strategy.choose = take_all
    operator_requests.retry(harness.directory, "scripted", WARN)
    harness.send_all()
    assert not harness.sent_since(batches)
    harness.dispatcher.look()
    harness.send_all()
    assert harness.sent_since(batches) == ids[:2]
    assert harness.aside_files() == ["aside.scripted.error.seg"], "the request is gone, too"


def test_retry_request_without_messages_is_removed(harness: DispatcherHarness) -> None:
    operator_requests.retry(harness.directory, "scripted", WARN)
    harness.dispatcher.look()
    assert not harness.aside_files()
    harness.take(warning())
    harness.send_all()
    assert not harness.aside_files()


def test_cursor_of_a_removed_file_is_forgotten(harness: DispatcherHarness) -> None:
    """It would skip messages of the next file."""
    harness.cursors.move_aside(WARN, 100)
    harness.cursors.save(at_once=True)
    assert cursor(harness.directory, "scripted", WARN) == 100
    sending = SendingAgain(harness.directory, "scripted", 64 * KIB)
    with pytest.raises(StaleCursorError, match="was removed"):
        sending.add([warning(bytes(500))])
    assert not harness.aside_files()
    harness.dispatcher.look()
    harness.cursors.save(at_once=True)
    ids = send_again(harness, warning(bytes(500)))
    harness.begin_again()
    harness.send_all()
    assert harness.sent_since(0) == ids


@pytest.mark.parametrize("content", [b"noise", b"", b"[]", b'{"scripted": 3}'])
def test_cursor_of_a_file_that_says_none_is_0(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "cursors.json").write_bytes(content)
    assert cursor(tmp_path, "scripted", WARN) == 0


def test_half_of_the_bound_is_free_for_the_leader(harness: DispatcherHarness) -> None:
    sending = SendingAgain(harness.directory, "scripted", 8 * KIB)
    made = [message(bytes(500)) for _ in range(9)]
    added = sending.add(made)
    assert 5 < added < 9
    assert one_file.total_size(harness.directory, "scripted") <= 4 * KIB
    assert sending.add(made[added:]) == 0
    assert sending.add([warning(bytes(500))]) == 0, "the bound is that of all priorities together"
    harness.dispatcher.look()
    harness.send_all()
    assert harness.sent_since(0) == [each.message_id for each in made[:added]]
    assert sending.add(made[added:]) == len(made) - added


def test_messages_before_one_without_room_are_added(tmp_path: Path) -> None:
    sending = SendingAgain(tmp_path, "scripted", 4 * KIB)
    made = [message(), warning(), warning(bytes(3 * KIB)), message()]
    assert sending.add(made) == 2
    with pytest.raises(TooLargeError, match=made[2].message_id):
        sending.add(made[2:])


def test_dropped_messages_are_not_sent_and_those_behind_them_are(
    harness: DispatcherHarness,
) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(5)))
    harness.send_all()
    assert operator_requests.drop(harness.directory, "scripted", WARN) == 5
    assert operator_requests.drop(harness.directory, "scripted", WARN) == 0
    assert operator_requests.drop(harness.directory, "scripted", Priority.INFO) == 0
    ids += harness.take(warning(), warning())
    harness.send_all()
    batches = len(harness.strategy.batches)
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    harness.send_all()
    assert harness.sent_since(batches) == ids[5:]
    assert not harness.aside_files()


def test_only_messages_behind_the_cursor_are_dropped(harness: DispatcherHarness) -> None:
    harness.strategy.choose = unroutable(WARN)
    ids = harness.take(*(warning() for _ in range(5)))
    harness.send_all()
    harness.strategy.choose = take_all
    harness.wait(ASIDE_RETRY)
    batches = len(harness.strategy.batches)
    harness.send()
    harness.cursors.save(at_once=True)
    assert harness.sent_since(batches) == ids[:1]
    assert operator_requests.drop(harness.directory, "scripted", WARN) == 4
    harness.send_all()
    assert harness.sent_since(batches) == ids[:1]
    assert not harness.aside_files()


def test_file_that_is_all_dropped_over_many_chunks_is_removed(
    harness: DispatcherHarness,
) -> None:
    sending = SendingAgain(harness.directory, "scripted", 2**30)
    assert sending.add([warning(bytes(200 * KIB)) for _ in range(20)]) == 20
    assert operator_requests.drop(harness.directory, "scripted", WARN) == 20
    harness.dispatcher.look()
    harness.send_all()
    assert not harness.strategy.batches
    assert not harness.aside_files()


def test_running_leader_delivers_what_is_sent_again(journal_dir: Path, broker: FileBroker) -> None:
    with running_relay(journal_dir, lambda: AppendingStrategy(broker.path)):
        eventually((journal_dir / "cursors.json").exists)
        made = [message(), warning()]
        sending = SendingAgain(journal_dir, "rabbit", ASIDE_MAX_SIZE)
        assert sending.add(made) == 2
        eventually(broker.has([each.message_id for each in made]))
        eventually(lambda: not list(journal_dir.glob("aside.*")))
    assert len(broker.ids) == 2


def test_outcome_of_the_first_message_decides_whether_others_are_sent(
    harness: DispatcherHarness,
) -> None:
    send_again(harness, *(warning() for _ in range(3)))
    harness.strategy.choose = lambda _: Outcome.DENIED
    harness.dispatcher.look()
    harness.send_all()
    assert [len(batch) for batch in harness.strategy.batches] == [1]
