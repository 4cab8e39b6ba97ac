"""The way to a broker: name, port, TLS and clock, at peers on loopback. No broker is needed."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.certificates import make_certificates
from glance_notify_middleware import config
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies import reaching
from glance_notify_middleware.strategies.rabbit import inspection
from glance_notify_middleware.strategies.registry import BUILT_IN
from tests.strategies.bad_peers import Peer, closing, sending, silent
from tests.strategies.inspecting import found, the_one, tls_peer

WORDS = {
    "rabbit": {"hosts": "rabbit_hosts", "tls": "rabbit_use_ssl", "on": "true"},
    "qpid": {"hosts": "qpid_hosts", "tls": "qpid_protocol", "on": "ssl"},
}
PLAIN = {
    "rabbit": b"\x01\x00\x00\x00\x00\x01\xf2",
    "qpid": b"AMQP\x03\x01\x00\x00",
    "webhook": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}
"""How a broker without TLS answers."""

both = pytest.mark.parametrize("strategy", ["rabbit", "qpid"])
each = pytest.mark.parametrize("strategy", ["rabbit", "qpid", "webhook"])


def options(
    strategy: str, *ports: int, host: str = "127.0.0.1", ca: Path | None = None
) -> dict[str, str]:
    """With `ca`: over TLS."""
    if strategy == "webhook":
        (port,) = ports
        url = f"{'https' if ca else 'http'}://{host}:{port}/pa55word"
        return {"webhook_url": url} | ({"webhook_ssl_ca_file": str(ca)} if ca else {})
    words = WORDS[strategy]
    hosts = {words["hosts"]: ",".join(f"{host}:{port}" for port in ports)}
    tls = {words["tls"]: words["on"], f"{strategy}_ssl_ca_file": str(ca)} if ca else {}
    return hosts | tls


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """For peers that answer nothing: another one may take longer on a busy machine."""
    monkeypatch.setattr(reaching, "CONNECT_TIMEOUT", 0.3)
    monkeypatch.setattr(reaching, "ANSWER_TIMEOUT", 0.3)


@both
def test_silent_hosts_are_looked_at_in_parallel(strategy: str, impatient: None) -> None:
    with Peer(silent) as one, Peer(silent) as other, Peer(silent) as third:
        began = time.monotonic()
        inspect = [one.port, other.port, third.port]
        names = [each.what for each in _all(strategy, options(strategy, *inspect))]
        assert time.monotonic() - began < 8
    assert [f"127.0.0.1:{port}" in what for port, what in zip(inspect, names, strict=True)] == [
        True
    ] * 3


def _all(strategy: str, lines: dict[str, str]) -> list[Finding]:
    settings = config.read({"notifier_strategy": strategy, **lines}, "this-host")
    return list(BUILT_IN[strategy].load_inspection()(settings))


HOSTS = [Broker(f"host-{number}", 5672, "", "") for number in range(3)]


def test_all_hosts_are_looked_at_at_the_same_time() -> None:
    all_begun = threading.Barrier(len(HOSTS))

    def look(broker: Broker) -> list[Finding]:
        all_begun.wait(30)
        return [Finding(Level.WARNING, "seen", str(broker), "mend")]

    found = reaching.at_each(HOSTS, look)
    assert [finding.what for finding in found] == [str(broker) for broker in HOSTS]


def test_host_that_is_not_done_in_time_is_a_finding() -> None:
    release = threading.Event()

    def look(broker: Broker) -> list[Finding]:
        if broker is HOSTS[1]:
            release.wait(30)
        return []

    (finding,) = reaching.at_each(HOSTS, look, 2.0)
    release.set()
    assert finding.name == "broker-timeout"
    assert "host-1:5672" in finding.what


@each
def test_host_that_drops_what_is_sent_is_found_within_the_time(
    strategy: str, impatient: None, full_port: int
) -> None:
    finding = the_one(strategy, options(strategy, full_port))
    assert finding.name == "broker-timeout"
    assert "does not answer within" in finding.what


@pytest.fixture
def full_port() -> Iterator[int]:
    """A port whose backlog is full: Linux drops further SYNs, as a firewall does."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        clients = [socket.socket() for _ in range(3)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        time.sleep(0.05)
        yield port
        for client in clients:
            client.close()


