"""A routing key that the broker does not take: messages with other keys go on, each once."""

import contextlib
import time
from collections.abc import Iterator

import proton
import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError
from tests.strategies import amqp10_answers as answers
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.conftest import MakeQpid
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import messages

TAKEN, DENIED, REFUSED = Outcome.TAKEN, Outcome.DENIED, Outcome.REFUSED
INFO, WARN, ERROR = Priority.INFO, Priority.WARN, Priority.ERROR


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    place = RabbitPlace(rabbit, vhost)
    place.exchange()
    for priority in Priority:
        place.queue(f"notifications.{priority.lower()}")
    return place


@pytest.fixture
def user(place: RabbitPlace) -> Iterator[str]:
    """A user that may write to the exchange."""
    name = f"u-{place.vhost}"
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    place.node.api("PUT", f"users/{name}", {"password": "pw", "tags": ""})
    place.node.api("PUT", f"permissions/{place.vhost}/{name}", everything)
    yield name
    place.node.api("DELETE", f"users/{name}")


def allow(place: RabbitPlace, user: str, topics: str) -> None:
    """Let the user write with the routing keys that `topics`, a regular expression, matches."""
    permission = {"exchange": "glance", "write": topics, "read": ".*"}
    place.node.api("PUT", f"topic-permissions/{place.vhost}/{user}", permission)


def ids(batch: list[Message], priority: Priority) -> list[str]:
    return [each.message_id for each in batch if each.priority is priority]


def mixed() -> list[Message]:
    """Messages of all priorities, WARN in the middle of INFO."""
    return [
        *messages(20),
        *messages(1, WARN),
        *messages(20),
        *messages(2, WARN),
        *messages(2, ERROR),
    ]


def test_forbidden_key_is_denied_and_other_messages_arrive_once(
    place: RabbitPlace, user: str
) -> None:
    allow(place, user, r"^notifications\.(info|error)$")
    strategy = place.strategy(rabbit_userid=user, rabbit_password="pw")
    batch = mixed()
    sent: list[str] = []
    for _ in range(3):
        outcomes = strategy.send(batch)
        sent += ids(batch, INFO)
        for message, outcome in zip(batch, outcomes, strict=True):
            assert outcome is (DENIED if message.priority is WARN else TAKEN)
    assert [each for each, _ in place.received()] == sent
    assert [each for each, _ in place.received(priority=ERROR)] == ids(batch, ERROR) * 3
    reason = strategy.reason(WARN, DENIED)
    assert "access to topic 'notifications.warn'" in reason
    assert f"rabbitmqctl set_topic_permissions -p {place.vhost} {user} glance WRITE READ" in reason
    assert "pw" not in reason
    assert strategy.reason(INFO, DENIED) == ""
    allow(place, user, ".*")
    assert list(strategy.send(batch)) == [TAKEN] * len(batch)
    assert [each for each, _ in place.received(priority=WARN)] == ids(batch, WARN)
    strategy.close()


def test_denied_key_leaves_no_connection_and_no_channel_behind(
    place: RabbitPlace, user: str
) -> None:
    allow(place, user, "^$")
    strategy = place.strategy(rabbit_userid=user, rabbit_password="pw")
    for _ in range(5):
        assert list(strategy.send(messages(2))) == [DENIED] * 2
    strategy.close()
    give_up = time.monotonic() + 30
    while place.node.api("GET", f"vhosts/{place.vhost}/connections"):
        assert time.monotonic() < give_up
        time.sleep(0.2)


def test_user_without_write_permission_is_an_error_of_the_connection(
    place: RabbitPlace, user: str
) -> None:
    nothing = {"configure": ".*", "write": "", "read": ".*"}
    place.node.api("PUT", f"permissions/{place.vhost}/{user}", nothing)
    strategy = place.strategy(rabbit_userid=user, rabbit_password="pw")
    with pytest.raises(SendError, match="access to exchange") as raised:
        strategy.send(mixed())
    assert raised.value.needs_operator
    strategy.close()


@contextlib.contextmanager
def suspended(place: RabbitPlace, queue: str) -> Iterator[None]:
    """Makes a queue do nothing, as a quorum queue without a leader."""

    def system_call(what: str) -> None:
        name = f'rabbit_misc:r(<<"{place.vhost}">>, queue, <<"{queue}">>)'
        found = f"{{ok, Q}} = rabbit_amqqueue:lookup({name})"
        place.node.ctl("eval", f"{found}, sys:{what}(amqqueue:get_pid(Q)).")

    system_call("suspend")
    try:
        yield
    finally:
        system_call("resume")


def test_queue_that_confirms_nothing_holds_up_no_other_key(place: RabbitPlace) -> None:
    strategy = place.strategy(2.0, create_queues="never")
    batch = mixed()
    assert list(strategy.send(messages(3))) == [TAKEN] * 3
    with suspended(place, "notifications.warn"):
        for _ in range(2):
            outcomes = strategy.send(batch)
            for message, outcome in zip(batch, outcomes, strict=True):
                assert outcome is (DENIED if message.priority is WARN else TAKEN)
        reason = strategy.reason(WARN, DENIED)
        assert "confirms nothing for notifications.warn within 2 s" in reason
        assert "rabbitmq-queues quorum_status notifications.warn" in reason
    assert list(strategy.send(batch)) == [TAKEN] * len(batch)
    assert [each for each, _ in place.received()][3:] == ids(batch, INFO) * 3
    assert set(ids(batch, WARN)) <= {each for each, _ in place.received(priority=WARN)}
    strategy.close()


