"""The mending line of what is found at a target, by the lines that the section has."""

from pathlib import Path

import pytest

from glance_notify_middleware import config
from glance_notify_middleware.cli.target_mends import placed
from glance_notify_middleware.config.finding import Finding, Level

Lines = dict[str, str]

IN_SECTION = "in [filter:notify] of /paste.ini: "
URL = "rabbit://u:p@a:1/v"


def mended(lines: Lines, mend: str, what: str = "a:1: wrong") -> Finding:
    """A finding at the first target of a section with these lines."""
    settings = config.read(lines, "this-host")
    target = next(iter(settings.targets.values()))
    given = {name: bool(text) for name, text in lines.items()}
    finding = Finding(Level.ERROR, "wrong", what, mend)
    return placed(finding, "filter:notify", Path("/paste.ini"), target, given)


def named(strategy: str = "rabbit", **own: str) -> Lines:
    lines = {f"billing.{option}": text for option, text in own.items()}
    return {"notifier_strategy": "billing", "billing.strategy": strategy, **lines}


@pytest.mark.parametrize(
    ("lines", "mend", "line"),
    [
        # Nothing says where the broker is, but the port.
        (named(rabbit_port="1") | {"rabbit_host": "a"}, "port = 2", "billing.rabbit_port = 2"),
        (named() | {"rabbit_port": "1", "rabbit_host": "a"}, "port = 2", "billing.rabbit_port = 2"),
        # Lists, of the target or for all.
        (named(rabbit_hosts="b,a:1"), "port = 2", "billing.rabbit_hosts = b:5672, a:2"),
        (named(rabbit_hosts="a:1"), "hosts = c", "billing.rabbit_hosts = c:1"),
        (named(rabbit_hosts="a:1"), "hosts = c:3", "billing.rabbit_hosts = c:3"),
        (named() | {"rabbit_hosts": "b,a:1"}, "port = 2", "billing.rabbit_hosts = b:5672, a:2"),
        # Single hosts.
        (named(rabbit_host="a", rabbit_port="1"), "hosts = c:3", "billing.rabbit_host = c"),
        (
            named() | {"rabbit_host": "a", "rabbit_port": "1"},
            "hosts = c",
            "billing.rabbit_host = c",
        ),
        (
            named("qpid", qpid_hostname="a", qpid_port="1"),
            "hosts = c",
            "billing.qpid_hostname = c",
        ),
        (named("qpid", qpid_host="a", qpid_port="1"), "hosts = c", "billing.qpid_host = c"),
        # An empty line takes the URL for all away.
        (
            named(transport_url="", rabbit_host="a", rabbit_port="1") | {"transport_url": URL},
            "port = 2",
            "billing.rabbit_port = 2",
        ),
        # Targets without lines of their own.
        ({"notifier_strategy": "rabbit", "rabbit_hosts": "a:1"}, "port = 2", "rabbit_hosts = a:2"),
    ],
)
def test_address_is_mended_in_the_line_that_says_it(lines: Lines, mend: str, line: str) -> None:
    prefix = "qpid" if "qpid" in lines.values() else "rabbit"
    found = mended(lines, f"{prefix}_{mend} (or else)")
    assert found.mend == f"{IN_SECTION}{line} (or else)"
    text = line.partition(" = ")
    config.read(lines | {text[0]: text[2]}, "this-host")


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        (named(transport_url=URL), "billing.transport_url"),
        (named() | {"transport_url": URL}, "transport_url"),
    ],
)
def test_address_in_a_url_is_named_and_the_url_is_not_shown(lines: Lines, line: str) -> None:
    found = mended(lines, "rabbit_port = 2 (or else)")
    assert found.mend == f"in {line}, write a:2 for a:1 (or else)"


def test_address_of_ipv6_has_brackets() -> None:
    found = mended(named(rabbit_hosts="[::1]:1"), "rabbit_port = 2", "[::1]:1: wrong")
    assert found.mend == f"{IN_SECTION}billing.rabbit_hosts = [::1]:2"


def test_finding_has_the_name_of_the_target_and_of_its_lines() -> None:
    lines = named(rabbit_hosts="a:1")
    mend = "rabbitmqctl add_vhost priorities (or correct rabbit_virtual_host, not /rabbit_port)"
    found = mended(lines, mend)
    assert found.what == "billing: a:1: wrong"
    assert found.mend == mend.replace("rabbit_virtual_host", "billing.rabbit_virtual_host")
    found = mended(lines, "rabbit_ssl_verify = true", "option rabbit_ssl_ca_file: /x: is empty")
    assert found.what == "option billing.rabbit_ssl_ca_file: /x: is empty"
    assert found.mend == f"{IN_SECTION}billing.rabbit_ssl_verify = true"


def test_finding_of_a_target_without_lines_of_its_own_is_left() -> None:
    mend = "rabbitmqctl add_vhost v (or correct rabbit_virtual_host)"
    lines = {"notifier_strategy": "rabbit", "rabbit_hosts": "a:1"}
    assert mended(lines, mend) == Finding(Level.ERROR, "wrong", "a:1: wrong", mend)
