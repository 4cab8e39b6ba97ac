"""The exchange and the queues on a RabbitMQ node: what is declared, and what heals."""

import logging

import amqp  # type: ignore[import-untyped]
import pytest
import requests

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.strategies import Outcome, SendError, Strategy
from tests.strategies.places import RabbitPlace, message, messages

TAKEN, UNROUTABLE = Outcome.TAKEN, Outcome.UNROUTABLE

QUEUES = ["notifications.error", "notifications.info", "notifications.warn"]


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    return RabbitPlace(rabbit, vhost)


def send_error(strategy: Strategy, count: int = 1) -> SendError:
    with pytest.raises(SendError) as raised:
        strategy.send(messages(count))
    return raised.value


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
def test_exchange_and_queues_are_made_as_the_options_say(
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


def test_with_create_queues_never_nothing_is_declared(place: RabbitPlace) -> None:
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


WAYS_OUT = "start their reader, which declares what it reads, or set create_queues = auto"


def test_by_default_nothing_is_declared_and_what_is_missing_waits(place: RabbitPlace) -> None:
    strategy = place.strategy(create_queues="wait", rabbit_durable_queues="")
    for _ in range(2):
        error = send_error(strategy, 2)
        assert error.needs_operator
        assert "no exchange 'glance'" in str(error)
        assert WAYS_OUT in str(error)
    assert place.declared("exchanges") == place.declared("queues") == {}
    place.exchange(durable=False)
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [UNROUTABLE] * 2
    assert strategy.reason(Priority.INFO, UNROUTABLE) == WAYS_OUT
    assert place.declared("queues") == {}
    place.api("PUT", "queues", "notifications.info", {"durable": False})
    assert list(strategy.send(messages(2))) == [UNROUTABLE] * 2, "it is not bound"
    place.queue("notifications.info", durable=False)
    assert list(strategy.send(messages(2))) == [TAKEN] * 2
    strategy.close()


def test_where_it_creates_there_is_no_other_way_out(place: RabbitPlace) -> None:
    assert place.strategy().reason(Priority.INFO, UNROUTABLE) == ""


def test_at_start_it_is_said_once_which_queues_are_missing_and_nothing_is_declared(
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
        f"wait where no other queue is bound; {WAYS_OUT}"
    )
    assert list(place.declared("queues")) == ["notifications.info"]
    for queue in QUEUES:
        place.queue(queue)
    strategy.connect()
    assert list(strategy.send([message(priority=each) for each in Priority])) == [TAKEN] * 3
    strategy.close()
    assert len(warnings(caplog)) == 1


@pytest.mark.parametrize("create_queues", ["auto", "never"])
def test_where_nothing_is_looked_for_to_connect_says_nothing_and_declares_nothing(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture, create_queues: str
) -> None:
    strategy = place.strategy(create_queues=create_queues)
    strategy.connect()
    strategy.close()
    assert place.declared("exchanges") == place.declared("queues") == {}
    assert warnings(caplog) == []


def test_an_exchange_that_is_missing_at_start_is_an_error_with_the_ways_out(
    place: RabbitPlace,
) -> None:
    strategy = place.strategy(create_queues="wait")
    with pytest.raises(SendError, match=WAYS_OUT) as raised:
        strategy.connect()
    assert raised.value.needs_operator
    assert place.declared("exchanges") == {}
    place.exchange()
    strategy.connect()
    strategy.close()


def test_where_only_one_priority_has_a_queue_the_others_are_unroutable(place: RabbitPlace) -> None:
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(create_queues="never")
    batch = [message(priority=each) for each in (Priority.WARN, Priority.INFO, Priority.ERROR)]
    assert list(strategy.send(batch)) == [UNROUTABLE, TAKEN, UNROUTABLE]
    strategy.close()


def test_a_queue_that_is_deleted_is_made_again_within_the_same_send(place: RabbitPlace) -> None:
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


def test_an_exchange_that_is_deleted_is_made_again_with_the_next_connection(
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


def test_an_exchange_that_is_deleted_and_restored_by_others_is_used_again(
    place: RabbitPlace,
) -> None:
    strategy = place.with_nowhere_to_put(Priority.ERROR)
    strategy.send(messages(1))
    place.api("DELETE", "exchanges", "glance")
    assert send_error(strategy).needs_operator
    place.exchange()
    place.queue("notifications.info")
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_what_others_have_declared_otherwise_is_used_and_pointed_out_once(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange("fanout", durable=False)
    place.queue("notifications.info", durable=False)
    place.queue("notifications.error", {"x-max-length": 10})
    strategy = place.strategy()
    for _ in range(2):
        assert list(strategy.send(messages(2))) == [TAKEN, TAKEN]
        strategy.close()
    one, other = warnings(caplog)
    assert one.startswith("exchange glance exists and is no topic exchange")
    assert other.startswith("queue notifications.info exists and is not durable")


def test_an_exchange_that_is_not_durable_is_pointed_out(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange(durable=False)
    strategy = place.strategy()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()
    (warning,) = warnings(caplog)
    assert warning.startswith("exchange glance exists and is not durable")


def test_what_is_more_durable_than_we_asked_for_is_no_matter(
    place: RabbitPlace, caplog: pytest.LogCaptureFixture
) -> None:
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(rabbit_durable_queues="false")
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()
    assert warnings(caplog) == []


def test_a_queue_that_cannot_be_made_is_pointed_out_and_the_others_are_used(
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


def test_who_declares_otherwise_after_us_fails_and_we_go_on(place: RabbitPlace) -> None:
    strategy = place.strategy()
    strategy.send(messages(1))
    with pytest.raises(requests.HTTPError, match="inequivalent arg 'type'"):
        place.exchange("fanout")
    with pytest.raises(requests.HTTPError, match="inequivalent arg 'durable'"):
        place.queue("notifications.info", durable=False)
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_a_queue_that_belongs_to_another_connection_holds_up_no_other(
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