@both
def test_peer_that_is_no_broker_is_found(strategy: str) -> None:
    with Peer(sending(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as peer:
        finding = the_one(strategy, options(strategy, peer.port))
    assert finding.name == "broker-no-amqp"


@both
def test_tls_where_none_is_configured_is_found(strategy: str, tmp_path: Path) -> None:
    peer, _ = tls_peer(tmp_path, silent)
    with peer:
        finding = the_one(strategy, options(strategy, peer.port))
    assert finding.name == "broker-speaks-tls"
    assert f"{WORDS[strategy]['tls']} = {WORDS[strategy]['on']}" in finding.mend


@each
def test_missing_tls_is_found(strategy: str, tmp_path: Path) -> None:
    files = make_certificates(tmp_path)
    with Peer(sending(PLAIN[strategy])) as peer:
        finding = the_one(strategy, options(strategy, peer.port, ca=files.ca))
    assert finding.name == "broker-speaks-no-tls"
    right = ":443/PATH" if strategy == "webhook" else f"{strategy}_port = 5671"
    assert right in finding.mend


@each
@pytest.mark.parametrize(
    ("days", "host", "is_other", "names"),
    [
        (29, "127.0.0.1", False, ["broker-certificate-expires"]),
        (-0.5, "127.0.0.1", False, ["broker-certificate-expired"]),
        (31, "127.1", False, ["broker-certificate-name"]),
        (31, "127.0.0.1", True, ["broker-certificate-untrusted"]),
        (
            5,
            "127.1",
            True,
            [
                "broker-certificate-expires",
                "broker-certificate-name",
                "broker-certificate-untrusted",
            ],
        ),
        (-0.5, "127.0.0.1", True, ["broker-certificate-expired", "broker-certificate-untrusted"]),
    ],
)
def test_all_that_is_wrong_with_a_certificate_is_found(
    strategy: str,
    days: float,
    host: str,
    is_other: bool,
    names: list[str],
    tmp_path: Path,
) -> None:
    peer, files = tls_peer(tmp_path, closing, days)
    ca = files.other_ca if is_other else files.ca
    with peer:
        findings = found(strategy, options(strategy, peer.port, host=host, ca=ca))
    assert [name for name in findings if "certificate" in name] == names
    if "broker-certificate-expires" in names:
        assert f"expires in {days} days" in findings["broker-certificate-expires"].what
    if host == "127.1":
        assert "localhost, 127.0.0.1" in findings["broker-certificate-name"].mend


@each
def test_certificate_that_is_not_checked_is_found(strategy: str, tmp_path: Path) -> None:
    peer, files = tls_peer(tmp_path, closing)
    lines = options(strategy, peer.port, ca=files.other_ca) | {f"{strategy}_ssl_verify": "false"}
    with peer:
        findings = found(strategy, lines)
    assert findings["broker-certificate-unchecked"].mend == f"{strategy}_ssl_verify = true"


@each
def test_broker_that_asks_for_a_certificate_is_found(strategy: str, tmp_path: Path) -> None:
    peer, files = tls_peer(tmp_path, silent, asks_for_certificate=True)
    with peer:
        finding = the_one(strategy, options(strategy, peer.port, ca=files.ca))
    assert finding.name == "broker-tls-refused"
    assert f"{strategy}_ssl_cert_file" in finding.mend


@pytest.mark.parametrize(("apart", "is_found"), [(0, False), (-60, True), (60, True)])
def test_clock_of_the_brokers_host_is_compared(
    apart: int, is_found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + apart))
    answer = f"HTTP/1.1 200 OK\r\nDate: {now}\r\nContent-Length: 0\r\n\r\n"
    with Peer(sending(answer.encode())) as peer:
        monkeypatch.setattr(inspection, "MANAGEMENT_PORT", peer.port)
        names = [each.name for each in inspection._of_clock(Broker("127.0.0.1", 5672, "", ""))]
    assert names == ["clocks-differ"] * is_found
