"""What `check` finds at a receiver of webhooks, and that it posts nothing there."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.ports import free_port
from glance_notify_middleware.strategies import reaching
from tests.strategies.bad_peers import Peer, closing
from tests.strategies.https_peer import HttpsPeer
from tests.strategies.inspecting import CANARY, found, the_one
from tests.strategies.test_webhook_peer import Proxy


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "CONNECT_TIMEOUT", 2.0)
    monkeypatch.setattr(reaching, "ANSWER_TIMEOUT", 2.0)


def test_receiver_that_is_right_has_no_finding_and_gets_no_request(tmp_path: Path) -> None:
    with HttpsPeer(tmp_path) as peer:
        assert found("webhook", peer.options()) == {}
        assert peer.accepted
        assert not peer.requests


def test_url_is_shown_as_host_and_port_alone(tmp_path: Path) -> None:
    port = free_port()
    url = f"https://{CANARY}:{CANARY}@127.0.0.1:{port}/{CANARY}"
    finding = the_one("webhook", {"webhook_url": url})
    assert finding.name == "broker-port-closed"
    assert finding.mend.startswith("webhook_url = https://127.0.0.1:443/PATH (or start the broker")


def test_unknown_host_is_found() -> None:
    finding = the_one("webhook", {"webhook_url": f"https://no-such-host.invalid/{CANARY}"})
    assert finding.name == "broker-host-unknown"
    assert finding.mend.startswith("webhook_url = https://HOST/PATH (")


def test_peer_that_ends_the_handshake_is_no_receiver(tmp_path: Path) -> None:
    with Peer(closing) as peer:
        finding = the_one("webhook", {"webhook_url": f"https://127.0.0.1:{peer.port}/"})
    assert finding.name == "broker-no-https"
    assert finding.mend.startswith("webhook_url = URL (")


def test_receiver_that_wants_a_certificate_after_the_handshake_is_found(tmp_path: Path) -> None:
    with HttpsPeer(tmp_path, asks_for_certificate=True) as peer:
        own = {
            "webhook_ssl_cert_file": str(peer.files.client),
            "webhook_ssl_key_file": str(peer.files.client_key),
        }
        assert found("webhook", peer.options(**own)) == {}
        finding = the_one("webhook", peer.options())
    assert finding.name == "broker-tls-refused"
    assert "webhook_ssl_cert_file = PATH" in finding.mend


def test_file_that_cannot_be_used_is_found_beside_what_else_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_text(CANARY)
    lines = {
        "webhook_url": f"https://127.0.0.1:{free_port()}/",
        "webhook_secrets_file": str(path),
    }
    findings = found("webhook", lines)
    assert list(findings) == ["broker-file-unusable", "broker-port-closed"]
    assert findings["broker-file-unusable"].mend.startswith("webhook_secrets_file = PATH (")


def test_plain_receiver_on_this_machine_is_reached(tmp_path: Path) -> None:
    with Peer(closing) as peer:
        assert found("webhook", {"webhook_url": f"http://127.0.0.1:{peer.port}/"}) == {}


@contextlib.contextmanager
def proxied(tmp_path: Path, status: str) -> Iterator[dict[str, str]]:
    with HttpsPeer(tmp_path) as peer, Proxy(status) as proxy:
        url = f"http://u:{CANARY}@127.0.0.1:{proxy.port}"
        yield peer.options(webhook_proxy=url)


def test_receiver_is_reached_through_the_proxy(tmp_path: Path) -> None:
    with proxied(tmp_path, "") as lines:
        assert found("webhook", lines) == {}


@pytest.mark.parametrize("status", ["407 Who", "nonsense"])
def test_proxy_that_does_not_lead_there_is_found(tmp_path: Path, status: str) -> None:
    with proxied(tmp_path, status) as lines:
        finding = the_one("webhook", lines)
    assert finding.name == "proxy-unusable"
    assert "the proxy http://127.0.0.1:" in finding.what
    assert finding.mend.startswith("webhook_proxy = URL")
