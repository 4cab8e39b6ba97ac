"""glance-notify config: the values that the filter has, and where each comes from."""

import argparse
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from glance_notify_middleware import config
from glance_notify_middleware.cli import paste_file
from glance_notify_middleware.cli.check.ini_file import IniFile
from glance_notify_middleware.cli.command import ERRORS, PROGRAM, Lister, SectionArguments
from glance_notify_middleware.config import OPTIONS, OptionError, target_lines
from glance_notify_middleware.config.http_url import HttpURL
from glance_notify_middleware.config.option import Lines, Option, value_of
from glance_notify_middleware.config.tables import ALTERNATIVES, BY_NAME, HISTORIC
from glance_notify_middleware.config.transport_url import TransportURL
from glance_notify_middleware.events.escaping import escaped_text
from glance_notify_middleware.strategies.loading import installed_options

MASKED = "***"
"""In the place of a secret, and of a text in which one could stand."""

_URL = "transport_url"


class Row(NamedTuple):
    """One option: its value as a text, and where the value comes from."""

    option: str
    value: str
    origin: str


class ConfigValues(SectionArguments, Lister):
    """Show the value of each option, and where it comes from.

    Secrets are masked. Exit status 3: the filter would not load with this section.
    """

    example = "config /etc/glance/glance-api-paste.ini"

    def take_action(self, parsed_args: argparse.Namespace) -> tuple[Sequence[str], list[Row]]:
        """The rows; standard error has why the filter would not load."""
        path = paste_file.find(parsed_args.paste_file, parsed_args.conf)
        shared, own = paste_file.lines_of(path, parsed_args.filter)
        name = paste_file.name_of(path, parsed_args.filter)
        host_name = socket.gethostname()
        try:
            config.read_section(shared, own, host_name)
        except OptionError as error:
            self.note(f"{PROGRAM}: {error}")
            self.status = ERRORS
        lines = _Section(path, name, shared, own, host_name)
        return Row._fields, [*lines.rows(), *lines.rows_without_option()]


class _Section:
    """The lines that PasteDeploy keeps from the filter (`shared`), and gives to it (`own`)."""

    def __init__(self, path: Path, name: str, shared: Lines, own: Lines, host_name: str) -> None:
        self._path = path
        self._shared = shared
        self._own = own
        self._host_name = host_name
        self._numbers = _line_numbers(path, name)
        self._given = {name for name, text in own.items() if text.strip()}
        self._url = _parsed_url(own)
        self._names = _names(own)

    def rows(self) -> Iterator[Row]:
        """A row for each option, in the order of the documents, and for each line of a target."""
        for option in OPTIONS:
            value, origin = self._of(option)
            yield Row(option.name, escaped_text(value), origin)
        for line in filter(target_lines.is_of_target, self._own):
            yield self._of_target(line)

    def rows_without_option(self) -> Iterator[Row]:
        """A row for each line that is no option."""
        for name in self._own:
            if name not in BY_NAME and not target_lines.is_of_target(name):
                why = "has no meaning any more" if name in HISTORIC else "refused: no such option"
                yield Row(escaped_text(name), MASKED, f"{self._line(name)}; {why}")

    def _of(self, option: Option) -> tuple[str, str]:
        name = option.name
        if name in self._shared and name not in self._own:
            return MASKED, "refused: it stands in [DEFAULT], or behind the word set"
        if self._url is not None and name in dict(self._url.lines):
            return dict(self._url.lines)[name], f"{_URL}, {self._line(_URL)}"
        if name in self._given:
            return self._own_value(option), self._line(name)
        instead = next((each for each in _instead_of(name) if each in self._given), None)
        if instead is not None and name != _URL:
            return self._value_instead(name, instead), f"{instead}, {self._line(instead)}"
        if name == "default_publisher_id":
            return self._host_name, "default: the name of the host"
        return _masked(option, option.default), "default"

    def _of_target(self, line: str) -> Row:
        """A line NAME.option. Its value is masked where it is refused or idle, and where it is one
        of an installed strategy that does not declare it."""
        name, _, option = line.partition(".")
        if target_lines.are_idle(self._own, self._names):
            why = "has no meaning with notifier_strategy = noop"
            return Row(escaped_text(line), MASKED, f"{self._line(line)}; {why}")
        try:
            target_lines.check(line, self._own, self._names)
        except OptionError:
            return Row(escaped_text(line), MASKED, f"{self._line(line)}; refused")
        strategy = target_lines.strategy_in(name, self._own)
        its_own = {each.name: each for each in installed_options().get(strategy, ())}
        found = target_lines.declaration(option, strategy) or its_own.get(option)
        value = MASKED if found is None else self._own_value(replace(found, name=line))
        return Row(escaped_text(line), escaped_text(value), self._line(line))

    def _own_value(self, option: Option) -> str:
        """The text of a line of the section; MASKED where it is wrong: anything can stand there."""
        try:
            value = value_of(option, self._own)
        except OptionError:
            return MASKED
        if isinstance(value, TransportURL):
            brokers = ",".join(map(str, value.brokers))
            virtual_host = "" if value.virtual_host == "/" else value.virtual_host
            return f"rabbit://{MASKED}@{brokers}/{virtual_host}"
        if isinstance(value, HttpURL):
            return f"{value}/{MASKED}"
        return _masked(option, " ".join(self._own[option.name].split()))

    def _value_instead(self, name: str, instead: str) -> str:
        """The value of an option whose place another one takes."""
        if instead != _URL or self._url is None:
            return ""
        of_url = {
            "rabbit_hosts": ",".join(map(str, self._url.brokers)),
            "rabbit_userid": MASKED,
            "rabbit_password": MASKED,
            "rabbit_virtual_host": self._url.virtual_host,
        }
        return of_url.get(name, "")

    def _line(self, name: str) -> str:
        number = self._numbers.get(name)
        return f"{self._path}" if number is None else f"{self._path}:{number}"


def _masked(option: Option, text: str) -> str:
    return MASKED if option.secret and text else text


def _instead_of(name: str) -> Iterator[str]:
    """The options that can take the place of the option `name`."""
    for pair in ALTERNATIVES:
        if name in pair:
            yield pair[0] if pair[1] == name else pair[1]


def _names(own: Lines) -> tuple[str, ...]:
    """The words of notifier_strategy; none where it is wrong."""
    try:
        names: tuple[str, ...] = value_of(BY_NAME["notifier_strategy"], own)
    except OptionError:
        return ()
    return names


def _parsed_url(own: Lines) -> TransportURL | None:
    try:
        url: TransportURL | None = value_of(BY_NAME[_URL], own)
    except OptionError:
        return None
    return url


def _line_numbers(path: Path, filter_name: str) -> Mapping[str, int]:
    """The lines of the section [filter:`filter_name`]: name of an option -> number, from 1.

    A line that comes from another file, by `use = config:...`, has none.
    """
    file = IniFile(path, path.read_text(errors="replace"))
    lines = file.section(f"filter:{filter_name}").lines.values()
    return {line.name: line.number for line in lines}
