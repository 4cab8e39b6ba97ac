"""TLS to brokers that speak AMQP 1.0: which certificates are accepted, and the errors."""

import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.rabbit import Rabbit as Node
from glance_notify_middleware.strategies import Outcome
from glance_notify_middleware.strategies.qpid.strategy import Qpid
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.bad_peers import Peer, repeating, silent
from tests.strategies.places import WRONG_PASSWORD
from tests.strategies.qpid_place import QpidPlace
from tests.strategies.sending import IN_TIME, PATIENCE, messages, prompt_send_error

TAKEN = Outcome.TAKEN


@pytest.fixture
def place(rabbit: Node) -> Iterator[QpidPlace]:
    with QpidPlace(rabbit) as place:
        place.port = rabbit.tls_port
        yield place


def strategy(place: QpidPlace, patience: float = 5.0, /, **options: str) -> Qpid:
    ca = {"qpid_ssl_ca_file": str(place.node.certificates.ca)}
    return place.strategy(patience, **{"qpid_protocol": "ssl"} | ca | options)


def client_certificate_options(place: QpidPlace) -> dict[str, str]:
    files = place.node.certificates
    return {
        "qpid_ssl_cert_file": str(files.client),
        "qpid_ssl_key_file": str(files.client_key),
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_certificate_of_the_right_authority_and_host_is_accepted(
    place: QpidPlace, host: str
) -> None:
    sender = strategy(place, qpid_hosts=f"{host}:{place.port}")
    assert list(sender.send(messages(500))) == [TAKEN] * 500
    sender.keep_alive()
    sender.close()
    assert len(place.received(500)) == 500


def test_wrong_password_is_refused_through_tls_too(place: QpidPlace) -> None:
    error = prompt_send_error(strategy(place, qpid_password=WRONG_PASSWORD))
    assert error.needs_operator
    assert "user guest: authentication failed (SASL PLAIN)" in str(error)


def test_certificate_of_another_authority_is_an_error(place: QpidPlace) -> None:
    for ca in (str(place.node.certificates.other_ca), ""):  # empty: the authorities of the system
        error = prompt_send_error(strategy(place, qpid_ssl_ca_file=ca))
        assert error.needs_operator
        assert "certificate is not valid: " in str(error)


def test_certificate_for_another_host_is_an_error(place: QpidPlace) -> None:
    """127.1 is another way to write 127.0.0.1, which the certificate does not have."""
    error = prompt_send_error(strategy(place, qpid_hosts=f"127.1:{place.port}"))
    assert error.needs_operator
    assert "not valid for '127.1'" in str(error)


def test_certificate_for_another_address_is_an_error(place: QpidPlace) -> None:
    files = place.node.certificates
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.server_key)
    with Amqp10(context=context, address="127.0.0.2") as peer:
        error = prompt_send_error(strategy(place, qpid_hosts=f"127.0.0.2:{peer.port}"))
        assert error.needs_operator
        assert "IP address mismatch" in str(error)


def test_certificate_is_not_checked_without_ssl_verify(place: QpidPlace) -> None:
    sender = strategy(
        place,
        qpid_hosts=f"127.1:{place.port}",
        qpid_ssl_ca_file=str(place.node.certificates.other_ca),
        qpid_ssl_verify="false",
    )
    assert list(sender.send(messages(1))) == [TAKEN]
    sender.close()


def test_client_certificate_is_the_login(place: QpidPlace) -> None:
    files = place.node.certificates
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    context.load_cert_chain(files.server, files.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    with Amqp10(context=context) as peer:
        here = {"qpid_hosts": f"127.0.0.1:{peer.port}"}
        sender = strategy(place, **here, **client_certificate_options(place))
        assert list(sender.send(messages(500))) == [TAKEN] * 500
        sender.close()
        assert [mechanism for mechanism, _ in peer.logins] == ["EXTERNAL"]


def test_broker_that_gets_no_client_certificate_is_an_error(place: QpidPlace) -> None:
    files = place.node.certificates
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=files.ca)
    context.load_cert_chain(files.server, files.server_key)
    context.verify_mode = ssl.CERT_REQUIRED
    with Amqp10(context=context) as peer:
        error = prompt_send_error(strategy(place, qpid_hosts=f"127.0.0.1:{peer.port}"))
        assert "TLS" in str(error)
        assert peer.logins == []


def test_password_may_leave_the_machine_through_tls(place: QpidPlace) -> None:
    """As far as it can be seen without a second machine: the check is of what is encrypted."""
    files = place.node.certificates
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.server, files.server_key)
    with Amqp10(context=context, password="guest") as peer:
        sender = strategy(place, qpid_hosts=f"127.0.0.1:{peer.port}")
        assert list(sender.send(messages(1))) == [TAKEN]
        sender.close()


@pytest.mark.parametrize("option", ["ca_file", "cert_file", "key_file"])
def test_unusable_file_is_named_with_its_option(
    place: QpidPlace, tmp_path: Path, option: str
) -> None:
    missing = {f"qpid_ssl_{option}": str(tmp_path / "missing.pem")}
    error = prompt_send_error(strategy(place, **client_certificate_options(place) | missing))
    assert error.needs_operator
    assert f"qpid_ssl_{option}: {tmp_path}/missing.pem: No such file" in str(error)


def test_password_file_is_read_for_each_connection(place: QpidPlace, tmp_path: Path) -> None:
    file = tmp_path / "password"
    sender = strategy(place, qpid_password="", qpid_password_file=str(file))
    error = prompt_send_error(sender)
    assert error.needs_operator
    assert f"option qpid_password_file: {file}: No such file" in str(error)
    file.write_text("guest\n")
    assert list(sender.send(messages(1))) == [TAKEN]
    sender.close()


def test_tls_to_a_port_without_tls_needs_an_operator(place: QpidPlace) -> None:
    error = prompt_send_error(strategy(place, qpid_hosts=f"127.0.0.1:{place.node.port}"))
    assert error.needs_operator
    assert "TLS" in str(error)


def test_missing_tls_to_a_port_with_tls_is_an_error_in_time(place: QpidPlace) -> None:
    assert not prompt_send_error(place.strategy(PATIENCE)).needs_operator


@pytest.mark.parametrize(
    "greeting",
    [b"", b"\x16\x03\x03\x40\x00", b"\x16"],
    ids=["nothing", "the head of a record", "a byte"],
)
def test_peer_that_never_ends_its_greeting_is_an_error_in_time(
    place: QpidPlace, greeting: bytes
) -> None:
    with Peer(repeating(greeting, 0.1) if greeting else silent) as peer:
        prompt_send_error(strategy(place, PATIENCE, qpid_hosts=f"127.0.0.1:{peer.port}"))


def test_send_and_close_end_in_time_beside_a_frozen_broker(place: QpidPlace) -> None:
    busy, idle = strategy(place, PATIENCE), strategy(place, PATIENCE)
    busy.send(messages(1))
    idle.send(messages(1))
    place.freeze()
    try:
        prompt_send_error(busy)
        began = time.monotonic()
        busy.close()
        idle.close()
        assert time.monotonic() - began < IN_TIME
    finally:
        place.thaw()
