"""The qpid strategy at a RabbitMQ node with the AMQP 1.0 plugin: what only a real broker shows."""

import time
from collections.abc import Iterator

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.sending import message, messages, prompt_send_error, send_all

TAKEN = Outcome.TAKEN


@pytest.fixture
def place(rabbit: Node) -> Iterator[QpidPlace]:
    with QpidPlace(rabbit) as place:
        yield place


def test_message_is_persistent_json_for_a_reader_over_amqp_0_9_1(place: QpidPlace) -> None:
    one = message(b'{"a": 1}', Priority.ERROR)
    strategy = place.strategy()
    assert list(strategy.send([one])) == [TAKEN]
    (came,) = place.node.drain(f"{place.name}.error", count=1)
    assert came.body == b'{"a": 1}'
    assert came.properties["message_id"] == one.message_id
    assert came.properties["content_type"] == "application/json"
    assert came.properties["delivery_mode"] == 2
    assert "timestamp" not in came.properties
    strategy.close()


def test_missing_exchange_needs_an_operator_until_it_is_there(place: QpidPlace) -> None:
    place.node.api("DELETE", f"exchanges/%2F/{place.name}")
    strategy = place.strategy()
    error = prompt_send_error(strategy)
    assert error.needs_operator
    assert f"amqp:not-found: NOT_FOUND - no exchange '{place.name}'" in str(error)
    place.node.api("PUT", f"exchanges/%2F/{place.name}", {"type": "topic", "durable": True})
    assert list(strategy.send(messages(1))) == [TAKEN]
    place.node.api("DELETE", f"exchanges/%2F/{place.name}")
    error = prompt_send_error(strategy, count=3)
    assert error.needs_operator
    assert list(error.outcomes) == [None] * 3
    place.node.api("PUT", f"exchanges/%2F/{place.name}", {"type": "topic", "durable": True})
    strategy.close()


def test_default_target_is_an_error_that_names_what_rabbitmq_wants(place: QpidPlace) -> None:
    error = prompt_send_error(place.strategy(qpid_target="{exchange}"))
    assert error.needs_operator
    assert "option qpid_target: " in str(error)
    queues = {each["name"] for each in place.node.api("GET", "queues/%2F")}
    assert place.name not in queues


def test_orderly_restart_of_the_broker_loses_nothing(place: QpidPlace) -> None:
    strategy = place.strategy()
    sent = messages(20)
    strategy.send(sent[:10])
    place.node.stop()
    try:
        with pytest.raises(SendError):
            strategy.keep_alive()
    finally:
        place.node.start()
    send_all(strategy, sent[10:])
    assert [each for each, _ in place.received(20)] == [each.message_id for each in sent]
    strategy.close()


def test_idle_connection_is_kept_longer_than_the_broker_waits(place: QpidPlace) -> None:
    heartbeat = "application:get_env(rabbit, heartbeat)"
    assert "60" in place.node.ctl("eval", f"{heartbeat}.")
    place.node.ctl("eval", "application:set_env(rabbit, heartbeat, 1).")
    try:
        strategy = place.strategy()
        strategy.send(messages(1))
        connection = strategy._connection
        for _ in range(40):
            strategy.keep_alive()
            time.sleep(0.1)
        assert list(strategy.send(messages(1))) == [TAKEN]
        assert strategy._connection is connection
        strategy.close()
    finally:
        place.node.ctl("eval", "application:set_env(rabbit, heartbeat, 60).")