def test_queue_that_stops_confirming_between_messages_is_found(place: RabbitPlace) -> None:
    strategy = place.strategy(2.0, create_queues="never")
    batch = mixed()
    assert list(strategy.send(batch)) == [TAKEN] * len(batch)
    with suspended(place, "notifications.warn"):
        outcomes = strategy.send(batch)
        for message, outcome in zip(batch, outcomes, strict=True):
            assert outcome is (DENIED if message.priority is WARN else TAKEN)
    assert [each for each, _ in place.received()] == ids(batch, INFO) * 2, "what was confirmed"
    strategy.close()


def test_forbidden_key_over_amqp_1_0_is_denied_and_the_others_go_on(
    rabbit: Node,
) -> None:
    with QpidPlace(rabbit) as place:
        name = f"u-{place.name}"
        everything = {"configure": ".*", "write": ".*", "read": ".*"}
        topics = {"exchange": place.name, "write": r"\.(info|error)$", "read": ".*"}
        rabbit.api("PUT", f"users/{name}", {"password": "pw", "tags": ""})
        try:
            rabbit.api("PUT", f"permissions/%2F/{name}", everything)
            rabbit.api("PUT", f"topic-permissions/%2F/{name}", topics)
            strategy = place.strategy(qpid_username=name, qpid_password="pw")
            batch = mixed()
            for _ in range(2):
                outcomes = strategy.send(batch)
                for message, outcome in zip(batch, outcomes, strict=True):
                    assert outcome is (DENIED if message.priority is WARN else TAKEN)
            assert [each for each, _ in place.received(80)] == ids(batch, INFO) * 2
            assert place.received() == []
            assert f"let user {name} write to /exchange/{place.name}" in strategy.reason(
                WARN, DENIED
            )
            strategy.close()
        finally:
            rabbit.api("DELETE", f"users/{name}")


def test_full_queue_that_ends_the_amqp_1_0_connection_holds_up_no_other_key(
    rabbit: Node,
) -> None:
    with QpidPlace(rabbit) as place:
        queue = f"{place.name}.warn"
        full = {"x-max-length": 1, "x-overflow": "reject-publish"}
        rabbit.api("DELETE", f"queues/%2F/{queue}")
        rabbit.api("PUT", f"queues/%2F/{queue}", {"durable": True, "arguments": full})
        rabbit.api("POST", f"bindings/%2F/e/{place.name}/q/{queue}", {"routing_key": queue})
        strategy = place.strategy()
        assert list(strategy.send(messages(1, WARN))) == [TAKEN]
        batch = mixed()
        sent: list[str] = []
        for _ in range(3):
            strategy.close()
            outcomes = strategy.send(batch)
            sent += ids(batch, INFO)
            for message, outcome in zip(batch, outcomes, strict=True):
                assert outcome is (REFUSED if message.priority is WARN else TAKEN)
        assert [each for each, _ in place.received(len(sent))] == sent
        assert place.received() == []
        assert len(place.received(priority=WARN)) == 1
        assert list(strategy.send(messages(1, WARN))) == [TAKEN]
        strategy.close()


def test_amqp_1_0_connection_that_ends_over_every_key_is_an_error(
    make_qpid: MakeQpid,
) -> None:
    with Amqp10(answers.drop) as peer:
        strategy = make_qpid(peer.port)
        with pytest.raises(SendError, match="closed the connection") as raised:
            strategy.send(mixed())
        assert set(raised.value.outcomes) == {None}
        assert peer.accepted == len(Priority)
        peer.answer = answers.accept
        assert set(strategy.send(mixed())) == {TAKEN}


def test_amqp_1_0_connection_tries_each_key_alone(make_qpid: MakeQpid) -> None:
    """The broker has attached the link; later it ends the session over some subjects."""

    def is_warning(one: proton.Message) -> bool:
        return (one.subject or "").endswith(".warn")

    def refuse_warnings(talk: answers.Conversation, delivery: proton.Delivery) -> None:
        answer = answers.end("session", "amqp:unauthorized-access")
        (answer if is_warning(peer.received[-1]) else answers.accept)(talk, delivery)

    with Amqp10() as peer:
        peer.answer = answers.accept
        strategy = make_qpid(peer.port)
        batch = mixed()
        assert list(strategy.send(batch)) == [TAKEN] * len(batch)
        strategy.close()
        peer.received.clear()
        peer.answer = refuse_warnings
        for message, outcome in zip(batch, strategy.send(batch), strict=True):
            assert outcome is (DENIED if message.priority is WARN else TAKEN)
        arrived = [each.id for each in peer.received if not is_warning(each)]
        assert arrived == ids(batch, INFO) + ids(batch, ERROR)
