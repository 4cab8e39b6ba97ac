"""The RabbitMQ node of the tests does what the tests rely on."""

import contextlib
import socket
import ssl
import time
from pathlib import Path

import amqp  # type: ignore[import-untyped]
import pytest

from demo import rabbit as demo_rabbit
from demo.rabbit import Rabbit

_STORED = 3.0
"""Seconds after which a queue that was declared survives a kill of its node: Erlang's disk_log, by
which RabbitMQ stores what it knows of queues, writes up to two seconds later."""


def publish(rabbit: Rabbit, vhost: str, body: bytes) -> None:
    """Send a persistent message to the durable queue `q`, and wait for its confirm."""
    with rabbit.connected(vhost, confirm_publish=True) as connection:
        channel = connection.channel()
        channel.queue_declare("q", durable=True, auto_delete=False)
        message = amqp.Message(body, delivery_mode=2, message_id="m1", content_encoding="utf-8")
        channel.basic_publish(message, routing_key="q")


def processes_that_know(folder: Path) -> list[str]:
    """The command lines of the processes that name the folder there or in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes()
            if bytes(folder) in command + (process / "environ").read_bytes():
                found.append(command.replace(b"\0", b" ").decode())
    return found


def test_confirmed_message_survives_a_kill(rabbit: Rabbit, vhost: str) -> None:
    publish(rabbit, vhost, b"first")
    time.sleep(_STORED)
    publish(rabbit, vhost, b"survivor")
    try:
        rabbit.kill()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", rabbit.port)).close()
        assert processes_that_know(rabbit.log.parent) == []
    finally:
        rabbit.start()
    _, message = rabbit.drain("q", vhost, count=2)
    assert message.body == b"survivor"
    assert message.properties["message_id"] == "m1"
    assert rabbit.drain("q", vhost) == []


def test_stop_leaves_no_process_behind(rabbit: Rabbit) -> None:
    running = processes_that_know(rabbit.log.parent)
    assert any("beam" in command for command in running)
    assert any("epmd -port" in command for command in running)
    try:
        rabbit.stop()
        assert processes_that_know(rabbit.log.parent) == []
    finally:
        rabbit.start()


def test_frozen_node_hangs_until_it_thaws(rabbit: Rabbit, vhost: str) -> None:
    rabbit.freeze()
    try:
        with pytest.raises(TimeoutError):
            rabbit.connected(vhost, connect_timeout=0.5).connect()
    finally:
        rabbit.thaw()
    publish(rabbit, vhost, b"thawed")
    assert [message.body for message in rabbit.drain("q", vhost, count=1)] == [b"thawed"]


def test_tls_is_accepted_with_the_authority_that_signed_and_refused_with_another(
    rabbit: Rabbit,
) -> None:
    for name in ("localhost", "127.0.0.1"):
        trusting = ssl.create_default_context(cafile=rabbit.certificates.ca)
        trusting.load_cert_chain(rabbit.certificates.client, rabbit.certificates.client_key)
        with (
            socket.create_connection(("127.0.0.1", rabbit.tls_port)) as plain,
            trusting.wrap_socket(plain, server_hostname=name) as client,
        ):
            client.sendall(b"AMQP\0\0\x09\x01")
            assert client.recv(1) == b"\1"
    mistrusting = ssl.create_default_context(cafile=rabbit.certificates.other_ca)
    with (
        socket.create_connection(("127.0.0.1", rabbit.tls_port)) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        mistrusting.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("body", [b"one", b"two"])
def test_each_test_has_a_vhost_of_its_own(rabbit: Rabbit, vhost: str, body: bytes) -> None:
    assert rabbit.drain("q", vhost) == []
    publish(rabbit, vhost, body)
    assert rabbit.drain("q") == []
    assert [message.body for message in rabbit.drain("q", vhost)] == [body]


def test_drain_waits_for_the_expected_number_of_messages(rabbit: Rabbit, vhost: str) -> None:
    publish(rabbit, vhost, b"the only one")
    assert len(rabbit.drain("q", vhost, count=2, seconds=0.1)) == 1
    assert rabbit.drain("not there", vhost, count=1, seconds=0.1) == []


def test_ctl_returns_the_output_or_raises_an_error_with_it(rabbit: Rabbit, vhost: str) -> None:
    assert vhost in rabbit.ctl("list_vhosts").splitlines()
    with pytest.raises(RuntimeError, match=r"(?s)delete_user nobody:.*does not exist"):
        rabbit.ctl("delete_user", "nobody")


def test_missing_names_the_programs_and_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(demo_rabbit, "_PLACES", ())
    sentence = demo_rabbit.missing()
    assert sentence is not None
    assert "rabbitmqctl" in sentence
    assert "apt-get install rabbitmq-server" in sentence
