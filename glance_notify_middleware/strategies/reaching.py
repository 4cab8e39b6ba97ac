"""The way to a broker below its protocol: its name, its port, its TLS. For the inspections.

The hosts of a list are looked at in parallel, each within a bound, as a host that is dead answers
nothing.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from glance_notify_middleware.config.brokers import (
    AMQP_PORT,
    AMQPS_PORT,
    Broker,
    BrokerSettings,
    PeerSettings,
)
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.strategies import certificate, credentials
from glance_notify_middleware.strategies.certificate import error, warning
from glance_notify_middleware.strategies.credentials import MisconfiguredError
from glance_notify_middleware.strategies.errors import explain

CONNECT_TIMEOUT = 2.5
"""Seconds that the network may take to connect."""
ANSWER_TIMEOUT = 4.0
"""Seconds that a broker may take for an answer. RabbitMQ 3.10 answers a wrong password by AMQP 1.0
after three."""
HOSTS_TIMEOUT = 9.5
"""Seconds that the look at all hosts may take."""

Look = Callable[[Broker], Iterable[Finding]]


def at_each(hosts: Sequence[Broker], look: Look, seconds: float = HOSTS_TIMEOUT) -> list[Finding]:
    """What is found at each host, in the order of the list; each finding once.

    The hosts are looked at in parallel. A host that is not done within `seconds` is a finding too.
    """
    found: list[list[Finding] | None] = [None] * len(hosts)

    def run(number: int, broker: Broker) -> None:
        try:
            found[number] = list(look(broker))
        except Exception as failure:
            found[number] = [_unreachable(broker, failure)]

    threads = [
        threading.Thread(target=run, args=each, daemon=True)  # a look-up of a name has no time-out
        for each in enumerate(hosts)
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    late = [[_timeout(broker, f"is not looked at within {seconds:g} s")] for broker in hosts]
    listed = (each or [] if each is not None else late[n] for n, each in enumerate(found))
    return list(dict.fromkeys(finding for each in listed for finding in each))


def is_blocked(findings: Iterable[Finding]) -> bool:
    """Whether one of the findings keeps a connection from the broker."""
    return any(finding.level is Level.ERROR for finding in findings)


def files(settings: BrokerSettings, *, tls: bool) -> list[Finding]:
    """The files that the options name and that cannot be used: password, authorities, certificate
    and key."""
    checks: list[Callable[[], object]] = [
        lambda: credentials.password(settings.hosts[0], settings),
    ]
    if tls:
        checks.append(lambda: credentials.tls_context(settings))
    return unusable(checks)


def unusable(checks: Iterable[Callable[[], object]]) -> list[Finding]:
    """A finding for each check that raises MisconfiguredError over a file."""
    found = []
    for check in checks:
        try:
            check()
        except MisconfiguredError as wrong:
            option = str(wrong).removeprefix("option ").partition(":")[0]
            mend = f"{option} = PATH (of a file that Glance's user can read)"
            found.append(error("broker-file-unusable", str(wrong), mend))
    return found


@dataclass(frozen=True, slots=True)
class Way:
    """The way to one broker, as the options of a strategy have it."""

    broker: Broker
    settings: PeerSettings
    tls: bool
    """Whether the options say that the broker speaks TLS."""
    with_tls: str
    """The line of the section that says so, for what mends."""
    without_tls: str
    greeting: bytes
    """What a client sends first, without TLS."""

    answers: ClassVar[tuple[bytes, ...]] = (b"AMQP", b"\x01\x00\x00")
    """How an answer to the greeting begins. Of AMQP: its own header, or, of 0-9-1, a frame with a
    method."""
    foreign_name: ClassVar[str] = "broker-no-amqp"
    """The finding that something else answers."""
    usual_ports: ClassVar[tuple[int, int]] = (AMQP_PORT, AMQPS_PORT)
    """Without TLS, and with it."""

    def host_line(self, host: str) -> str:
        """The line of the section that names a host, `host` or `host:port`."""
        return f"{self._prefix}_hosts = {host}"

    def port_line(self, port: int) -> str:
        """The line of the section that names a port."""
        return f"{self._prefix}_port = {port}"

    def other_line(self) -> str:
        """The line of the section that leads to something else than what answers now."""
        return f"{self.port_line(self.usual_ports[0])} (or, with TLS, {self.usual_ports[1]})"

    def findings(self) -> Iterator[Finding]:
        """What keeps a connection from the broker, or soon will. An ERROR keeps it."""
        try:
            self._connected().close()
        except OSError as failure:
            yield self._no_connection(failure)
            return
        if self.tls:
            yield from self._of_tls()

    def speaks_tls(self) -> bool:
        """Whether the port speaks TLS."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        with contextlib.suppress(OSError):
            self._shaken(context).close()
            return True
        return False

    def foreign(self, failure: Exception) -> Finding:
        """The finding where what answers at the port does not speak the strategy's protocol."""
        what, _ = explain(failure)
        if not self.tls and self.speaks_tls():
            return error(
                "broker-speaks-tls",
                f"{self.broker}: the port speaks TLS, and the options say that it does not",
                f"{self.with_tls} (or the port without TLS, usually {self.usual_ports[0]})",
            )
        if isinstance(failure, TimeoutError):
            return _timeout(self.broker, f"the port is open, but sends {what}")
        return error(
            self.foreign_name,
            f"{self.broker}: what answers is no broker of this protocol ({what})",
            self.other_line(),
        )

    def client_refused(self, failure: ssl.SSLError) -> Finding:
        """The finding where the broker refuses the filter in TLS."""
        return error(
            "broker-tls-refused",
            f"{self.broker}: the broker ends TLS ({failure.reason or 'without a reason'})",
            f"{self._prefix}_ssl_cert_file = PATH (of a certificate that the broker trusts; its "
            f"key: {self._prefix}_ssl_key_file)",
        )

    @property
    def _prefix(self) -> str:
        return self.settings.option_prefix

    def _connected(self) -> socket.socket:
        """A socket that waits CONNECT_TIMEOUT for each answer. Raises OSError."""
        address = (self.broker.host, self.broker.port)
        return socket.create_connection(address, CONNECT_TIMEOUT)

    def _no_connection(self, failure: OSError) -> Finding:
        broker = self.broker
        match failure:
            case socket.gaierror():
                return error(
                    "broker-host-unknown",
                    f"{broker}: this host knows no {broker.host} ({failure.strerror})",
                    f"{self.host_line('HOST')} (that DNS has, or give {broker.host} a line in "
                    "/etc/hosts)",
                )
            case ConnectionRefusedError():
                return self._port_closed()
            case TimeoutError():
                return _timeout(broker, f"does not answer within {CONNECT_TIMEOUT:g} s")
        return _unreachable(broker, failure)

    def _port_closed(self) -> Finding:
        what = f"{self.broker}: nothing listens at this port"
        usual = self.usual_ports[self.tls]
        mend = f"{self.port_line(usual)} (or start the broker at {self.broker})"
        if self.broker.port == usual:
            mend = f"start the broker at {self.broker} (or correct its port in the section)"
        return error("broker-port-closed", what, mend)

    # -- TLS ----------------------------------------------------------------------------------

    def _shaken(self, context: ssl.SSLContext) -> ssl.SSLSocket:
        """A socket after the handshake of TLS. Raises OSError."""
        sock = self._connected()
        try:
            return context.wrap_socket(sock, server_hostname=self.broker.host)
        except BaseException:
            sock.close()
            raise

    def _of_tls(self) -> Iterator[Finding]:
        context = credentials.tls_context(self.settings)
        try:
            with self._shaken(context) as sock:
                shown = sock.getpeercert() or {}
        except ssl.SSLCertVerificationError:
            yield from certificate.refused(self.broker, self.settings, self._shaken, self.host_line)
            return
        except OSError as failure:
            yield self._no_tls(failure)
            return
        if not self.settings.ssl_verify:
            yield warning(
                "broker-certificate-unchecked",
                f"{self.broker}: the certificate is not checked: whoever answers gets the password",
                f"{self._prefix}_ssl_verify = true",
            )
        yield from certificate.expires(self.broker, shown)

    def _no_tls(self, failure: OSError) -> Finding:
        if self._speaks_plain():
            return error(
                "broker-speaks-no-tls",
                f"{self.broker}: the port does not speak TLS, and the options say that it does",
                f"{self.port_line(self.usual_ports[1])} (usually that with TLS; or "
                f"{self.without_tls})",
            )
        if isinstance(failure, ssl.SSLError) and "ALERT" in (failure.reason or ""):
            return self.client_refused(failure)
        return self.foreign(failure)

    def _speaks_plain(self) -> bool:
        """Whether the port answers the protocol's greeting without TLS."""
        with contextlib.suppress(OSError), self._connected() as sock:
            sock.sendall(self.greeting)
            return sock.recv(4).startswith(self.answers)
        return False


def _timeout(broker: Broker, what: str) -> Finding:
    return error(
        "broker-timeout",
        f"{broker}: {what}",
        f"nc -vz {broker.host} {broker.port} (until it succeeds: the host, its broker, and the "
        "firewalls between)",
    )


def _unreachable(broker: Broker, failure: Exception) -> Finding:
    what, _ = explain(failure) if isinstance(failure, OSError) else (type(failure).__name__, None)
    return error(
        "broker-unreachable",
        f"{broker}: {what}",
        f"ip route get {broker.host} (until it has a way)",
    )
