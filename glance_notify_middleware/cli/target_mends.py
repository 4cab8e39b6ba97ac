"""What was found at a target, with the target's name, and with the lines that it has.

A strategy knows its options alone. A target may have each of them as NAME.option, and says where
its brokers are by one of several options.
"""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path

from glance_notify_middleware.cli.mends import line_in
from glance_notify_middleware.config import Target
from glance_notify_middleware.config.brokers import Broker, PeerSettings
from glance_notify_middleware.config.finding import Finding
from glance_notify_middleware.config.tables import options_of

_LINE = re.compile(r"(?P<option>[a-z_]+) = (?P<value>.*)")
_IN_URL = "in "
"""How a mend begins that changes a part of a URL: the line has a password, and is not shown."""
_URL = "transport_url"
_HOSTS = ("hosts", "hostname", "host")
"""The options for hosts, behind the prefix of a strategy: a list, and single ones."""


def placed(
    finding: Finding, section: str, path: Path, target: Target, given: Mapping[str, bool]
) -> Finding:
    """A finding of a target, whose mending line may be one of the filter's section.

    `given` are the names of the section's lines, and whether each has a value.
    """
    head, bracket, people = finding.mend.partition(" (")
    mend = head
    if found := _LINE.fullmatch(head):
        line = _line(finding, found["option"], found["value"], target, given)
        mend = line if line.startswith(_IN_URL) else line_in(section, path, line)
    what = named(finding.what, target)
    if target.has_own_lines and f"option {target.name}." not in what:
        what = f"{target.name}: {what}"
    return dataclasses.replace(finding, what=what, mend=mend + bracket + as_lines(people, target))


def named(what: str, target: Target) -> str:
    """A text about an option, `option X`, with the line X that the target has."""
    return as_lines(what, target, "option ")


def as_lines(text: str, target: Target, before: str = "") -> str:
    """A text in which each option, behind the text `before`, has the name of the target's line."""
    words = "|".join(option.name for option in options_of(target.strategy))
    option = re.compile(rf"(?<![\w./-]){before}({words})(?![\w/-])")
    return option.sub(lambda found: before + target.option(found[1]), text)


def _line(
    finding: Finding, option: str, value: str, target: Target, given: Mapping[str, bool]
) -> str:
    """The line of the section that sets an option of a target; of an address the line that the
    target has for it."""
    settings: PeerSettings = getattr(target.settings, target.strategy)
    prefix = settings.option_prefix
    is_port, is_host = option == f"{prefix}_port", option == f"{prefix}_hosts"
    brokers = (each for each in settings.hosts if finding.what.startswith(f"{each}: "))
    broker = next(brokers, None)
    if broker is None or not (is_port or is_host):
        return f"{target.option(option)} = {value}"
    host, port = (broker.host, value) if is_port else _parts(value, broker)
    there = str(Broker(host, int(port), "", ""))
    effective = _effective(target, prefix, given)
    if effective.endswith(_URL):
        return f"{_IN_URL}{effective}, write {there} for {broker}"
    if effective == f"{prefix}_hosts":
        listed = ", ".join(there if each == broker else str(each) for each in settings.hosts)
        return f"{target.option(effective)} = {listed}"
    if is_host and effective:
        return f"{target.option(effective)} = {host}"
    return f"{target.option(option)} = {value}"


def _parts(value: str, broker: Broker) -> tuple[str, str]:
    """Host and port of `host` or `host:port`; the port may be that of the broker."""
    host, colon, port = value.rpartition(":")
    return (host, port) if colon else (value, str(broker.port))


def _effective(target: Target, prefix: str, given: Mapping[str, bool]) -> str:
    """The option by which a target is told its hosts; for a URL the whole name of the line, and
    empty where no line tells it."""
    own_url = f"{target.name}.{_URL}"
    url = own_url if own_url in given else _URL
    if prefix == "rabbit" and given.get(url):
        return url
    options = [f"{prefix}_{each}" for each in _HOSTS]
    own = (option for option in options if given.get(f"{target.name}.{option}"))
    shared = (option for option in options if given.get(option))
    return next(own, next(shared, ""))
