"""What tests of inspections do: have brokers inspected, and apply the lines that mend."""

import shlex
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from demo.certificates import Certificates, make_certificates
from demo.rabbit import Rabbit as Node
from glance_notify_middleware import config
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.strategies.registry import BUILT_IN
from tests.strategies.bad_peers import Peer

CANARY = "canary-pa55word"


def found(strategy: str, options: Mapping[str, str]) -> dict[str, Finding]:
    """The findings of an inspection by their names. No two have the same name, and none has the
    canary."""
    inspect = BUILT_IN[strategy].load_inspection()
    findings = list(inspect(config.read({"notifier_strategy": strategy, **options}, "this-host")))
    by_name = {finding.name: finding for finding in findings}
    assert len(by_name) == len(findings), findings
    for finding in findings:
        assert CANARY not in repr(finding)
        assert "\n" not in finding.what + finding.mend
        assert finding.mend
    return by_name


def the_one(strategy: str, options: Mapping[str, str]) -> Finding:
    """The only finding."""
    (finding,) = found(strategy, options).values()
    return finding


def apply(node: Node, mend: str) -> None:
    """Run the commands of rabbitmqctl in a line that mends, as an operator's shell does."""
    for line in mend[mend.index("rabbitmqctl") :].partition(" (")[0].split(" && "):
        program, *words = shlex.split(line)
        assert program == "rabbitmqctl"
        node.ctl(*words)


@contextmanager
def consumers(node: Node, vhost: str, *queues: str) -> Iterator[None]:
    """A reader of each of these queues."""
    connection = node.connected(vhost)
    connection.connect()
    try:
        channel = connection.channel()
        for queue in queues:
            channel.basic_consume(queue, callback=lambda message: None)
        yield
    finally:
        connection.collect()  # a test may have deleted the virtual host


def tls_peer(
    folder: Path,
    behave: Callable[[ssl.SSLSocket], None],
    server_days: float = 90,
    *,
    asks_for_certificate: bool = False,
) -> tuple[Peer, Certificates]:
    """A peer that speaks TLS with a new certificate, and the files of its authority."""
    files = make_certificates(folder, server_days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files.server, files.server_key)
    if asks_for_certificate:
        context.load_verify_locations(files.ca)
        context.verify_mode = ssl.CERT_REQUIRED

    def shake_hands(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as tls:
            behave(tls)

    return Peer(shake_hands), files
