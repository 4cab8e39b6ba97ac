"""The inspection of a broker that speaks AMQP 1.0."""

from collections.abc import Iterator

import pytest

from demo.rabbit import Rabbit as Node
from tests.strategies.amqp10_peer import Amqp10
from tests.strategies.bad_peers import Peer, sending
from tests.strategies.inspecting import CANARY, found, the_one
from tests.strategies.qpid_place import QpidPlace

USER = {"qpid_username": "guest", "qpid_password": CANARY}


def at(peer: Peer, **more: str) -> dict[str, str]:
    return {"qpid_hosts": f"127.0.0.1:{peer.port}", "qpid_target": "node", **more}


@pytest.fixture
def place(rabbit: Node) -> Iterator[QpidPlace]:
    with QpidPlace(rabbit) as place:
        yield place


def test_right_set_up_has_no_finding(place: QpidPlace) -> None:
    assert found("qpid", place.options) == {}


def test_right_set_up_over_tls_has_no_finding(place: QpidPlace) -> None:
    tls = {
        "qpid_protocol": "ssl",
        "qpid_hosts": f"localhost:{place.node.tls_port}",
        "qpid_ssl_ca_file": str(place.node.certificates.ca),
    }
    assert found("qpid", place.options | tls) == {}


def test_exchange_that_is_missing_at_rabbitmq_is_found(place: QpidPlace) -> None:
    finding = the_one("qpid", place.options | {"qpid_notification_exchange": "missing"})
    assert finding.name == "target-missing"
    assert "/exchange/missing" in finding.mend


def test_target_that_rabbitmq_takes_for_a_queue_is_found(place: QpidPlace) -> None:
    finding = the_one("qpid", place.options | {"qpid_target": "{exchange}"})
    assert (finding.name, finding.mend) == ("target-missing", "qpid_target = /exchange/{exchange}")


def test_user_without_permissions_is_found(place: QpidPlace) -> None:
    place.node.api("PUT", f"users/{place.name}", {"password": CANARY, "tags": ""})
    try:
        user = {"qpid_username": place.name, "qpid_password": CANARY}
        finding = the_one("qpid", place.options | user)
    finally:
        place.node.api("DELETE", f"users/{place.name}")
    assert finding.name == "broker-permission-missing"


def test_wrong_password_is_found() -> None:
    with Amqp10(password="right") as peer:
        finding = the_one("qpid", at(peer, **USER))
    assert finding.name == "broker-login-refused"


def test_missing_node_is_found() -> None:
    with Amqp10(unknown=["node"]) as peer:
        assert the_one("qpid", at(peer)).name == "target-missing"


def test_missing_mechanism_is_found() -> None:
    with Amqp10(mechanisms=["PLAIN"]) as peer:
        assert the_one("qpid", at(peer)).name == "broker-mechanism-missing"


def test_broker_of_amqp_0_9_1_alone_is_found() -> None:
    with Peer(sending(b"AMQP\x00\x00\x09\x01")) as peer:
        finding = the_one("qpid", at(peer))
    assert finding.name == "broker-no-amqp"
    assert "rabbitmq-plugins enable rabbitmq_amqp1_0" in finding.mend


def test_password_that_would_go_over_the_network_as_it_is_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("glance_notify_middleware.strategies.stream.Stream.is_loopback", False)
    with Amqp10() as peer:
        finding = the_one("qpid", at(peer, **USER))
        assert finding.name == "broker-password-unprotected"
        assert found("qpid", at(peer, **USER, qpid_allow_plain_without_tls="true")) == {}
