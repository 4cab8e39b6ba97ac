"""The login of the qpid strategy over SASL, and what a broker can do wrong there."""

import logging
import socket

import pytest

from glance_notify_middleware.strategies import Outcome
from tests.strategies import amqp10_peer
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.bad_peers import Peer, sending
from tests.strategies.conftest import MakeQpid
from tests.strategies.sending import messages, prompt_send_error

TAKEN = Outcome.TAKEN


@pytest.mark.parametrize(
    ("options", "login"),
    [
        ({}, ("ANONYMOUS", b"")),
        ({"qpid_username": "u", "qpid_password": "p\u00e4"}, ("PLAIN", b"\0u\0p\xc3\xa4")),
        (
            {
                "qpid_username": "u",
                "qpid_password": "p",
                "qpid_sasl_mechanisms": "ANONYMOUS, PLAIN",
            },
            ("ANONYMOUS", b""),
        ),
    ],
)
def test_login_is_that_of_the_options(
    make_qpid: MakeQpid, options: dict[str, str], login: tuple[str, bytes]
) -> None:
    with Amqp10() as peer:
        assert list(make_qpid(peer.port, **options).send(messages(1))) == [TAKEN]
        assert peer.logins == [login]


def test_password_is_not_sent_where_the_broker_does_not_offer_plain(make_qpid: MakeQpid) -> None:
    with Amqp10(mechanisms=["ANONYMOUS"]) as peer:
        error = prompt_send_error(make_qpid(peer.port, qpid_username="u", qpid_password="pa55"))
        assert error.needs_operator
        assert "offers SASL ANONYMOUS; allowed here: PLAIN" in str(error)
        assert peer.logins == []


@pytest.mark.parametrize(("outcome", "needs"), [(1, True), (2, True), (3, True), (4, False)])
def test_refused_login_needs_an_operator_unless_it_is_temporary(
    make_qpid: MakeQpid, outcome: int, needs: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "")
    with Amqp10(outcome=outcome) as peer:
        strategy = make_qpid(peer.port, qpid_username="me", qpid_password="pa55")
        error = prompt_send_error(strategy)
        assert error.needs_operator is needs
        assert "user me: " in str(error)
        assert "pa55" not in f"{error!r} {error.__cause__!r} {strategy!r} {caplog.text}"


def test_broker_without_amqp_1_0_needs_an_operator(make_qpid: MakeQpid) -> None:
    with Peer(sending(b"AMQP\x00\x00\x09\x01")) as peer:
        error = prompt_send_error(make_qpid(peer.port))
        assert error.needs_operator
        assert "rabbitmq_amqp1_0" in str(error)


@pytest.mark.parametrize(
    "greeting",
    [
        pytest.param(b"\0\0\0\x04", id="shorter than a frame"),
        pytest.param(b"\0\0\0\x0c\x02\x01\0\0\xff\xff\xff\xff", id="not of AMQP's types"),
        pytest.param(b"\0\0\0\x09\x02\x01\0\0\x43", id="not described"),
        pytest.param(amqp10_peer.frame(0x44, []), id="out of turn"),
    ],
)
def test_nonsense_in_place_of_mechanisms_is_an_error(make_qpid: MakeQpid, greeting: bytes) -> None:
    with Peer(sending(b"AMQP\x03\x01\x00\x00" + greeting)) as peer:
        error = prompt_send_error(make_qpid(peer.port))
        assert "does not speak" in str(error)
        assert not error.needs_operator


def _other_address() -> str | None:
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address: str = probe.getsockname()[0]
        return address


def test_password_does_not_leave_the_machine_without_tls_unless_that_is_allowed(
    make_qpid: MakeQpid,
) -> None:
    address = _other_address()
    if address is None:
        pytest.skip("this machine has no address but loopback")
    login = {"qpid_username": "u", "qpid_password": "pa55"}
    with Amqp10(address=address) as peer:
        here = {"qpid_hosts": f"{address}:{peer.port}"}
        error = prompt_send_error(make_qpid(0, **here, **login))
        assert error.needs_operator
        assert "option qpid_allow_plain_without_tls: " in str(error)
        assert peer.logins == []
        assert list(make_qpid(0, **here).send(messages(1))) == [TAKEN]
        allowed = make_qpid(0, **here, **login, qpid_allow_plain_without_tls="true")
        assert list(allowed.send(messages(1))) == [TAKEN]
        assert [mechanism for mechanism, _ in peer.logins] == ["ANONYMOUS", "PLAIN"]
