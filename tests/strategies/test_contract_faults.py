"""The contract over each strategy, when the broker or the network fails."""

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence

import pytest

from demo.ports import free_port
from glance_notify_middleware.strategies import Outcome, SendError, Strategy
from tests.journal.processes import eventually
from tests.strategies.bad_peers import DisturbedWire, Peer, closing, repeating, sending, silent
from tests.strategies.places import BrokerPlace, Place
from tests.strategies.sending import IN_TIME, PATIENCE, messages, prompt_send_error, send_all

TAKEN = Outcome.TAKEN


def test_port_where_nobody_listens_is_an_error_at_once(place: Place) -> None:
    port = free_port()
    error = prompt_send_error(place.strategy_at(port, patience=20), count=3)
    assert not error.needs_operator
    assert list(error.outcomes) == [None] * 3
    assert f"127.0.0.1:{port}: Connection refused" in str(error)


@pytest.mark.parametrize(
    "behave",
    [
        pytest.param(lambda place: silent, id="silent"),
        pytest.param(lambda place: closing, id="closes at once"),
        pytest.param(lambda place: sending(place.half_a_greeting), id="stops in a frame"),
        pytest.param(lambda place: repeating(b"HTTP/1.1 400 \r\n"), id="speaks HTTP"),
        pytest.param(lambda place: repeating(place.chatter), id="sends empty frames"),
        pytest.param(lambda place: repeating(place.half_a_greeting[:1]), id="repeats a byte"),
        pytest.param(
            lambda place: sending(place.half_a_greeting[:7] + b"\0" * 100_000), id="sends nonsense"
        ),
    ],
)
def test_peer_that_is_no_broker_is_an_error_in_time(
    place: Place, behave: Callable[[Place], Callable[[socket.socket], None]]
) -> None:
    with Peer(behave(place)) as peer:
        strategy = place.strategy_at(peer.port)
        error = prompt_send_error(strategy)
        assert list(error.outcomes) == [None]
        assert not error.needs_operator or (place.over_tls and "TLS" in str(error))
        strategy.close()


def stop_in_a_frame(wire: DisturbedWire, place: Place) -> None:
    wire.stop_answers(after=5)


def stop_and_chatter(wire: DisturbedWire, place: Place) -> None:
    wire.stop_answers(filler=place.chatter)


def trickle(wire: DisturbedWire, place: Place) -> None:
    wire.trickle(0.3)


@pytest.mark.parametrize("disturb", [stop_in_a_frame, stop_and_chatter, trickle])
def test_answer_that_never_ends_is_an_error_in_time_and_the_next_batch_is_taken(
    place: Place, disturb: Callable[[DisturbedWire, Place], None]
) -> None:
    with DisturbedWire(place.port) as wire:
        strategy = place.strategy_at(wire.port)
        strategy.send(messages(1))
        disturb(wire, place)
        error = prompt_send_error(strategy, count=2)
        assert list(error.outcomes) == [None, None]
        assert not error.needs_operator
        wire.mend()
        batch = messages(2)
        assert list(strategy.send(batch)) == [TAKEN, TAKEN]
        strategy.close()


def test_keep_alive_does_not_wait_for_the_rest_of_a_frame(place: Place) -> None:
    with DisturbedWire(place.port) as wire:
        strategy = place.strategy_at(wire.port)
        strategy.send(messages(1))
        wire.break_off(place.half_a_greeting[:1])
        time.sleep(0.2)
        began = time.monotonic()
        for _ in range(10):
            strategy.keep_alive()
        assert time.monotonic() - began < PATIENCE
        strategy.close()


def test_frozen_broker_is_an_error_in_time_and_takes_all_when_it_goes_on(
    place: Place, frozen: Callable[[], None]
) -> None:
    strategy = place.strategy(PATIENCE)
    strategy.send(messages(1))
    frozen()
    prompt_send_error(strategy)
    prompt_send_error(strategy)
    place.thaw()
    batch = messages(10)
    send_all(strategy, batch)
    assert {each.message_id for each in batch} <= {each for each, _ in place.received()}
    strategy.close()


