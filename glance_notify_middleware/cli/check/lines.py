"""The lines of the filter's section: each that is wrong, and the settings of the others."""

import difflib
import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from glance_notify_middleware import config
from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.check.ini_file import (
    DEFAULT,
    IniFile,
    Line,
    PercentError,
    Section,
)
from glance_notify_middleware.cli.check.option_lines import (
    closest,
    idle_targets,
    is_known,
    option_of,
    targets,
)
from glance_notify_middleware.config import OptionError, Settings
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.config.kinds import BOOLEAN, BOOLEAN_OR_EMPTY, Kind
from glance_notify_middleware.config.option import Option, value_of
from glance_notify_middleware.config.tables import BY_NAME, HISTORIC, NEEDED
from glance_notify_middleware.config.target_lines import is_of_one_of, is_of_target

_OF_PASTE = (
    "paste.filter_factory",
    "paste.filter_app_factory",
    "use",
    "filter-with",
    "require",
    "next",
)
_OF_THIS_PACKAGE = re.compile(r"glance_notify_middleware\b")
_FACTORIES = (
    "glance_notify_middleware:filter_factory",
    "glance_notify_middleware.factory:filter_factory",
)
_COMMENT = re.compile(r"\s+[#;]")
_NO_STRATEGY = ("noop",)
_TO_FILL_IN = "https://HOST/PATH"
"""What stands for an option that a strategy needs: each of them is a URL."""
_SWITCHES = (BOOLEAN, BOOLEAN_OR_EMPTY)


@dataclass(frozen=True, slots=True)
class Lines:
    """What a section comes to: `settings` without the lines that are wrong."""

    section: str
    settings: Settings
    findings: tuple[Finding, ...]
    wrong: frozenset[str]
    """The names of options with a wrong line: of these the settings have the defaults."""
    given: Mapping[str, bool]
    """The names of options with a line that is right, and whether the line has a value."""


def read(file: IniFile, section: str) -> Lines:
    """Read the section of that name."""
    return _Reading(file, file.section(section)).result()


