"""As `target_setups`, at a real RabbitMQ, whose port with TLS plays a receiver of webhooks, too."""

from tests.commands.broker_setups import BrokerSetUp, WrongAtBroker
from tests.commands.wrong_setups import CANARY


def _at_brokers(at: BrokerSetUp) -> None:
    """Make the targets billing, in the place of rabbit, and siem, a receiver of webhooks.

    A receiver that speaks TLS is reached, whatever it says above that.
    """
    for name in ("ca", "other_ca"):  # where Glance's user can read them
        at.copy_certificate(name)
    at.line("notifier_strategy = billing, siem")
    at.line("billing.strategy = rabbit")
    at.line("siem.strategy = webhook")
    at.line(f"siem.webhook_url = https://{CANARY}@127.0.0.1:{at.node.tls_port}/{CANARY}")
    at.line(f"siem.webhook_ssl_ca_file = {at.folder / 'etc' / 'ca'}")
    at.words |= {
        "HOST": "127.0.0.1",
        "PATH": str(at.folder / "etc" / "ca"),
        "https://127.0.0.1:443/PATH": f"https://127.0.0.1:{at.node.tls_port}/",
    }


def _row(what: str, name: str, *lines: str, says: str) -> WrongAtBroker:
    """A row whose mistake stands in lines of a target; `{folder}`, `{port}` (without TLS) and
    `{vhost}` are those of the set-up."""

    def make(at: BrokerSetUp) -> None:
        _at_brokers(at)
        for line in lines:
            at.line(line.format(folder=at.folder, port=at.node.port, vhost=at.vhost))

    return WrongAtBroker(what, name, make, says=says)


def _password_of_a_target(at: BrokerSetUp) -> None:
    _at_brokers(at)
    at.line("billing.rabbit_password = another")
    at.words["PASSWORD"] = "another"


def _url_of_a_target(at: BrokerSetUp) -> None:
    _at_brokers(at)
    at.line(f"billing.transport_url = rabbit://{at.vhost}:{CANARY}@127.0.0.1:1/{at.vhost}")


TARGETS_AT_BROKERS = (
    _row(
        "the host of a target has no address",
        "broker-host-unknown",
        "billing.rabbit_hosts = no-such-host.invalid",
        says=": billing.rabbit_hosts = HOST",
    ),
    _row(
        "the host of a target has no address, and another host has one",
        "broker-host-unknown",
        "billing.rabbit_hosts = 127.0.0.1, no-such-host.invalid:{port}",
        says=": billing.rabbit_hosts = 127.0.0.1:{port}, HOST:{port}",
    ),
    _row(
        "the single host of a target has no address",
        "broker-host-unknown",
        "billing.rabbit_host = no-such-host.invalid",
        says=": billing.rabbit_host = HOST (",
    ),
    _row(
        "nothing listens at a port of a target's hosts",
        "broker-port-closed",
        "billing.rabbit_hosts = 127.0.0.1:1",
        says=": billing.rabbit_hosts = 127.0.0.1:5672 (",
    ),
    _row(
        "nothing listens at the port of a target",
        "broker-port-closed",
        "billing.rabbit_host = 127.0.0.1",
        "billing.rabbit_port = 1",
        says=": billing.rabbit_port = 5672 (",
    ),
    WrongAtBroker(
        "nothing listens at a port of a target's URL",
        "broker-port-closed",
        _url_of_a_target,
        says="; in billing.transport_url, write 127.0.0.1:5672 for 127.0.0.1:1 (",
    ),
    _row(
        "the virtual host of a target is missing",
        "broker-vhost-missing",
        "billing.rabbit_virtual_host = {vhost}-2",
        says="(or correct billing.rabbit_virtual_host)",
    ),
    WrongAtBroker(
        "the password of a target is wrong",
        "broker-login-refused",
        _password_of_a_target,
        says="billing: 127.0.0.1:",
    ),
    _row(
        "the exchange of a target is missing",
        "exchange-missing",
        "billing.rabbit_notification_exchange = audit",
        says=": billing.create_queues = auto",
    ),
    _row(
        "the certificate of a receiver is of another authority",
        "broker-certificate-untrusted",
        "siem.webhook_ssl_ca_file = {folder}/etc/other_ca",
        says=": siem.webhook_ssl_ca_file = PATH",
    ),
    _row(
        "nothing listens at the URL of a receiver",
        "broker-port-closed",
        "siem.webhook_url = https://127.0.0.1:1/",
        says=": siem.webhook_url = https://127.0.0.1:443/PATH",
    ),
    _row(
        "the certificate of a receiver is not checked",
        "broker-certificate-unchecked",
        "siem.webhook_ssl_verify = false",
        says=": siem.webhook_ssl_verify = true",
    ),
)
"""The set-ups that are wrong at brokers and receivers."""
