"""Wrong set-ups at brokers: as those of `wrong_setups`, at a real RabbitMQ."""

import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.rabbit import Rabbit
from tests.commands.wrong_setups import CANARY, SetUp

_IN_LINE = re.compile(r"in \S+, write (\S+) for (\S+)")
"""How a part of a URL is mended."""

PRIORITIES = ("info", "warn", "error")


@dataclass
class BrokerSetUp(SetUp):
    """A deployment that sends to a virtual host, as a user with its name."""

    node: Rabbit = field(kw_only=True)
    vhost: str = field(kw_only=True)
    words: dict[str, str] = field(default_factory=dict)
    """A word of a mending line that an operator fills in -> what the operator writes."""

    def lay_out(self) -> None:
        """Make the right set-up: exchange and queues are there, and are read."""
        super().lay_out()
        self.api("PUT", f"users/{self.vhost}", {"password": CANARY, "tags": ""})
        self.permit(".*", ".*", ".*")
        self.api("PUT", f"exchanges/{self.vhost}/glance", {"type": "topic", "durable": True})
        for queue in self.queues:
            self.queue(queue)
        for line in (
            "notifier_strategy = rabbit",
            "rabbit_hosts = 127.0.0.1",
            f"rabbit_port = {self.node.port}",
            f"rabbit_userid = {self.vhost}",
            f"rabbit_virtual_host = {self.vhost}",
        ):
            self.line(line)
        self.words |= {
            before + usual: f"{before}{port}"
            for before in ("", "127.0.0.1:")
            for usual, port in (("5672", self.node.port), ("5671", self.node.tls_port))
        }

    @property
    def queues(self) -> list[str]:
        return [f"notifications.{priority}" for priority in PRIORITIES]

    def api(self, method: str, path: str, json: Any = None) -> None:
        self.node.api(method, path, json)

    def queue(self, name: str, *, durable: bool = True, **arguments: object) -> None:
        properties = {"durable": durable, "arguments": arguments}
        self.api("PUT", f"queues/{self.vhost}/{name}", properties)

    def permit(self, configure: str, write: str, read: str) -> None:
        permissions = {"configure": configure, "write": write, "read": read}
        self.api("PUT", f"permissions/{self.vhost}/{self.vhost}", permissions)

    def over_tls(self, host: str = "127.0.0.1", ca: str = "ca") -> None:
        for name in ("ca", "other_ca"):
            self.copy_certificate(name)
        self.line(f"rabbit_hosts = {host}:{self.node.tls_port}")
        self.line("rabbit_use_ssl = true")
        self.line(f"rabbit_ssl_ca_file = {self.folder / 'etc' / ca}")
        self.words["PATH"] = str(self.folder / "etc" / "ca")

    def copy_certificate(self, name: str) -> None:
        """Copy a certificate of the node to where Glance's user can read it."""
        certificate: Path = getattr(self.node.certificates, name)
        (self.folder / "etc" / name).write_bytes(certificate.read_bytes())

    def apply(self, mend: str) -> None:
        """Apply a mending line, with its words filled in."""
        mend = mend.partition(" (")[0]
        for word, value in self.words.items():
            mend = mend.replace(f" {word}", f" {value}")
        if match := _IN_LINE.fullmatch(mend):
            self.edit(match[2], match[1])
            return
        if not mend.startswith("rabbitmqctl "):
            super().apply(mend)
            return
        for command in mend.split(" && "):
            self.node.ctl(*shlex.split(command)[1:])


@dataclass(frozen=True)
class WrongAtBroker:
    """A row of the table: see wrong_setups.WrongSetUp."""

    what: str
    name: str
    make: Callable[[BrokerSetUp], object]
    also: tuple[str, ...] = ()
    says: str = ""
    """What the finding says; `{port}` is that of the set-up, without TLS."""


def _unknown_host(at: BrokerSetUp) -> None:
    at.line("rabbit_hosts = no-such-host.invalid")
    at.words["HOST"] = "127.0.0.1"


def _closed_port(at: BrokerSetUp) -> None:
    at.line("rabbit_port = 1")


def _tls_port(at: BrokerSetUp) -> None:
    at.line(f"rabbit_port = {at.node.tls_port}")


def _no_tls_port(at: BrokerSetUp) -> None:
    at.over_tls()
    at.line("rabbit_hosts = 127.0.0.1")


def _unchecked(at: BrokerSetUp) -> None:
    at.over_tls()
    at.line("rabbit_ssl_verify = false")


def _password(at: BrokerSetUp) -> None:
    at.api("PUT", f"users/{at.vhost}", {"password": "another", "tags": ""})
    at.words["PASSWORD"] = CANARY


def _no_vhost(at: BrokerSetUp) -> None:
    at.node.delete_vhost(at.vhost)


def _no_entities(at: BrokerSetUp) -> None:
    at.api("DELETE", f"exchanges/{at.vhost}/glance")
    at.api("DELETE", f"queues/{at.vhost}/{at.queues[0]}")


