"""Paste files for commands that ask a broker: with TLS, other users, other targets."""

from collections.abc import Mapping
from pathlib import Path

from demo.rabbit import Rabbit

CANARY = "c4nary-pa55word"
"""Stands in passwords, and must never be printed."""


def paste_file(folder: Path, options: Mapping[str, str]) -> Path:
    """A paste file with the filter alone."""
    path = folder / "glance-api-paste.ini"
    factory = {"paste.filter_factory": "glance_notify_middleware:filter_factory"}
    lines = [f"{name} = {value}" for name, value in (factory | dict(options)).items()]
    path.write_text("\n".join(["[filter:notify]", *lines, ""]))
    return path


def at(rabbit: Rabbit, vhost: str, **more: str) -> dict[str, str]:
    """The options of the target rabbit, as guest."""
    return {
        "notifier_strategy": "rabbit",
        "rabbit_hosts": f"127.0.0.1:{rabbit.port}",
        "rabbit_virtual_host": vhost,
    } | more


AUTO = {"create_queues": "auto", "rabbit_durable_queues": "true"}

WRONG: Mapping[str, Mapping[str, str]] = {
    "password": {"rabbit_password": CANARY},
    "URL": {"transport_url": f"rabbit://guest:{CANARY}@127.0.0.1:{{port}}/{{vhost}}"},
    "dead host": {"rabbit_hosts": "127.0.0.1:1", "rabbit_password": CANARY},
    "unknown host": {"rabbit_hosts": "no-such-host.invalid", "rabbit_password": CANARY},
    "TLS": {"rabbit_use_ssl": "true", "rabbit_password": CANARY},
    "certificate": {
        "rabbit_use_ssl": "true",
        "rabbit_hosts": "127.0.0.1:{tls_port}",
        "rabbit_password": CANARY,
    },
    "virtual host": {"rabbit_virtual_host": "none", "rabbit_userid": CANARY[::-1]},
    "line": {"rabbit_port": f"x{CANARY}@y"},
}
"""What is wrong -> lines that are."""


def wrong(what: str, rabbit: Rabbit, vhost: str) -> dict[str, str]:
    """The options of a target whose connection fails, with the canary in them."""
    own = {
        name: value.format(port=rabbit.port, tls_port=rabbit.tls_port, vhost=vhost)
        for name, value in WRONG[what].items()
    }
    right = at(rabbit, vhost)
    if "transport_url" in own or "rabbit_port" in own:
        right = {"notifier_strategy": "rabbit"}
    return right | own
