"""What each strategy owes to the relay; the contract is in strategies/__init__.py."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from demo.ports import free_port
from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Connecting, Outcome, SendError, Strategy
from tests.strategies.peers import Peer, Wire, silent
from tests.strategies.places import IN_TIME, PASSWORD, Place, RabbitPlace, message, messages

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


def test_each_message_arrives_once_in_order_and_has_an_outcome(
    place: Place, strategy: Strategy
) -> None:
    batch = messages(700)
    assert list(strategy.send(batch[:500])) == [TAKEN] * 500
    assert list(strategy.send(batch[500:])) == [TAKEN] * 200
    assert place.received(700) == [(each.message_id, each.body) for each in batch]
    assert place.received() == []


def test_each_priority_has_its_queue(place: Place, strategy: Strategy) -> None:
    batch = [message(priority=priority) for priority in Priority]
    assert list(strategy.send(batch)) == [TAKEN] * 3
    for each in batch:
        assert place.received(1, each.priority) == [(each.message_id, each.body)]


def test_long_messages_in_great_number_go_through(place: Place, strategy: Strategy) -> None:
    batch = [message(b'"' + b"x" * 250_000 + b'"') for _ in range(60)]
    assert list(strategy.send(batch)) == [TAKEN] * 60
    assert [each for each, _ in place.received(60)] == [each.message_id for each in batch]


def test_an_empty_batch_has_no_outcome_and_needs_no_broker(place: Place) -> None:
    assert list(place.strategy_at(9).send([])) == []


def test_nothing_is_connected_before_the_first_message(place: Place) -> None:
    with Peer(silent) as peer:
        strategy = place.strategy_at(peer.port)
        strategy.keep_alive()
        strategy.send([])
        strategy.close()
        assert peer.accepted == 0


def test_it_connects_without_a_message_and_sends_over_that_connection(place: Place) -> None:
    with Wire(place.port) as wire:
        strategy = place.strategy_at(wire.port)
        for _ in range(2):
            strategy.connect()
            strategy.keep_alive()
        assert wire.accepted == 1
        assert list(strategy.send(messages(2))) == [TAKEN] * 2
        assert wire.accepted == 1
        wire.cut()
        time.sleep(0.2)
        with pytest.raises(SendError):
            strategy.keep_alive()
        strategy.connect()
        assert wire.accepted == 2
        strategy.close()


def test_to_connect_where_nobody_listens_is_an_error_and_then_the_next_host_is_tried(
    place: Place,
) -> None:
    port = free_port()
    strategy = place.strategy_at(port, place.port, patience=20)
    with pytest.raises(SendError, match=f"127.0.0.1:{port}: Connection refused") as raised:
        strategy.connect()
    assert not raised.value.needs_operator
    strategy.connect()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def send_one(strategy: Connecting) -> None:
    strategy.send(messages(1))


def connect(strategy: Connecting) -> None:
    strategy.connect()


@pytest.mark.parametrize("act", [send_one, connect])
def test_a_wrong_password_needs_an_operator_and_is_told_nowhere(
    place: Place, caplog: pytest.LogCaptureFixture, act: Callable[[Connecting], None]
) -> None:
    caplog.set_level(logging.DEBUG, "")
    strategy = place.with_a_wrong_password()
    began = time.monotonic()
    with pytest.raises(SendError) as raised:
        act(strategy)
    assert time.monotonic() - began < IN_TIME
    error = raised.value
    assert "\n" not in str(error)
    assert error.needs_operator
    assert list(error.outcomes) == [None] * (act is send_one)
    told = "".join(traceback.format_exception(error)) + caplog.text + repr(strategy)
    chained: BaseException | None = error
    while chained is not None:
        told += f"{chained} {chained!r} {chained.args}"
        chained = chained.__cause__ or chained.__context__
    assert "127.0.0.1" in told
    assert PASSWORD not in told


def test_after_it_was_closed_it_can_be_used_again(place: Place, strategy: Strategy) -> None:
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        strategy.close()
    assert len(place.received(4)) == 4


def test_what_has_nowhere_to_go_is_unroutable_and_the_rest_is_taken(place: Place) -> None:
    strategy = place.with_nowhere_to_put(Priority.WARN)
    info, warn = Priority.INFO, Priority.WARN
    batch = [message(priority=priority) for priority in (info, warn, warn, info, warn)]
    for _ in range(2):
        outcomes = strategy.send(batch)
        assert list(outcomes) == [TAKEN, UNROUTABLE, UNROUTABLE, TAKEN, UNROUTABLE]
    assert len(place.received(4)) == 4
    strategy.close()


def test_what_the_broker_refuses_is_refused_and_taken_once_there_is_room(place: Place) -> None:
    strategy = place.with_room_for(3)
    batch = messages(20)
    outcomes = list(strategy.send(batch))
    assert outcomes == [TAKEN] * 3 + [REFUSED] * 17
    assert list(strategy.send(batch[3:5])) == [REFUSED] * 2
    assert len(place.received(3)) == 3
    assert list(strategy.send(batch[3:4])) == [TAKEN]
    strategy.close()


def test_the_same_message_twice_in_a_batch_and_once_again_arrives_each_time_as_it_is(
    place: Place, strategy: Strategy
) -> None:
    one, other = messages(2)
    assert list(strategy.send([one, other, one])) == [TAKEN] * 3
    assert list(strategy.send([one])) == [TAKEN]
    expected = [(each.message_id, each.body) for each in (one, other, one, one)]
    assert place.received(4) == expected


def test_the_same_message_twice_without_a_place_to_go_is_unroutable_twice(place: Place) -> None:
    strategy = place.with_nowhere_to_put(*Priority)
    one, other = messages(2)
    assert list(strategy.send([one, other, one])) == [UNROUTABLE] * 3
    strategy.close()


@pytest.fixture(scope="module")
def small_node(tmp_path_factory: pytest.TempPathFactory, rabbit: Node) -> Iterator[Node]:
    """A node that takes no message of more than 10,000 bytes. (`rabbit`: or skip.)"""
    with Node(tmp_path_factory.mktemp("small"), max_message_size=10_000) as node:
        yield node


def test_a_message_that_is_never_taken_is_rejected_and_the_rest_goes_on(small_node: Node) -> None:
    small_node.add_vhost("poison")
    place = RabbitPlace(small_node, "poison")
    strategy = place.strategy()
    batch = messages(8)
    for poisoned in (2, 3, 7):
        batch[poisoned] = message(b"x" * 10_001)
    expected = [TAKEN, TAKEN, Outcome.REJECTED, Outcome.REJECTED, *[TAKEN] * 3, Outcome.REJECTED]
    for _ in range(2):
        assert list(strategy.send(batch)) == expected
        good = {each.message_id for each, one in zip(batch, expected, strict=True) if one is TAKEN}
        assert {each for each, _ in place.received()} == good
    strategy.close()


def test_a_message_that_cannot_be_expressed_is_rejected_and_the_rest_goes_on(
    place: Place, strategy: Strategy
) -> None:
    for message_id, timestamp in place.impossible:
        one, other = messages(2)
        impossible = type(one)(message_id, "image.send", Priority.INFO, timestamp, b"{}")
        assert list(strategy.send([one, impossible, other])) == [TAKEN, Outcome.REJECTED, TAKEN]
        assert list(strategy.send([other])) == [TAKEN]
        expected = [one.message_id, other.message_id, other.message_id]
        assert [each for each, _ in place.received(3)] == expected
