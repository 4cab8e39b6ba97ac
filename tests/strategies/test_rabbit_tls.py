"""TLS to a RabbitMQ node: which certificates are accepted, and the errors."""

import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.rabbit.strategy import Rabbit
from tests.strategies.bad_peers import Peer, repeating, silent
from tests.strategies.rabbit_place import RabbitPlace
from tests.strategies.sending import IN_TIME, PATIENCE, messages, send_error


@pytest.fixture
def place(rabbit: Node, vhost: str) -> RabbitPlace:
    place = RabbitPlace(rabbit, vhost)
    place.port = rabbit.tls_port
    return place


def strategy(place: RabbitPlace, patience: float = 5.0, /, **options: str) -> Rabbit:
    ca = {"rabbit_ssl_ca_file": str(place.node.certificates.ca)}
    return place.strategy(patience, **{"rabbit_use_ssl": "true"} | ca | options)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificate_of_the_right_authority_and_host_is_accepted(
    place: RabbitPlace, host: str
) -> None:
    sender = strategy(place, rabbit_hosts=f"{host}:{place.port}")
    assert list(sender.send(messages(600))) == [Outcome.TAKEN] * 600
    sender.keep_alive()
    sender.close()
    assert len(place.received()) == 600


def test_client_certificate_is_shown(place: RabbitPlace) -> None:
    files = place.node.certificates
    sender = strategy(
        place, rabbit_ssl_cert_file=str(files.client), rabbit_ssl_key_file=str(files.client_key)
    )
    assert list(sender.send(messages(1))) == [Outcome.TAKEN]
    sender.close()


def test_certificate_of_another_authority_is_an_error(place: RabbitPlace) -> None:
    other = str(place.node.certificates.other_ca)
    for ca in (other, ""):  # empty: the authorities of the system
        error = send_error(strategy(place, rabbit_ssl_ca_file=ca))
        assert error.needs_operator
        assert "certificate is not valid: " in str(error)
        assert f"127.0.0.1:{place.port}" in str(error)


def test_certificate_for_another_host_is_an_error(place: RabbitPlace) -> None:
    """127.1 is another way to write 127.0.0.1, which the certificate does not have."""
    error = send_error(strategy(place, rabbit_hosts=f"127.1:{place.port}"))
    assert error.needs_operator
    assert "not valid for '127.1'" in str(error)


def test_certificate_is_not_checked_without_ssl_verify(place: RabbitPlace) -> None:
    other = str(place.node.certificates.other_ca)
    sender = strategy(
        place,
        rabbit_hosts=f"127.1:{place.port}",
        rabbit_ssl_ca_file=other,
        rabbit_ssl_verify="false",
    )
    assert list(sender.send(messages(1))) == [Outcome.TAKEN]
    sender.close()


@pytest.mark.parametrize("option", ["ca_file", "cert_file", "key_file"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense", "a directory"])
def test_unusable_file_is_named_with_its_option(
    place: RabbitPlace, tmp_path: Path, option: str, content: bytes | str | None
) -> None:
    files = place.node.certificates
    options = {
        "rabbit_ssl_cert_file": str(files.client),
        "rabbit_ssl_key_file": str(files.client_key),
    }
    bad = tmp_path / "bad.pem"
    if isinstance(content, bytes):
        bad.write_bytes(content)
    elif content:
        bad.mkdir()
    error = send_error(strategy(place, **options | {f"rabbit_ssl_{option}": str(bad)}))
    assert error.needs_operator
    assert f"rabbit_ssl_{option}" in str(error)
    assert str(bad) in str(error)


def test_key_with_a_passphrase_is_named_and_nobody_is_asked_for_it(
    place: RabbitPlace, tmp_path: Path
) -> None:
    files = place.node.certificates
    key = serialization.load_pem_private_key(files.client_key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"passphrase"),
        )
    )
    error = send_error(
        strategy(place, rabbit_ssl_cert_file=str(files.client), rabbit_ssl_key_file=str(locked))
    )
    assert error.needs_operator
    assert str(locked) in str(error)


def test_key_of_another_certificate_is_an_error(place: RabbitPlace) -> None:
    files = place.node.certificates
    error = send_error(
        strategy(
            place,
            rabbit_ssl_cert_file=str(files.client),
            rabbit_ssl_key_file=str(files.server_key),
        )
    )
    assert error.needs_operator
    assert "KEY_VALUES_MISMATCH" in str(error)


def test_tls_to_a_port_without_tls_needs_an_operator(place: RabbitPlace) -> None:
    error = send_error(strategy(place, rabbit_hosts=f"127.0.0.1:{place.node.port}"))
    assert error.needs_operator
    assert "TLS: " in str(error)


def test_missing_tls_to_a_port_with_tls_is_an_error_in_time(place: RabbitPlace) -> None:
    assert not send_error(place.strategy(PATIENCE)).needs_operator


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x16\x03\x03\x40\x00", b"\x16"],
    ids=["nothing", "the head of a record", "a byte"],
)
def test_peer_that_never_ends_its_greeting_is_an_error_in_time(
    place: RabbitPlace, greeting: bytes
) -> None:
    with Peer(repeating(greeting, 0.1) if greeting else silent) as peer:
        began = time.monotonic()
        send_error(strategy(place, PATIENCE, rabbit_hosts=f"127.0.0.1:{peer.port}"))
        assert time.monotonic() - began < IN_TIME


def test_send_and_close_end_in_time_beside_a_frozen_broker(place: RabbitPlace) -> None:
    sender = strategy(place, PATIENCE)
    sender.send(messages(1))
    idle = strategy(place, PATIENCE)
    idle.send(messages(1))
    place.freeze()
    try:
        began = time.monotonic()
        send_error(sender)
        assert time.monotonic() - began < IN_TIME
        began = time.monotonic()
        sender.close()
        idle.close()
        assert time.monotonic() - began < IN_TIME
    finally:
        place.thaw()
