"""Looks at the receiver of the webhook strategy, for the command `check`: up to TLS.

Nothing is posted, so whether the receiver takes path, token and signature shows with `send-test`.
"""

import http.client
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from glance_notify_middleware.config import Settings
from glance_notify_middleware.config.brokers import Broker
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.config.http_url import HttpURL
from glance_notify_middleware.config.webhook_options import WebhookSettings
from glance_notify_middleware.strategies import credentials, reaching
from glance_notify_middleware.strategies.certificate import error
from glance_notify_middleware.strategies.errors import explain
from glance_notify_middleware.strategies.reaching import Way
from glance_notify_middleware.strategies.webhook import sender

_REFUSAL_TIMEOUT = 1.0
"""Seconds in which a receiver that wants a certificate says so."""


def inspect(settings: Settings) -> Iterable[Finding]:
    """See `description.Inspect`."""
    webhook, url = settings.webhook, settings.webhook.url
    if url is None:
        return
    with_tls = url.scheme == "https"
    checks: list[Callable[[], object]] = [lambda: sender.read(webhook)]
    if with_tls:
        checks.append(lambda: credentials.tls_context(webhook))
    files = reaching.unusable(checks)
    yield from files
    way = _way(webhook, url, tls=with_tls and not files)
    yield from reaching.at_each(webhook.hosts, lambda _: way.up_to_tls())


def _way(webhook: WebhookSettings, url: HttpURL, *, tls: bool) -> "_ReceiverWay":
    host = str(url).partition("://")[2]
    return _ReceiverWay(
        url.broker,
        webhook,
        tls=tls,
        with_tls=f"webhook_url = https://{host}/PATH",
        without_tls="for a receiver on this machine webhook_url = http://localhost/PATH",
        greeting=f"OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode(),
        scheme=url.scheme,
        proxy=webhook.proxy,
    )


class ProxyError(OSError):
    """The proxy cannot be reached, or does not lead to the receiver."""


@dataclass(frozen=True, slots=True)
class _ReceiverWay(Way):
    """The way to the receiver, through the proxy where there is one."""

    scheme: str
    proxy: HttpURL | None

    answers = (b"HTTP",)
    foreign_name = "broker-no-https"
    usual_ports = (80, 443)

    def up_to_tls(self) -> Iterator[Finding]:
        """All findings of the way. In TLS 1.3 a receiver that wants a certificate of the filter
        says so after the handshake."""
        found = list(self.findings())
        yield from found
        if not self.tls or reaching.is_blocked(found):
            return
        with self._shaken(credentials.tls_context(self.settings)) as sock:
            sock.settimeout(_REFUSAL_TIMEOUT)
            try:
                sock.recv(1)
            except ssl.SSLError as refusal:
                yield self.client_refused(refusal)
            except TimeoutError:
                return

    def host_line(self, host: str) -> str:
        """See Way."""
        return f"webhook_url = {self.scheme}://{host}/PATH"

    def port_line(self, port: int) -> str:
        """See Way."""
        return self.host_line(str(Broker(self.broker.host, port, "", "")))

    def other_line(self) -> str:
        """See Way."""
        return "webhook_url = URL (of a receiver that speaks HTTPS)"

    def _connected(self) -> socket.socket:
        if self.proxy is None:
            return Way._connected(self)
        at = self.proxy.broker
        way = http.client.HTTPConnection(at.host, at.port, timeout=reaching.CONNECT_TIMEOUT)
        login = {"Proxy-Authorization": self.proxy.login} if self.proxy.login else {}
        way.set_tunnel(self.broker.host, self.broker.port, login)
        try:
            way.connect()
        except (OSError, http.client.HTTPException) as failure:
            way.close()
            what = explain(failure)[0] if isinstance(failure, OSError) else "speaks no HTTP"
            raise ProxyError(f"the proxy {self.proxy}: {what}") from failure
        return way.sock

    def _no_connection(self, failure: OSError) -> Finding:
        if isinstance(failure, ProxyError):
            mend = "webhook_proxy = URL (of a proxy that leads there, with its user)"
            return error("proxy-unusable", f"{self.broker}: {failure}", mend)
        return Way._no_connection(self, failure)