def _fanout(at: BrokerSetUp) -> None:
    at.api("DELETE", f"exchanges/{at.vhost}/glance")
    at.api("PUT", f"exchanges/{at.vhost}/glance", {"type": "fanout", "durable": True})
    at.words["NAME"] = "amq.topic"


def _another_queue(at: BrokerSetUp, *, durable: bool = True, **arguments: object) -> None:
    """The priority info alone, as its queue is not what the options create."""
    at.line("priorities = info")
    at.line("create_queues = auto")
    at.line("rabbit_durable_queues = true")
    at.api("DELETE", f"queues/{at.vhost}/{at.queues[0]}")
    at.queue(at.queues[0], durable=durable, **arguments)


def _quorum_queue(at: BrokerSetUp) -> None:
    arguments: dict[str, Any] = {"x-queue-type": "quorum"}
    _another_queue(at, **arguments)


def _qpid(at: BrokerSetUp) -> None:
    for name in ("rabbit_hosts", "rabbit_port", "rabbit_userid", "rabbit_virtual_host"):
        at.without(name)
    at.without("rabbit_password")
    at.line("notifier_strategy = qpid")
    at.line(f"qpid_hosts = 127.0.0.1:{at.node.port}")
    at.line("qpid_notification_exchange = amq.topic")
    at.line("qpid_username = guest")
    at.line("qpid_password = guest")


def _webhook(at: BrokerSetUp, port: int) -> None:
    """A receiver that speaks TLS is reached, whatever it says above that."""
    at.over_tls()
    for name in ("rabbit_hosts", "rabbit_port", "rabbit_userid", "rabbit_virtual_host"):
        at.without(name)
    for name in ("rabbit_password", "rabbit_use_ssl", "rabbit_ssl_ca_file"):
        at.without(name)
    at.line("notifier_strategy = webhook")
    at.line(f"webhook_url = https://{CANARY}@127.0.0.1:{port}/{CANARY}")
    at.line(f"webhook_ssl_ca_file = {at.folder / 'etc' / 'ca'}")


def _no_receiver(at: BrokerSetUp) -> None:
    _webhook(at, at.node.port)
    at.words["URL"] = f"https://127.0.0.1:{at.node.tls_port}/"


def _no_proxy(at: BrokerSetUp) -> None:
    _webhook(at, at.node.tls_port)
    at.line(f"webhook_proxy = http://u:{CANARY}@127.0.0.1:1")
    at.words["URL"] = ""  # none is needed


AT_BROKERS = (
    WrongAtBroker("a host has no address", "broker-host-unknown", _unknown_host),
    WrongAtBroker("nothing listens at the port", "broker-port-closed", _closed_port),
    WrongAtBroker("the port speaks TLS", "broker-speaks-tls", _tls_port),
    WrongAtBroker("the port speaks no TLS", "broker-speaks-no-tls", _no_tls_port),
    WrongAtBroker(
        "the certificate is of another authority",
        "broker-certificate-untrusted",
        lambda at: at.over_tls(ca="other_ca"),
    ),
    WrongAtBroker(
        "the certificate is for another host",
        "broker-certificate-name",
        lambda at: at.over_tls("127.1"),
    ),
    WrongAtBroker("the certificate is not checked", "broker-certificate-unchecked", _unchecked),
    WrongAtBroker("the password is wrong", "broker-login-refused", _password),
    WrongAtBroker("the virtual host is missing", "broker-vhost-missing", _no_vhost),
    WrongAtBroker(
        "the user may not enter the virtual host",
        "broker-vhost-refused",
        lambda at: at.api("DELETE", f"permissions/{at.vhost}/{at.vhost}"),
    ),
    WrongAtBroker(
        "the user may not write", "broker-permission-missing", lambda at: at.permit("", "", "")
    ),
    WrongAtBroker("the exchange is missing", "exchange-missing", _no_entities, ("queue-missing",)),
    WrongAtBroker(
        "a queue is missing",
        "queue-missing",
        lambda at: at.api("DELETE", f"queues/{at.vhost}/{at.queues[1]}"),
    ),
    WrongAtBroker("the exchange is of another type", "exchange-differs", _fanout),
    WrongAtBroker(
        "a queue is of another type",
        "queue-differs",
        _quorum_queue,
        ("queue-unread",),
    ),
    WrongAtBroker(
        "a queue is not durable",
        "queue-not-durable",
        lambda at: _another_queue(at, durable=False),
        ("queue-unread",),
    ),
    WrongAtBroker(
        "the broker is short of memory",
        "broker-blocked",
        lambda at: at.node.ctl("set_vm_memory_high_watermark", "absolute", "1MB"),
    ),
    WrongAtBroker(
        "qpid_target is a queue of RabbitMQ",
        "target-missing",
        _qpid,
    ),
    WrongAtBroker("no receiver of webhooks answers", "broker-no-https", _no_receiver),
    WrongAtBroker("the proxy is not there", "proxy-unusable", _no_proxy),
)
"""What is read in a row's set-up is read by the test; what a row declares anew is not."""
