"""The exchange and the queues at a RabbitMQ node: what is declared, checked and logged."""

import logging

import amqp  # type: ignore[import-untyped]
import pytest
import requests

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import message, messages, send_error

TAKEN, UNROUTABLE = Outcome.TAKEN, Outcome.UNROUTABLE

QUEUES = ["notifications.error", "notifications.info", "notifications.warn"]


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    return RabbitPlace(rabbit, vhost)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]


@pytest.mark.parametrize(
    ("options", "durable", "arguments"),
    [
        ({}, True, {}),
        ({"rabbit_durable_queues": "false"}, False, {}),
        ({"rabbit_queue_type": "quorum"}, True, {"x-queue-type": "quorum"}),
        (
            {"queue_max_bytes": "1MiB"},
            True,
            {"x-max-length-bytes": 2**20, "x-overflow": "drop-head"},
        ),
    ],
)
def test_exchange_and_queues_are_declared_as_the_options_say(
    place: RabbitPlace,
    caplog: pytest.LogCaptureFixture,
    options: dict[str, str],
    durable: bool,
    arguments: dict[str, object],
) -> None:
    for _ in range(2):
        strategy = place.strategy(**options)
        assert list(strategy.send(messages(2))) == [TAKEN] * 2
        strategy.close()
    exchanges, queues = place.declared("exchanges"), place.declared("queues")
    assert [(name, each["type"], each["durable"]) for name, each in exchanges.items()] == [
        ("glance", "topic", durable)
    ]
    assert sorted(queues) == QUEUES
    for queue in queues.values():
        assert (queue["durable"], queue["arguments"]) == (durable, arguments)
    assert warnings(caplog) == []


def test_names_and_priorities_are_those_of_the_options(place: RabbitPlace) -> None:
    strategy = place.strategy(
        rabbit_notification_exchange="images",
        rabbit_notification_topic="n.glance",
        priorities="error, warn",
    )
    assert list(strategy.send([message(priority=Priority.WARN)])) == [TAKEN]
    assert list(place.declared("exchanges")) == ["images"]
    assert sorted(place.declared("queues")) == ["n.glance.error", "n.glance.warn"]
    assert len(place.node.drain("n.glance.warn", place.vhost)) == 1
    strategy.close()


def test_create_queues_never_declares_nothing(place: RabbitPlace) -> None:
    strategy = place.strategy(create_queues="never")
    error = send_error(strategy, 2)
    assert error.needs_operator
    assert "no exchange 'glance'" in str(error)
    assert list(error.outcomes) == [None, None]
    place.exchange()
    assert list(strategy.send(messages(2))) == [UNROUTABLE, UNROUTABLE]
    assert place.declared("queues") == {}
    place.queue("notifications.info")
    assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
    strategy.close()


ADVICE = "start their reader, which declares what it reads, or set create_queues = auto"


def test_default_of_create_queues_declares_nothing_and_messages_wait(place: RabbitPlace) -> None:
    strategy = place.strategy(create_queues="wait", rabbit_durable_queues="")
    for _ in range(2):
        error = send_error(strategy, 2)
        assert error.needs_operator
        assert "no exchange 'glance'" in str(error)
        assert ADVICE in str(error)
    assert place.declared("exchanges") == place.declared("queues") == {}
    place.exchange(durable=False)
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [UNROUTABLE] * 2
    assert strategy.reason(Priority.INFO, UNROUTABLE) == ADVICE
    assert place.declared("queues") == {}
    place.api("PUT", "queues", "notifications.info", {"durable": False})
    assert list(strategy.send(messages(2))) == [UNROUTABLE] * 2, "it is not bound"
    place.queue("notifications.info", durable=False)
    assert list(strategy.send(messages(2))) == [TAKEN] * 2
    strategy.close()


def test_create_queues_auto_gives_no_advice(place: RabbitPlace) -> None:
    assert place.strategy().reason(Priority.INFO, UNROUTABLE) == ""


