"""The book-keeping of delivery tags, with a broker that answers as a test tells it to."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, cast

import pytest

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.rabbit.confirms import Confirms
from glance_notify_middleware.strategies.rabbit.connection import Connection
from tests.strategies.places import message, messages

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


class Broker:
    """A connection and its only channel: what is published is counted, `answers` come in a row."""

    def __init__(self) -> None:
        self.events: dict[str, set[Callable[..., None]]] = defaultdict(set)
        self.deadline = Deadline(1)
        self.answers: list[Callable[[], None]] = []
        self.published: list[Any] = []
        self.unconfirmed_at_once = 0
        self.confirmed = 0
        self.confirms = False

    def channel(self) -> "Broker":
        return self

    def confirm_select(self) -> None:
        self.confirms = True

    def basic_publish(self, message: Any, exchange: str, routing_key: str, mandatory: bool) -> None:
        assert self.confirms
        assert mandatory
        self.published.append((message, exchange, routing_key))
        unconfirmed = len(self.published) - self.confirmed
        self.unconfirmed_at_once = max(self.unconfirmed_at_once, unconfirmed)

    def blocking_read(self) -> None:
        self.deadline.left()
        if not self.answers:
            raise TimeoutError("no answer is left")
        self.answers.pop(0)()

    def ack(self, tag: int, multiple: bool = False) -> None:
        self._add("basic_ack", tag, multiple)

    def nack(self, tag: int, multiple: bool = False) -> None:
        self._add("basic_nack", tag, multiple)

    def sends_back(self, one: Message, routing_key: str = "n.info") -> None:
        class Returned:
            properties = {"message_id": one.message_id}  # noqa: RUF012

        self._add("basic_return", None, "glance", routing_key, Returned)

    def _add(self, event: str, *words: Any) -> None:
        def happen() -> None:
            if event != "basic_return":
                self.confirmed = max(self.confirmed, words[0])
            for callback in self.events[event]:
                callback(*words)

        self.answers.append(happen)


@pytest.fixture
def broker() -> Broker:
    return Broker()


def opened(broker: Broker, most: int = 100, most_bytes: int = 10_000) -> Confirms:
    return Confirms(
        cast(Connection, broker),
        "glance",
        lambda one: f"n.{one.priority.lower()}",
        most,
        most_bytes,
    )


def outcomes_of(confirms: Confirms, batch: Sequence[Message]) -> list[Outcome | None]:
    """Those that are known when no more answers come."""
    outcomes: list[Outcome | None] = [None] * len(batch)
    try:
        confirms.send(batch, range(len(batch)), outcomes)
    except TimeoutError:
        assert None in outcomes
    else:
        assert None not in outcomes
    return outcomes


def test_a_message_has_the_properties_that_consumers_and_the_broker_need(broker: Broker) -> None:
    one = message(b"{}", Priority.WARN)
    outcomes_of(opened(broker), [one])
    ((sent, exchange, routing_key),) = broker.published
    assert (sent.body, exchange, routing_key) == (b"{}", "glance", "n.warn")
    assert sent.properties == {
        "message_id": one.message_id,
        "timestamp": int(one.timestamp),
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "app_id": "glance_notify_middleware",
    }


def test_acks_come_in_any_order(broker: Broker) -> None:
    for tag in (3, 1, 2):
        broker.ack(tag)
    assert outcomes_of(opened(broker), messages(3)) == [TAKEN] * 3


def test_an_ack_is_for_its_own_message_alone(broker: Broker) -> None:
    broker.ack(2)
    assert outcomes_of(opened(broker), messages(3)) == [None, TAKEN, None]


def test_a_multiple_ack_is_for_all_up_to_it_that_wait_still(broker: Broker) -> None:
    broker.nack(2)
    broker.ack(3, multiple=True)
    assert outcomes_of(opened(broker), messages(4)) == [TAKEN, REFUSED, TAKEN, None]


def test_a_multiple_nack_refuses_all_up_to_it(broker: Broker) -> None:
    broker.ack(1)
    broker.nack(3, multiple=True)
    broker.ack(4)
    assert outcomes_of(opened(broker), messages(4)) == [TAKEN, REFUSED, REFUSED, TAKEN]


def test_an_ack_for_what_was_never_sent_or_is_known_already_means_nothing(broker: Broker) -> None:
    broker.nack(1)
    broker.ack(1)
    broker.ack(7)
    assert outcomes_of(opened(broker), messages(2)) == [REFUSED, None]


def test_tags_go_on_from_batch_to_batch(broker: Broker) -> None:
    confirms = opened(broker)
    broker.ack(2, multiple=True)
    assert outcomes_of(confirms, messages(2)) == [TAKEN, TAKEN]
    broker.ack(1)
    broker.ack(2)
    assert outcomes_of(confirms, messages(2)) == [None, None]


def test_tags_begin_anew_with_a_new_channel(broker: Broker) -> None:
    broker.ack(1)
    assert outcomes_of(opened(broker), messages(1)) == [TAKEN]
    new = Broker()
    new.ack(1)
    assert outcomes_of(opened(new), messages(1)) == [TAKEN]


def test_what_comes_back_is_unroutable_once_it_is_acked(broker: Broker) -> None:
    batch = messages(3)
    broker.sends_back(batch[1])
    assert outcomes_of(opened(broker), batch) == [None] * 3
    new = Broker()
    new.sends_back(batch[1])
    new.ack(3, multiple=True)
    assert outcomes_of(opened(new), batch) == [TAKEN, UNROUTABLE, TAKEN]


def test_of_a_message_that_is_there_twice_one_can_come_back(broker: Broker) -> None:
    one, other = messages(2)
    broker.sends_back(one)
    broker.ack(3, multiple=True)
    assert sorted(map(str, outcomes_of(opened(broker), [one, other, one]))) == [
        "Outcome.TAKEN",
        "Outcome.TAKEN",
        "Outcome.UNROUTABLE",
    ]


def test_what_comes_back_and_was_not_sent_means_nothing(broker: Broker) -> None:
    one, other = messages(2)
    broker.sends_back(other)
    broker.sends_back(one, "n.error")
    broker.ack(1)
    assert outcomes_of(opened(broker), [one]) == [TAKEN]


def test_no_more_are_unconfirmed_at_a_time_than_are_allowed(broker: Broker) -> None:
    for tag in range(1, 11):
        broker.ack(tag)
    assert outcomes_of(opened(broker, most=3), messages(10)) == [TAKEN] * 10
    assert broker.unconfirmed_at_once == 3


def test_no_more_bytes_are_unconfirmed_at_a_time_than_are_allowed_but_one_message_may_be_longer(
    broker: Broker,
) -> None:
    batch = [message(b"x" * size) for size in (40, 40, 40, 500, 40)]
    for tag in range(1, 6):
        broker.ack(tag)
    assert outcomes_of(opened(broker, most_bytes=100), batch) == [TAKEN] * 5
    assert broker.unconfirmed_at_once == 2


def test_what_is_confirmed_makes_room_for_as_many_bytes(broker: Broker) -> None:
    confirms = opened(broker, most_bytes=100)
    broker.ack(2, multiple=True)
    assert outcomes_of(confirms, [message(b"x" * 40) for _ in range(2)]) == [TAKEN] * 2
    broker.unconfirmed_at_once = 0
    broker.ack(3)
    broker.ack(4)
    assert outcomes_of(confirms, [message(b"x" * 40) for _ in range(2)]) == [TAKEN] * 2
    assert broker.unconfirmed_at_once == 2


def test_what_cannot_be_expressed_is_rejected_and_has_no_tag(broker: Broker) -> None:
    batch = messages(3)
    publish = broker.basic_publish

    def publish_what_can_be(message: Any, *words: Any, **more: Any) -> None:
        if message.properties["message_id"] == batch[1].message_id:
            raise ValueError("this is no AMQP")
        publish(message, *words, **more)

    broker.basic_publish = publish_what_can_be  # type: ignore[method-assign]
    broker.ack(2, multiple=True)
    assert outcomes_of(opened(broker), batch) == [TAKEN, Outcome.REJECTED, TAKEN]


def test_the_broker_s_time_begins_with_the_batch(broker: Broker) -> None:
    confirms = opened(broker)
    broker.deadline.within(0)  # as after a long time in which nothing was sent
    broker.ack(1)
    assert outcomes_of(confirms, messages(1)) == [TAKEN]


def test_a_confirm_renews_the_broker_s_time(broker: Broker) -> None:
    confirms = opened(broker)
    lefts = []

    def wait_and_ack(tag: int) -> None:
        broker.deadline.within(0.5)
        broker.ack(tag)
        broker.answers.pop()()
        lefts.append(broker.deadline.left())

    broker.answers = [lambda: wait_and_ack(1), lambda: wait_and_ack(9), lambda: wait_and_ack(2)]
    assert outcomes_of(confirms, messages(2)) == [TAKEN, TAKEN]
    assert lefts[0] > 0.5 >= lefts[1]  # what means nothing does not


def test_the_deadline_ends_the_wait_although_answers_come(broker: Broker) -> None:
    broker.deadline = Deadline(0.05)
    broker.answers = [lambda: None] * 10_000_000
    assert outcomes_of(opened(broker), messages(1)) == [None]
    assert broker.answers
