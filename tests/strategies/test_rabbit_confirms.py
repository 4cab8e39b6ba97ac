"""The book-keeping of delivery tags, with a broker that answers what a test chooses."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import pytest

from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.deadline import Deadline
from glance_notify_middleware.strategies.rabbit import confirms as confirms_module
from glance_notify_middleware.strategies.rabbit.confirms import Confirms
from glance_notify_middleware.strategies.rabbit.connection import Connection
from tests.strategies.publishing import Published, published
from tests.strategies.sending import message, messages

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


class Broker:
    """A connection and its only channel. Keeps what is published; `answers` come in a row."""

    channel_id = 7
    frame_max = 131_072

    def __init__(self) -> None:
        self.events: dict[str, set[Callable[..., None]]] = defaultdict(set)
        self.deadline = Deadline(1)
        self.answers: list[Callable[[], None]] = []
        self.published: list[Published] = []
        self.sent_at_once: list[int] = []  # bytes, by each call
        self.unconfirmed_at_once = 0
        self.confirmed = 0
        self.confirms = False

    def channel(self) -> "Broker":
        return self

    def confirm_select(self) -> None:
        self.confirms = True

    def send(self, frames: bytes | bytearray) -> None:
        assert self.confirms
        self.published += published(bytes(frames), self.channel_id)
        self.sent_at_once.append(len(frames))
        unconfirmed = len(self.published) - self.confirmed
        self.unconfirmed_at_once = max(self.unconfirmed_at_once, unconfirmed)

    def assert_sent(self, count: int) -> None:
        """A real broker confirms what it has got: it waits for as much."""
        assert len(self.published) >= count

    def blocking_read(self) -> None:
        self.deadline.left()
        if not self.answers:
            raise TimeoutError("no answer is left")
        self.answers.pop(0)()

    def ack(self, tag: int, multiple: bool = False) -> None:
        self._add("basic_ack", tag, multiple)

    def nack(self, tag: int, multiple: bool = False) -> None:
        self._add("basic_nack", tag, multiple)

    def send_back(self, one: Message, routing_key: str = "n.info") -> None:
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


def opened(
    broker: Broker,
    most: int = 100,
    most_bytes: int = 10_000,
    content_type: str = "application/json",
    read_on: Callable[[], bool] = lambda: False,
) -> Confirms:
    return Confirms(
        cast(Connection, broker),
        "glance",
        {priority: f"n.{priority.lower()}" for priority in Priority},
        content_type,
        most,
        most_bytes,
        read_on,
    )


def outcomes_of(confirms: Confirms, batch: Sequence[Message]) -> list[Outcome | None]:
    """The outcomes that are known when no more answers come."""
    outcomes: list[Outcome | None] = [None] * len(batch)
    try:
        confirms.send(batch, range(len(batch)), outcomes)
    except TimeoutError:
        assert None in outcomes
    else:
        assert None not in outcomes
    return outcomes


def test_message_has_the_properties_that_consumers_and_the_broker_need(broker: Broker) -> None:
    one = message(b"{}", Priority.WARN)
    outcomes_of(opened(broker), [one])
    (sent,) = broker.published
    assert (sent.body, sent.exchange, sent.routing_key) == (b"{}", "glance", "n.warn")
    assert sent.is_mandatory
    assert sent.properties == {
        "message_id": one.message_id,
        "timestamp": int(one.timestamp),
        "content_type": "application/json",
        "content_encoding": "utf-8",
        "delivery_mode": 2,
        "app_id": "glance_notify_middleware",
    }


def test_message_has_the_content_type_that_was_chosen(broker: Broker) -> None:
    outcomes_of(opened(broker, content_type="a/b; charset=utf-8"), [message()])
    (sent,) = broker.published
    assert sent.properties["content_type"] == "a/b; charset=utf-8"


def test_messages_are_sent_in_their_order_many_by_one_call(broker: Broker) -> None:
    batch = [message(b"x" * 1000, priority) for priority in (Priority.INFO, Priority.ERROR) * 150]
    broker.ack(300, multiple=True)
    assert outcomes_of(opened(broker, most=300, most_bytes=2**20), batch) == [TAKEN] * 300
    assert [(each.properties["message_id"], each.routing_key) for each in broker.published] == [
        (each.message_id, f"n.{each.priority.lower()}") for each in batch
    ]
    assert len(broker.sent_at_once) < 10
    assert max(broker.sent_at_once) < 2**16 + 1000 + 66 * 200  # 66 bodies, and what is around them


def test_message_that_is_longer_than_a_frame_is_sent_whole(broker: Broker) -> None:
    batch = [message(b"x" * size) for size in (1, 3 * broker.frame_max, 1)]
    broker.ack(3, multiple=True)
    assert outcomes_of(opened(broker, most_bytes=2**20), batch) == [TAKEN] * 3
    assert [each.body for each in broker.published] == [each.body for each in batch]


def test_acks_may_come_in_any_order(broker: Broker) -> None:
    for tag in (3, 1, 2):
        broker.ack(tag)
    assert outcomes_of(opened(broker), messages(3)) == [TAKEN] * 3


def test_ack_is_for_its_own_message_alone(broker: Broker) -> None:
    broker.ack(2)
    assert outcomes_of(opened(broker), messages(3)) == [None, TAKEN, None]


def test_multiple_ack_is_for_all_messages_up_to_it_that_still_wait(broker: Broker) -> None:
    broker.nack(2)
    broker.ack(3, multiple=True)
    assert outcomes_of(opened(broker), messages(4)) == [TAKEN, REFUSED, TAKEN, None]


def test_multiple_nack_refuses_all_messages_up_to_it(broker: Broker) -> None:
    broker.ack(1)
    broker.nack(3, multiple=True)
    broker.ack(4)
    assert outcomes_of(opened(broker), messages(4)) == [TAKEN, REFUSED, REFUSED, TAKEN]


def test_ack_for_an_unknown_or_confirmed_message_changes_nothing(broker: Broker) -> None:
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


def test_tags_begin_at_1_with_a_new_channel(broker: Broker) -> None:
    broker.ack(1)
    assert outcomes_of(opened(broker), messages(1)) == [TAKEN]
    new = Broker()
    new.ack(1)
    assert outcomes_of(opened(new), messages(1)) == [TAKEN]


def test_returned_message_is_unroutable_when_it_is_acked(broker: Broker) -> None:
    batch = messages(3)
    broker.send_back(batch[1])
    assert outcomes_of(opened(broker), batch) == [None] * 3
    new = Broker()
    new.send_back(batch[1])
    new.ack(3, multiple=True)
    assert outcomes_of(opened(new), batch) == [TAKEN, UNROUTABLE, TAKEN]


def test_return_of_a_repeated_message_is_for_one_of_the_two(broker: Broker) -> None:
    first, second = messages(2)
    broker.send_back(first)
    broker.ack(3, multiple=True)
    assert sorted(map(str, outcomes_of(opened(broker), [first, second, first]))) == [
        "Outcome.TAKEN",
        "Outcome.TAKEN",
        "Outcome.UNROUTABLE",
    ]


def test_return_of_a_message_that_was_not_sent_changes_nothing(broker: Broker) -> None:
    first, second = messages(2)
    broker.send_back(second)
    broker.send_back(first, "n.error")
    broker.ack(1)
    assert outcomes_of(opened(broker), [first]) == [TAKEN]


def test_unconfirmed_messages_are_no_more_than_allowed(broker: Broker) -> None:
    for tag in range(1, 11):
        broker.answers.append(partial(broker.assert_sent, tag))
        broker.ack(tag)
    batch = messages(10)
    assert outcomes_of(opened(broker, most=3), batch) == [TAKEN] * 10
    assert broker.unconfirmed_at_once == 3
    assert [each.body for each in broker.published] == [each.body for each in batch]


def test_unconfirmed_bytes_are_no_more_than_allowed_but_for_one_longer_message(
    broker: Broker,
) -> None:
    batch = [message(b"x" * size) for size in (40, 40, 40, 500, 40)]
    for tag in range(1, 6):
        broker.ack(tag)
    assert outcomes_of(opened(broker, most_bytes=100), batch) == [TAKEN] * 5
    assert broker.unconfirmed_at_once == 2


def test_confirmed_message_makes_room_for_as_many_bytes(broker: Broker) -> None:
    confirms = opened(broker, most_bytes=100)
    broker.ack(2, multiple=True)
    assert outcomes_of(confirms, [message(b"x" * 40) for _ in range(2)]) == [TAKEN] * 2
    broker.unconfirmed_at_once = 0
    broker.ack(3)
    broker.ack(4)
    assert outcomes_of(confirms, [message(b"x" * 40) for _ in range(2)]) == [TAKEN] * 2
    assert broker.unconfirmed_at_once == 2


def test_message_that_amqp_cannot_express_is_rejected_and_has_no_tag(broker: Broker) -> None:
    batch = messages(3)
    batch[1] = message(message_id="x" * 256)
    broker.ack(2, multiple=True)
    assert outcomes_of(opened(broker), batch) == [TAKEN, Outcome.REJECTED, TAKEN]
    assert [each.properties["message_id"] for each in broker.published] == [
        batch[0].message_id,
        batch[2].message_id,
    ]


def test_deadline_is_renewed_by_a_batch(broker: Broker) -> None:
    confirms = opened(broker)
    broker.deadline.within(0)  # as after a long time in which nothing was sent
    broker.ack(1)
    assert outcomes_of(confirms, messages(1)) == [TAKEN]


def test_deadline_is_renewed_by_a_confirm_and_by_nothing_else(broker: Broker) -> None:
    confirms = opened(broker)
    lefts = []

    def wait_and_ack(tag: int) -> None:
        broker.deadline.within(0.5)
        broker.ack(tag)
        broker.answers.pop()()
        lefts.append(broker.deadline.left())

    broker.answers = [lambda: wait_and_ack(1), lambda: wait_and_ack(9), lambda: wait_and_ack(2)]
    assert outcomes_of(confirms, messages(2)) == [TAKEN, TAKEN]
    assert lefts[0] > 0.5 >= lefts[1]  # an unknown tag does not renew it


def test_deadline_ends_the_wait_although_answers_come(broker: Broker) -> None:
    broker.deadline = Deadline(0.05)
    broker.answers = [lambda: None] * 10_000_000
    assert outcomes_of(opened(broker), messages(1)) == [None]
    assert broker.answers


def test_long_batch_gives_way_once_in_64_kib(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    monkeypatch.setattr(confirms_module, "give_way", lambda: given.append(len(broker.published)))
    batch = [message(b"x" * 1000) for _ in range(300)]
    broker.ack(300, multiple=True)
    assert outcomes_of(opened(broker, most=300, most_bytes=2**20), batch) == [TAKEN] * 300
    assert given == [66, 132, 198, 264]  # 66,000 bytes are the first beyond 64 KiB
    given.clear()
    assert outcomes_of(opened(Broker()), messages(3)) == [None] * 3
    assert not given


def test_lane_reads_on_when_all_is_sent_and_before_each_wait(broker: Broker) -> None:
    done: list[str] = []
    answers = [True, True, False, True, False]

    def read_on() -> bool:
        done.append(f"read with {len(broker.published)} sent")
        return answers.pop(0)

    broker.answers = [partial(done.append, "waited")]
    broker.ack(3, multiple=True)
    assert outcomes_of(opened(broker, read_on=read_on), messages(3)) == [TAKEN] * 3
    read = "read with 3 sent"
    assert done == [read, read, read, "waited", read, read]
    assert not answers


def test_time_in_which_the_lane_reads_on_is_not_taken_from_the_broker(broker: Broker) -> None:
    answers = [True, False]

    def read_on() -> bool:
        if answers[0]:
            broker.deadline.within(0)  # as when the disk was slow
        return answers.pop(0)

    broker.ack(1)
    assert outcomes_of(opened(broker, read_on=read_on), messages(1)) == [TAKEN]