def test_missing_queues_are_logged_once_at_start_and_nothing_is_declared(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(create_queues="wait")
    for _ in range(3):
        strategy.connect()
        strategy.connect()
        strategy.close()
    (warning,) = warnings(caplog)
    assert warning == (
        "there is no queue notifications.warn or notifications.error in RabbitMQ: notifications "
        f"wait where no other queue is bound; {ADVICE}"
    )
    assert list(place.declared("queues")) == ["notifications.info"]
    for queue in QUEUES:
        place.queue(queue)
    strategy.connect()
    assert list(strategy.send([message(priority=each) for each in Priority])) == [TAKEN] * 3
    strategy.close()
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("create_queues", ["auto", "never"])
def test_connect_logs_and_declares_nothing_with_auto_and_never(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture, create_queues: str
) -> None:
    strategy = place.strategy(create_queues=create_queues)
    strategy.connect()
    strategy.close()
    assert place.declared("exchanges") == place.declared("queues") == {}
    assert warnings(caplog) == []


def test_missing_exchange_at_start_is_an_error_with_advice(
    place: RabbitPlace,
) -> None:
    strategy = place.strategy(create_queues="wait")
    with pytest.raises(SendError, match=ADVICE) as raised:
        strategy.connect()
    assert raised.value.needs_operator
    assert place.declared("exchanges") == {}
    place.exchange()
    strategy.connect()
    strategy.close()


def test_priority_without_a_queue_is_unroutable_beside_one_with_a_queue(place: RabbitPlace) -> None:
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(create_queues="never")
    batch = [message(priority=each) for each in (Priority.WARN, Priority.INFO, Priority.ERROR)]
    assert list(strategy.send(batch)) == [UNROUTABLE, TAKEN, UNROUTABLE]
    strategy.close()


def test_deleted_queue_is_declared_again_within_the_same_send(place: RabbitPlace) -> None:
    strategy = place.strategy()
    strategy.send(messages(1))
    place.api("DELETE", "queues", "notifications.info")
    info, warn = messages(3), messages(2, Priority.WARN)
    assert list(strategy.send([*info, *warn])) == [TAKEN] * 5
    assert [each for each, _ in place.received()] == [each.message_id for each in info]
    assert [each for each, _ in place.received(priority=Priority.WARN)] == [
        each.message_id for each in warn
    ]
    strategy.close()


def test_deleted_exchange_is_declared_again_with_the_next_connection(
    place: RabbitPlace,
) -> None:
    strategy = place.strategy()
    strategy.send(messages(1))
    place.api("DELETE", "exchanges", "glance")
    error = send_error(strategy)
    assert not error.needs_operator
    assert "no exchange 'glance'" in str(error)
    batch = messages(500)
    assert list(strategy.send(batch)) == [TAKEN] * 500
    assert len(place.received()) == 501
    strategy.close()


def test_exchange_that_others_delete_and_declare_again_is_used_again(
    place: RabbitPlace,
) -> None:
    strategy = place.without_queues_for(Priority.ERROR)
    strategy.send(messages(1))
    place.api("DELETE", "exchanges", "glance")
    assert send_error(strategy).needs_operator
    place.exchange()
    place.queue("notifications.info")
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_entity_that_others_declared_otherwise_is_used_and_logged_once(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange("fanout", durable=False)
    place.queue("notifications.info", durable=False)
    place.queue("notifications.error", {"x-max-length": 10})
    strategy = place.strategy()
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        strategy.close()
    first, second = warnings(caplog)
    assert first.startswith("exchange glance exists and is no topic exchange")
    assert second.startswith("queue notifications.info exists and is not durable")


def test_exchange_that_is_not_durable_is_logged(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange(durable=False)
    strategy = place.strategy()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()
    (warning,) = warnings(caplog)
    assert warning.startswith("exchange glance exists and is not durable")


def test_entity_that_is_durable_is_not_logged_where_durable_queues_is_false(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(rabbit_durable_queues="false")
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()
    assert warnings(caplog) == []


def test_queue_that_cannot_be_declared_is_logged_and_the_others_are_used(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.api("PUT", "vhost-limits", "max-queues", {"value": 2})
    strategy = place.strategy()
    for _ in range(2):
        assert list(strategy.send(messages(1))) == [TAKEN]
        assert list(strategy.send(messages(1, Priority.ERROR))) == [UNROUTABLE]
        strategy.close()
    (warning,) = warnings(caplog)
    assert warning.startswith("queue notifications.error cannot be declared: PRECONDITION_FAILED")


def test_later_declaration_with_other_properties_fails_and_sending_goes_on(
    place: RabbitPlace,
) -> None:
    strategy = place.strategy()
    strategy.send(messages(1))
    with pytest.raises(requests.HTTPError, match="inequivalent arg 'type'"):
        place.exchange("fanout")
    with pytest.raises(requests.HTTPError, match="inequivalent arg 'durable'"):
        place.queue("notifications.info", durable=False)
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_exclusive_queue_of_another_connection_holds_up_no_other_queue(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    strategy = place.strategy()
    address = f"127.0.0.1:{place.port}"
    batch = [message(priority=each) for each in (Priority.INFO, Priority.WARN, Priority.ERROR)]
    with amqp.Connection(address, virtual_host=place.vhost) as connection:
        connection.channel().queue_declare("notifications.info", exclusive=True)
        for _ in range(2):
            assert list(strategy.send(batch)) == [UNROUTABLE, TAKEN, TAKEN]
    (warning,) = warnings(caplog)
    assert warning.startswith("queue notifications.info cannot be declared: RESOURCE_LOCKED")
    assert list(strategy.send(batch[:1])) == [TAKEN]
    assert len(place.received(2, Priority.WARN)) == 2
    strategy.close()