def test_close_ends_in_time_beside_a_frozen_broker_and_can_be_repeated(
    place: Place, frozen: Callable[[], None]
) -> None:
    strategy = place.strategy()
    strategy.close()
    strategy.send(messages(1))
    frozen()
    began = time.monotonic()
    strategy.close()
    assert time.monotonic() - began < IN_TIME
    began = time.monotonic()
    strategy.close()
    assert time.monotonic() - began < 1


def test_next_host_is_used_when_the_first_is_dead_and_kept(
    broker_place: BrokerPlace,
) -> None:
    dead = free_port()
    with DisturbedWire(broker_place.port) as wire:
        strategy = broker_place.strategy_at(dead, wire.port, patience=5)
        prompt_send_error(strategy)
        for _ in range(3):
            assert list(strategy.send(messages(1))) == [TAKEN]
        assert wire.accepted == 1
        wire.cut()
        prompt_send_error(strategy)  # the connection was cut
        prompt_send_error(strategy)  # the first host is tried again
        assert list(strategy.send(messages(1))) == [TAKEN]
        strategy.close()


def test_message_arrives_while_connections_are_closed_again_and_again(
    place: Place, strategy: Strategy
) -> None:
    closer = threading.Thread(target=place.close_connections, args=(20, 0.1))
    closer.start()
    sent = []
    while closer.is_alive():
        batch = messages(50)
        send_all(strategy, batch)
        sent += batch
    closer.join()
    assert {each.message_id for each in sent} <= {each for each, _ in place.received()}


def test_confirmed_message_survives_a_kill_of_the_broker_and_others_are_taken_after_it(
    place: Place,
) -> None:
    strategy = place.strategy()
    confirmed: list[str] = []
    sent: list[str] = []
    killed = threading.Event()

    def send() -> None:
        while not killed.is_set():
            time.sleep(0.01)  # the messages that have arrived are read one by one
            batch = messages(20)
            outcomes: Sequence[Outcome | None]
            try:
                outcomes = strategy.send(batch)
            except SendError as error:
                outcomes = error.outcomes
            sent.extend(each.message_id for each in batch)
            confirmed.extend(
                each.message_id
                for each, outcome in zip(batch, outcomes, strict=False)
                if outcome is TAKEN
            )

    sender = threading.Thread(target=send)
    sender.start()
    try:
        eventually(lambda: len(confirmed) > 100)
        place.crash()
        killed.set()
        sender.join(30)
    finally:
        place.start()
    after = messages(10)
    send_all(strategy, after)
    received = {each for each, _ in place.received()}
    assert len(confirmed) > 100
    assert set(confirmed) <= received
    assert {each.message_id for each in after} <= received
    strategy.close()


def test_keep_alive_notices_a_connection_that_was_lost_while_idle(
    broker_place: BrokerPlace,
) -> None:
    with DisturbedWire(broker_place.port) as wire:
        strategy = broker_place.strategy_at(wire.port)
        strategy.send(messages(1))
        for _ in range(3):
            strategy.keep_alive()
        wire.cut()
        time.sleep(0.2)
        with pytest.raises(SendError) as raised:
            strategy.keep_alive()
        assert not raised.value.needs_operator
        strategy.keep_alive()
        assert list(strategy.send(messages(1))) == [TAKEN]
        strategy.close()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Using fork:DeprecationWarning")
def test_forked_child_leaves_the_connection_of_its_parent_alone(place: Place) -> None:
    with DisturbedWire(place.port) as wire:
        strategy = place.strategy_at(wire.port, patience=5)
        strategy.send(messages(1))
        for act in (
            strategy.close,
            strategy.keep_alive,
            lambda: strategy.send(messages(1)),
            lambda: None,
        ):
            child = os.fork()
            if not child:
                try:
                    act()
                    strategy.close()
                    os._exit(0)
                finally:
                    os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            strategy.keep_alive()
            assert list(strategy.send(messages(1))) == [TAKEN]
        assert wire.accepted == 2  # the parent's connection, and that of the child that has sent
        strategy.close()
    assert len(place.received(6)) == 6
