"""The contract (strategies/__init__.py) over each strategy, at a broker that works."""

import logging
import time
import traceback
from collections.abc import Callable, Iterator

import pytest

from demo.ports import free_port
from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Connecting, Outcome, SendError, Strategy
from tests.strategies.bad_peers import DisturbedWire, Peer, silent
from tests.strategies.places import WRONG_PASSWORD, BrokerPlace, Place
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import IN_TIME, message, messages

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


def test_message_arrives_once_in_order_and_is_taken(place: Place, strategy: Strategy) -> None:
    batch = messages(700)
    assert list(strategy.send(batch[:500])) == [TAKEN] * 500
    assert list(strategy.send(batch[500:])) == [TAKEN] * 200
    assert place.received(700) == [(each.message_id, each.body) for each in batch]
    assert place.received() == []


def test_priority_has_a_queue_of_its_own(broker_place: BrokerPlace) -> None:
    batch = [message(priority=priority) for priority in Priority]
    strategy = broker_place.strategy()
    assert list(strategy.send(batch)) == [TAKEN] * 3
    for each in batch:
        assert broker_place.received(1, each.priority) == [(each.message_id, each.body)]
    strategy.close()


def test_sixty_messages_of_250_kb_are_taken(place: Place, strategy: Strategy) -> None:
    batch = [message(b'"' + b"x" * 250_000 + b'"') for _ in range(60)]
    assert list(strategy.send(batch)) == [TAKEN] * 60
    assert [each for each, _ in place.received(60)] == [each.message_id for each in batch]


def test_empty_batch_has_no_outcome_and_needs_no_broker(place: Place) -> None:
    assert list(place.strategy_at(9).send([])) == []


def test_connection_is_not_made_before_the_first_message(place: Place) -> None:
    with Peer(silent) as peer:
        strategy = place.strategy_at(peer.port)
        strategy.keep_alive()
        strategy.send([])
        strategy.close()
        assert peer.accepted == 0


def test_connect_makes_the_connection_that_send_uses(broker_place: BrokerPlace) -> None:
    with DisturbedWire(broker_place.port) as wire:
        strategy = broker_place.strategy_at(wire.port)
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


def test_connect_fails_where_nobody_listens_and_then_tries_the_next_host(
    broker_place: BrokerPlace,
) -> None:
    port = free_port()
    strategy = broker_place.strategy_at(port, broker_place.port, patience=20)
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
def test_wrong_password_needs_an_operator_and_is_shown_nowhere(
    place: Place, caplog: pytest.LogCaptureFixture, act: Callable[[Connecting], None]
) -> None:
    caplog.set_level(logging.DEBUG, "")
    strategy = place.with_wrong_password()
    if act is connect and not place.connects_with_password:
        strategy.connect()
        strategy.close()
        return
    began = time.monotonic()
    with pytest.raises(SendError) as raised:
        act(strategy)
    assert time.monotonic() - began < IN_TIME
    error = raised.value
    assert "\n" not in str(error)
    assert error.needs_operator
    assert list(error.outcomes) == [None] * (act is send_one)
    shown = "".join(traceback.format_exception(error)) + caplog.text + repr(strategy)
    chained: BaseException | None = error
    while chained is not None:
        shown += f"{chained} {chained!r} {chained.args}"
        chained = chained.__cause__ or chained.__context__
    assert "127.0.0.1" in shown
    assert WRONG_PASSWORD not in shown


def test_closed_strategy_can_be_used_again(place: Place, strategy: Strategy) -> None:
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        strategy.close()
    assert len(place.received(4)) == 4


def test_message_without_a_queue_is_unroutable_and_the_others_are_taken(
    broker_place: BrokerPlace,
) -> None:
    strategy = broker_place.without_queues_for(Priority.WARN)
    info, warn = Priority.INFO, Priority.WARN
    batch = [message(priority=priority) for priority in (info, warn, warn, info, warn)]
    for _ in range(2):
        outcomes = strategy.send(batch)
        assert list(outcomes) == [TAKEN, UNROUTABLE, UNROUTABLE, TAKEN, UNROUTABLE]
    assert len(broker_place.received(4)) == 4
    strategy.close()


def test_message_for_a_full_queue_is_refused_and_taken_when_there_is_room(
    broker_place: BrokerPlace,
) -> None:
    strategy = broker_place.with_room_for(3)
    batch = messages(20)
    outcomes = list(strategy.send(batch))
    assert outcomes == [TAKEN] * 3 + [REFUSED] * 17
    assert list(strategy.send(batch[3:5])) == [REFUSED] * 2
    assert len(broker_place.received(3)) == 3
    assert list(strategy.send(batch[3:4])) == [TAKEN]
    strategy.close()


def test_repeated_message_arrives_each_time_unchanged(place: Place, strategy: Strategy) -> None:
    first, second = messages(2)
    assert list(strategy.send([first, second, first])) == [TAKEN] * 3
    assert list(strategy.send([first])) == [TAKEN]
    expected = [(each.message_id, each.body) for each in (first, second, first, first)]
    assert place.received(4) == expected


def test_repeated_message_without_a_queue_is_unroutable_each_time(
    broker_place: BrokerPlace,
) -> None:
    strategy = broker_place.without_queues_for(*Priority)
    first, second = messages(2)
    assert list(strategy.send([first, second, first])) == [UNROUTABLE] * 3
    strategy.close()


@pytest.fixture(scope="module")
def small_node(tmp_path_factory: pytest.TempPathFactory, rabbit: Node) -> Iterator[Node]:
    """A node that takes no message of more than 10,000 bytes. (`rabbit` skips without RabbitMQ.)"""
    with Node(tmp_path_factory.mktemp("small"), max_message_size=10_000) as node:
        yield node


def test_message_that_is_too_large_is_rejected_and_the_others_are_taken(small_node: Node) -> None:
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


def test_message_that_the_protocol_cannot_express_is_rejected_and_the_others_are_taken(
    place: Place, strategy: Strategy
) -> None:
    for message_id, timestamp in place.inexpressible:
        first, second = messages(2)
        inexpressible = type(first)(message_id, "image.send", Priority.INFO, timestamp, b"{}")
        assert list(strategy.send([first, inexpressible, second])) == [
            TAKEN,
            Outcome.REJECTED,
            TAKEN,
        ]
        assert list(strategy.send([second])) == [TAKEN]
        expected = [first.message_id, second.message_id, second.message_id]
        assert [each for each, _ in place.received(3)] == expected
