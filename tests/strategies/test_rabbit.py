"""The rabbit strategy on a RabbitMQ node: who may, who waits, and for how long."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.events.notification import Message, Priority
from glance_notify_middleware.strategies import Outcome, SendError, Strategy
from tests.strategies.peers import Peer, saying
from tests.strategies.places import (
    PATIENCE,
    RabbitPlace,
    fails,
    message,
    messages,
    send_all,
)

TAKEN, UNROUTABLE, REFUSED = Outcome.TAKEN, Outcome.UNROUTABLE, Outcome.REFUSED


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    return RabbitPlace(rabbit, vhost)


def send_error(strategy: Strategy, count: int = 1) -> SendError:
    with pytest.raises(SendError) as raised:
        strategy.send(messages(count))
    return raised.value


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


def test_a_password_that_is_changed_for_a_while_loses_nothing(
    place: RabbitPlace, user: str
) -> None:
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


def test_a_password_file_is_read_for_each_connection(
    place: RabbitPlace, user: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    strategy = place.strategy(rabbit_userid=user, rabbit_password_file=str(file))
    error = send_error(strategy)
    assert error.needs_operator
    assert f"option rabbit_password_file: {file}: No such file" in str(error)
    for content, says in [(b"", "is empty"), (b"\n", "is empty"), (b"\xff", "not UTF-8")]:
        file.write_bytes(content)
        error = send_error(strategy)
        assert error.needs_operator
        assert f"{file}: {says}" in str(error)
    file.write_text("first\n")
    assert list(strategy.send(messages(1))) == [TAKEN]
    place.node.api("PUT", f"users/{user}", {"password": "second", "tags": ""})
    file.write_text("second")
    strategy.close()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_who_may_not_declare_uses_what_is_there(place: RabbitPlace, user: str) -> None:
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


def test_who_only_waits_for_a_reader_needs_no_permission_but_to_write(
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


def test_who_may_not_write_needs_an_operator(place: RabbitPlace, user: str) -> None:
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


def test_a_virtual_host_that_is_missing_needs_an_operator(place: RabbitPlace) -> None:
    error = send_error(place.strategy(rabbit_virtual_host="nowhere"))
    assert error.needs_operator
    assert "vhost nowhere not found" in str(error)


def test_a_broker_that_takes_no_password_needs_an_operator(place: RabbitPlace) -> None:
    offer = "application:set_env(rabbit, auth_mechanisms, [{}])."
    place.node.ctl("eval", offer.format("'AMQPLAIN'"))
    try:
        error = send_error(place.strategy())
    finally:
        place.node.ctl("eval", offer.format("'PLAIN', 'AMQPLAIN'"))
    assert error.needs_operator
    assert "can offer: PLAIN; available: AMQPLAIN" in str(error)


def test_what_is_no_amqp_broker_is_named_as_such_at_once(place: RabbitPlace) -> None:
    with Peer(saying(b"HTTP/1.1 400 Bad Request\r\n")) as peer:
        assert "this is not AMQP 0-9-1" in str(fails(place.strategy_at(peer.port, patience=20)))


def test_so_is_one_that_speaks_before_we_do(
    place: RabbitPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What py-amqp then reads as an option of the socket cannot be set, on loopback."""
    connect = socket.socket.connect

    def connect_and_listen(sock: socket.socket, address: object) -> None:
        connect(sock, address)  # type: ignore[arg-type]
        sock.recv(1, socket.MSG_PEEK)

    monkeypatch.setattr(socket.socket, "connect", connect_and_listen)
    with Peer(saying(b"HTTP/1.1 400 Bad Request\r\n")) as peer:
        assert "this is not AMQP 0-9-1" in str(fails(place.strategy_at(peer.port, patience=20)))


def test_a_transport_url_leads_to_the_same_place(place: RabbitPlace) -> None:
    url = f"rabbit://guest:guest@127.0.0.1:{place.port}/{quote(place.vhost)}"
    strategy = place.strategy(transport_url=url)
    assert list(strategy.send(messages(1))) == [TAKEN]
    assert len(place.received()) == 1
    strategy.close()


def test_an_ack_that_comes_late_is_not_taken_for_that_of_the_next_message(
    place: RabbitPlace,
) -> None:
    place.exchange()
    place.queue("notifications.info", {"x-max-length": 1, "x-overflow": "reject-publish"})
    strategy = place.strategy(0.5)
    late, refused = messages(2)
    assert any(is_taken_late(place, strategy, late) for _ in range(3))
    assert list(strategy.send([refused])) == [REFUSED]
    assert place.received() == [(late.message_id, late.body)]
    strategy.close()


def is_taken_late(place: RabbitPlace, strategy: Strategy, late: Message) -> bool:
    """Whether a broker takes it that was frozen while it was sent: it need not, as the connection
    is gone when it goes on."""
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


def test_a_broker_short_of_memory_is_named_as_such_and_nothing_is_lost(
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
    keep_alive(strategy, 3)  # longer than the broker would wait for ours
    place.freeze()
    try:
        with pytest.raises(SendError, match="heartbeats missed"):
            keep_alive(strategy, 10)
    finally:
        place.thaw()
    assert list(strategy.send(messages(1))) == [TAKEN]
    strategy.close()


def test_what_interrupts_a_send_ends_its_connection(place: RabbitPlace) -> None:
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


def test_what_was_sent_to_a_peer_that_is_gone_is_given_up_in_time(place: RabbitPlace) -> None:
    """By the kernel: py-amqp would set one second, the kernel's own is some fifteen minutes."""
    strategy = place.strategy()
    strategy.connect()
    assert strategy._connection is not None
    sock = strategy._connection.transport.sock
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000
    strategy.close()
