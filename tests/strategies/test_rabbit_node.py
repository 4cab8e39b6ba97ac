"""The rabbit strategy at a RabbitMQ node: users and permissions, time-outs, errors."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError, Strategy
from tests.strategies.bad_peers import Peer, sending
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import (
    PATIENCE,
    message,
    messages,
    prompt_send_error,
    send_all,
    send_error,
)

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    return RabbitPlace(rabbit, vhost)


@pytest.fixture
def user(place: RabbitPlace) -> Iterator[str]:
    name = f"u-{place.vhost}"
    place.node.api("PUT", f"users/{name}", {"password": "first", "tags": ""})
    allow(place, name)
    yield name
    place.node.api("DELETE", f"users/{name}")


def allow(place: RabbitPlace, user: str, configure: str = ".*", write: str = ".*") -> None:
    permissions = {"configure": configure, "write": write, "read": ".*"}
    place.node.api("PUT", f"permissions/{place.vhost}/{user}", permissions)


def test_content_type_is_that_of_the_format(place: RabbitPlace) -> None:
    strategy = place.strategy(message_format="cloudevents")
    assert list(strategy.send([message(b"{}")])) == [TAKEN]
    (came,) = place.node.drain("notifications.info", place.vhost, count=1)
    assert came.properties["content_type"] == "application/cloudevents+json; charset=utf-8"
    strategy.close()


def test_password_that_is_wrong_for_a_while_loses_nothing(place: RabbitPlace, user: str) -> None:
    strategy = place.strategy(rabbit_userid=user, rabbit_password="first")
    sent = messages(3)
    strategy.send(sent[:1])
    place.node.api("PUT", f"users/{user}", {"password": "second", "tags": ""})
    strategy.close()
    error = send_error(strategy)
    assert error.needs_operator
    assert f"user {user}: ACCESS_REFUSED" in str(error)
    place.node.api("PUT", f"users/{user}", {"password": "first", "tags": ""})
    send_all(strategy, sent[1:])
    assert [each for each, _ in place.received()] == [each.message_id for each in sent]
    strategy.close()


def test_password_file_is_read_for_each_connection(
    place: RabbitPlace, user: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    strategy = place.strategy(rabbit_userid=user, rabbit_password_file=str(file))
    error = send_error(strategy)
    assert error.needs_operator
    assert f"option rabbit_password_file: {file}: No such file" in str(error)
    for content, why in [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]:
        file.write_bytes(content)
        error = send_error(strategy)
        assert error.needs_operator
        assert f"{file}: {why}" in str(error)
    file.write_text("first\n")
    assert list(strategy.send(messages(1))) == [TAKEN]
    place.node.api("PUT", f"users/{user}", {"password": "second", "tags": ""})
    file.write_text("second")
    strategy.close()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_user_without_configure_permission_uses_what_exists(place: RabbitPlace, user: str) -> None:
    allow(place, user, configure="")
    strategy = place.strategy(rabbit_userid=user, rabbit_password="first")
    error = send_error(strategy)
    assert error.needs_operator
    assert "no exchange 'glance'" in str(error)
    place.exchange()
    place.queue("notifications.info")
    batch = [message(), message(priority=Priority.WARN)]
    assert list(strategy.send(batch)) == [TAKEN, UNROUTABLE]
    strategy.close()


def test_user_needs_only_the_permission_to_write_with_create_queues_wait(
    place: RabbitPlace, user: str
) -> None:
    permissions = {"configure": "", "write": "^glance$", "read": ""}
    place.node.api("PUT", f"permissions/{place.vhost}/{user}", permissions)
    place.exchange()
    place.queue("notifications.info")
    strategy = place.strategy(create_queues="wait", rabbit_userid=user, rabbit_password="first")
    strategy.connect()
    batch = [message(), message(priority=Priority.WARN)]
    assert list(strategy.send(batch)) == [TAKEN, UNROUTABLE]
    strategy.close()


def test_user_without_write_permission_needs_an_operator(place: RabbitPlace, user: str) -> None:
    place.exchange()
    place.queue("notifications.info")
    allow(place, user, write="")
    strategy = place.strategy(rabbit_userid=user, rabbit_password="first")
    error = send_error(strategy)
    assert error.needs_operator
    assert "ACCESS_REFUSED" in str(error)
    allow(place, user)
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_missing_virtual_host_needs_an_operator(place: RabbitPlace) -> None:
    error = send_error(place.strategy(rabbit_virtual_host="nowhere"))
    assert error.needs_operator
    assert "vhost nowhere not found" in str(error)


def test_broker_that_takes_no_password_needs_an_operator(place: RabbitPlace) -> None:
    offer = "application:set_env(rabbit, auth_mechanisms, [{}])."
    place.node.ctl("eval", offer.format("'AMQPLAIN'"))
    try:
        error = send_error(place.strategy())
    finally:
        place.node.ctl("eval", offer.format("'PLAIN', 'AMQPLAIN'"))
    assert error.needs_operator
    assert "can offer: PLAIN; available: AMQPLAIN" in str(error)


def test_peer_without_amqp_is_named_as_such_at_once(place: RabbitPlace) -> None:
    with Peer(sending(b"HTTP/1.1 400 Bad Request\r\n")) as peer:
        assert "this is not AMQP 0-9-1" in str(
            prompt_send_error(place.strategy_at(peer.port, patience=20))
        )


def test_peer_without_amqp_that_sends_first_is_named_as_such_at_once(
    place: RabbitPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On loopback py-amqp then reads a TCP_MAXSEG that cannot be set."""
    connect = socket.socket.connect

    def connect_and_listen(sock: socket.socket, address: object) -> None:
        connect(sock, address)  # type: ignore[arg-type]
        sock.recv(1, socket.MSG_PEEK)

    monkeypatch.setattr(socket.socket, "connect", connect_and_listen)
    with Peer(sending(b"HTTP/1.1 400 Bad Request\r\n")) as peer:
        assert "this is not AMQP 0-9-1" in str(
            prompt_send_error(place.strategy_at(peer.port, patience=20))
        )