class _Reading:
    def __init__(self, file: IniFile, section: Section) -> None:
        self._file = file
        self._section = section
        self._found: list[Finding] = []
        self._lines: dict[str, Line] = {}  # of options, by name
        self._own: dict[str, str] = {}  # option -> value
        self._wrong: set[str] = set()

    def result(self) -> Lines:
        self._found += self._file.percent_signs(self._section.name)
        self._refuse_factory()
        self._collect(self._section)
        self._find_swallowed()
        self._refuse_unknown()
        self._refuse_values()
        settings = self._agreed()
        for name in settings.historic:
            what = f"option {name} has no meaning any more"
            self._find(Level.WARNING, "option-without-meaning", what, self._commented(name))
        if settings.notifier_strategy == _NO_STRATEGY and "notifier_strategy" not in self._wrong:
            what = "notifier_strategy is noop: the filter takes itself out, and nothing is reported"
            mend = self._line(
                f"notifier_strategy = {', '.join(idle_targets(self._own)) or 'logging'}"
            )
            self._find(Level.WARNING, "strategy-noop", what, mend)
        return Lines(
            self._section.name,
            settings,
            tuple(self._found),
            frozenset(self._wrong),
            {name: bool(text.strip()) for name, text in self._own.items()},
        )

    def _refuse_factory(self) -> None:
        """A factory that names this package, and that the package does not have."""
        line = self._section.lines.get("paste.filter_factory")
        if line and _OF_THIS_PACKAGE.match(line.text) and line.text not in _FACTORIES:
            what = f"line {line.number} of {self._file.path}: this package has no such factory"
            mend = self._line(f"paste.filter_factory = {_FACTORIES[0]}")
            self._find(
                Level.ERROR, "factory-unknown", f"{what}, so that Glance does not start", mend
            )

    # -- as PasteDeploy gives lines to the filter (3.1.0, `ConfigLoader.get_context`) ---------

    def _collect(self, section: Section, depth: int = 10) -> None:
        """Take the lines of a section, and before them those of the one that its `use` names."""
        base = self._file.section(f"filter:{section.text('use')}")
        if base.lines and depth:
            self._collect(base, depth - 1)
        defaults = self._file.defaults()
        for name, line in section.lines.items():
            if name.startswith("get "):
                self._get(name[4:].strip(), line, defaults)
            elif name not in defaults and name not in _OF_PASTE and not name.startswith("set "):
                self._lines[name] = line
                try:
                    self._own[name] = self._file.value(line)
                except PercentError:  # found already
                    self._wrong.add(name)

    def _get(self, name: str, line: Line, defaults: dict[str, str]) -> None:
        source = line.text.strip()
        own = self._section.lines.get(f"set {source}")
        value = own.text if own else defaults.get(source)
        if value is not None:
            self._lines[name], self._own[name] = line, value

    def _find_swallowed(self) -> None:
        """Lines that PasteDeploy keeps from the filter."""
        defaults, own = self._file.section(DEFAULT), self._section.lines
        names = targets(self._own) or ()
        hidden = (
            line.removeprefix("set ")
            for line in (*own, *defaults.lines)
            if is_of_one_of(names, line.removeprefix("set "))
        )
        for name in (*BY_NAME, *dict.fromkeys(hidden)):
            if name in self._own:
                continue
            if line := own.get(f"set {name}"):
                where = f"behind the word `set` in line {line.number}"
                number = f"{line.number}s/^\\([[:space:]]*\\)set[[:space:]]*/\\1/"
                self._find_hidden(name, where, mends.edit(self._file.path, number))
            elif line := defaults.lines.get(name):
                self._find_hidden(name, f"in [{DEFAULT}], line {line.number}", self._moved(line))

    def _find_hidden(self, name: str, where: str, mend: str) -> None:
        self._wrong.add(name)
        what = f"option {name} stands {where} of {self._file.path}: PasteDeploy keeps it from the"
        self._find(Level.ERROR, "line-swallowed", f"{what} filter, and Glance does not start", mend)

    def _moved(self, line: Line) -> str:
        """Move the line to the filter's section, or, where that has the line too, remove it."""
        if line.name in self._section.lines:
            return mends.comment_out(self._file.path, line.number, line.last)
        return mends.move(self._file.path, line.number, line.last, self._section.number)

    # -- as the filter reads them ----------------------------------------------------------

    def _refuse_unknown(self) -> None:
        for name in [each for each in self._own if not is_known(each, self._own)]:
            line = self._lines[name]
            close = difflib.get_close_matches(name, BY_NAME, n=1)
            if is_of_target(name):
                close = [each for each in [closest(name, self._own)] if each]
            del self._own[name]
            where = f"line {line.number} of {self._file.path}"
            if close and line.section == self._section.name:
                what = f"{where}: option {name} is not known; did you mean {close[0]}?"
                script = f"{line.number}s/{re.escape(name)}/{close[0]}/"
                mend = mends.edit(self._file.path, script)
            else:  # its name is not shown: it can be a part of a password
                what = f"{where} is no option of the filter"
                mend = mends.comment_out(self._file.path, line.number, line.last)
            self._find(Level.ERROR, "option-unknown", f"{what} (Glance does not start)", mend)

    def _refuse_values(self) -> None:
        found = {name: option_of(name, self._own) for name in self._own}
        for name, option in found.items():
            if option is None:
                continue
            line = self._lines[name]
            try:
                value_of(option, self._own)
            except OptionError as error:
                self._wrong.add(name)
                text = self._own.pop(name)
                if line.last > line.number:
                    mend = mends.dedent(self._file.path, line.number + 1, line.last)
                    self._find(Level.ERROR, "line-indented", str(error), mend)
                else:
                    mend = self._suggested(option, text)
                    self._find(Level.ERROR, "value-wrong", str(error), mend)

    def _suggested(self, option: Option, text: str) -> str:
        """The line with a value that is right; a comment where none is known."""
        value = "" if option.secret else _close_value(option, text)
        return self._line(f"{option.name} = {value}") if value else self._commented(option.name)

    def _agreed(self) -> Settings:
        """The settings, when each contradiction is mended. One that follows from the mend of
        another is not found."""
        own = {
            name: text
            for name, text in self._own.items()
            if text.strip() or name in HISTORIC or is_of_target(name)
        }
        if "notifier_strategy" in self._wrong:
            own = {name: text for name, text in own.items() if not is_of_target(name)}
        gone = set(self._wrong)  # options whose lines are left out
        while True:
            try:
                return config.read(own, socket.gethostname())
            except OptionError as error:
                # A query of the URL can stand for a line.
                given = [name for name in error.options if name in own] or [_url(error, own)]
                second = error.options[-1]
                option = BY_NAME[second.rpartition(".")[2]]
                kind = option.kind
                if option.name in NEEDED.values() and second not in own:
                    own[second] = _TO_FILL_IN
                    mend = self._line(f"{second} = {_TO_FILL_IN}")
                elif kind in _SWITCHES and second not in {*given, *gone}:
                    own[second] = "false" if _may_be_false(kind, own) else "true"
                    mend = self._line(f"{second} = {own[second]}")
                else:
                    del own[given[-1]]
                    mend = self._commented(given[-1])
                if not gone & set(error.options):
                    self._find(Level.ERROR, "options-contradict", str(error), mend)
                gone |= {name for name in given[-1:] if name not in own}
                self._wrong.update(error.options)

    # -- what mends ------------------------------------------------------------------------

    def _find(self, level: Level, name: str, what: str, mend: str) -> None:
        self._found.append(Finding(level, name, what, mend))

    def _line(self, line: str) -> str:
        return mends.line_in(self._section.name, self._file.path, line)

    def _commented(self, name: str) -> str:
        line = self._lines[name]
        return mends.comment_out(self._file.path, line.number, line.last)


def _url(error: OptionError, own: Mapping[str, str]) -> str:
    """The line with the URL of whose queries the error is."""
    target = next((name.partition(".")[0] for name in error.options if is_of_target(name)), "")
    line = f"{target}.transport_url"
    return line if line in own else "transport_url"


def _may_be_false(kind: Kind, own: Mapping[str, str]) -> bool:
    """Whether an option that another one needs to be set may be false: as rabbit_durable_queues is
    where oslo.messaging has its defaults, and the queues are no quorum queues."""
    is_quorum = any(
        name.rpartition(".")[2] == "rabbit_queue_type" and text == "quorum"
        for name, text in own.items()
    )
    return kind is BOOLEAN_OR_EMPTY and not is_quorum


def _close_value(option: Option, text: str) -> str:
    """The value that is probably meant, as a paste file has it: the one before a comment, a word
    that is nearly the same, or the default."""
    before = _COMMENT.split(text, maxsplit=1)[0]
    if before != text and _is_right(option, before):
        return before.replace("%", "%%")
    words: list[str] = re.findall(r"[A-Za-z_.-]+", option.kind.expected)
    right = [word for word in words if _is_right(option, word)]
    return (difflib.get_close_matches(text.lower(), right, n=1) or [option.default])[0]


def _is_right(option: Option, text: str) -> bool:
    try:
        option.kind.convert(text)
    except ValueError:
        return False
    return True