def test_transport_url_leads_to_the_same_broker(place: RabbitPlace) -> None:
    url = f"rabbit://guest:guest@127.0.0.1:{place.port}/{quote(place.vhost)}"
    strategy = place.strategy(transport_url=url)
    assert list(strategy.send(messages(1))) == [TAKEN]
    assert len(place.received()) == 1
    strategy.close()


def test_late_ack_is_not_taken_for_that_of_the_next_message(
    place: RabbitPlace,
) -> None:
    place.exchange()
    place.queue("notifications.info", {"x-max-length": 1, "x-overflow": "reject-publish"})
    strategy = place.strategy(0.5)
    late, refused = messages(2)
    assert any(is_taken_late(place, strategy, late) for _ in range(3))
    strategy.connect_timeout = strategy._deadline.patience = 5.0
    assert list(strategy.send([refused])) == [REFUSED]
    assert place.received() == [(late.message_id, late.body)]
    strategy.close()


def is_taken_late(place: RabbitPlace, strategy: Strategy, late: Message) -> bool:
    """Whether the broker takes a message that was sent while it was frozen.

    It need not: the connection is gone when the broker goes on.
    """
    send_all(strategy, messages(1, Priority.WARN))
    place.freeze()
    try:
        with pytest.raises(SendError) as raised:
            strategy.send([late])
    finally:
        place.thaw()
    assert list(raised.value.outcomes) == [None]
    give_up = time.monotonic() + 15
    while "notifications.info\t1" not in place.node.ctl("list_queues", "--vhost", place.vhost):
        if time.monotonic() > give_up:
            return False
    return True


def test_broker_short_of_memory_is_named_as_such_and_nothing_is_lost(
    place: RabbitPlace,
) -> None:
    strategy = place.strategy(PATIENCE)
    sent = messages(3)
    strategy.send(sent[:1])
    place.node.ctl("set_vm_memory_high_watermark", "absolute", "1MB")
    try:
        with pytest.raises(SendError, match="short of memory") as raised:
            strategy.send(sent[1:])
        assert not raised.value.needs_operator
        strategy.close()
    finally:
        place.node.ctl("set_vm_memory_high_watermark", "absolute", "512MB")
    send_all(strategy, sent[1:])
    assert {each for each, _ in place.received()} == {each.message_id for each in sent}
    strategy.close()


def keep_alive(strategy: Strategy, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        strategy.keep_alive()
        time.sleep(0.1)


def test_missed_heartbeats_are_noticed(place: RabbitPlace) -> None:
    strategy = place.strategy()
    strategy.heartbeat = 1
    strategy.send(messages(1))
    keep_alive(strategy, 3)  # longer than the broker waits for a heartbeat
    place.freeze()
    try:
        with pytest.raises(SendError, match="heartbeats missed"):
            keep_alive(strategy, 10)
    finally:
        place.thaw()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_interrupted_send_ends_its_connection(place: RabbitPlace) -> None:
    """Its confirms would be taken for those of the next batch."""
    strategy = place.strategy()
    strategy.send(messages(1))

    class Interrupting(str):
        def encode(self, *_: object) -> bytes:
            raise KeyboardInterrupt

    interrupted = [*messages(3), message(message_id=Interrupting("x"))]
    with pytest.raises(KeyboardInterrupt):
        strategy.send(interrupted)
    (other,) = messages(1)
    assert list(strategy.send([other])) == [TAKEN]
    assert place.received()[-1] == (other.message_id, other.body)
    strategy.close()


def test_unacknowledged_data_is_given_up_after_20_seconds(place: RabbitPlace) -> None:
    """By the kernel. py-amqp would set one second; the kernel's default is some fifteen minutes."""
    strategy = place.strategy()
    strategy.connect()
    assert strategy._connection is not None
    sock = strategy._connection.transport.sock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    strategy.close()
