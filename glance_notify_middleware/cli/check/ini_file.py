"""A paste file as PasteDeploy's parser reads it, with the numbers of its lines.

What that parser refuses is a finding here, and the rest of the file is read all the same.
PasteDeploy 3.1 reads by Python's ConfigParser with its defaults (`NicerConfigParser`), and keeps
the case of names.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.cli import mends
from glance_notify_middleware.config.finding import Finding, Level

DEFAULT = "DEFAULT"

_HEADER = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"(.*?)\s*[=:]\s*(.*)")
_COMMENT = ("#", ";")
_PERCENT = re.compile(r"%(?:(%)|\(([^()]+)\)s|)")
_DEPTH = 10  # ConfigParser's own bound


class PercentError(Exception):
    """A value has a % that means nothing."""


@dataclass(slots=True)
class Line:
    """A line `name = text`, with the indented lines below it."""

    section: str
    name: str
    parts: list[str]
    number: int
    """Of its first line in the file, from 1 on."""
    last: int

    @property
    def text(self) -> str:
        """The value as it is written."""
        return "\n".join(self.parts).rstrip()


@dataclass(slots=True)
class Section:
    """A section: the number of its header, and its lines by name."""

    name: str
    number: int
    lines: dict[str, Line] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The text of a line; empty where it is missing."""
        line = self.lines.get(name)
        return line.text if line else ""


class IniFile:
    """A paste file. `broken` is what the parser refuses."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.sections: dict[str, Section] = {}
        self.broken: list[Finding] = []
        self._parse(text.splitlines())

    def section(self, name: str) -> Section:
        """The section of a name; one without lines where it is missing."""
        return self.sections.get(name) or Section(name, 0)

    def defaults(self) -> dict[str, str]:
        """What PasteDeploy takes for the names of [DEFAULT]."""
        own = {name: line.text for name, line in self.section(DEFAULT).lines.items()}
        return {"here": str(self.path.parent), "__file__": str(self.path), **own}

    def value(self, line: Line) -> str:
        """The value of a line, with what its `%(name)s` stand for. Raises PercentError."""
        return self._interpolated(line.text, self.section(line.section), _DEPTH)

    def _interpolated(self, text: str, section: Section, depth: int) -> str:
        def replacement(match: re.Match[str]) -> str:
            if match[1]:
                return "%"
            name = match[2] or ""
            known = {**self.defaults(), **{each: section.text(each) for each in section.lines}}
            if name not in known or not depth:
                raise PercentError
            return self._interpolated(known[name], section, depth - 1)

        return _PERCENT.sub(replacement, text)

    def percent_signs(self, section: str) -> Iterator[Finding]:
        """The lines of a section with a % that means nothing."""
        for line in self.section(section).lines.values():
            try:
                self.value(line)
            except PercentError:
                yield Finding(
                    Level.ERROR,
                    "percent-sign",
                    f"line {line.number} of {self.path} has a % that means nothing, so that "
                    "Glance does not start; expected %% for each %",
                    mends.edit(self.path, f"{line.number},{line.last}{{s/%%/%/g;s/%/%%/g}}"),
                )

    # -- as ConfigParser reads --------------------------------------------------------------

    def _parse(self, lines: list[str]) -> None:
        section: Section | None = None
        line: Line | None = None
        indentation = 0
        for number, written in enumerate(lines, 1):
            text = written.strip()
            if text.startswith(_COMMENT):
                continue
            if not text:
                if line:
                    line.parts.append("")
                continue
            indented = len(written) - len(written.lstrip())
            if line and indented > indentation:
                line.parts.append(text)
                line.last = number
                continue
            indentation, line = indented, None
            if header := _HEADER.match(text):
                section = self._begin(header[1], number)
            elif section is None:
                self._refuse(number, "stands in front of the first [section]", "paste-line-broken")
            else:
                line = self._add(section, text, number)

    def _begin(self, name: str, number: int) -> Section:
        if name in self.sections and name != DEFAULT:
            what = f"begins [{name}] again, after line {self.sections[name].number}"
            mend = mends.edit(self.path, f"{number}s/.*/[unused-{number}]/")
            self._refuse(number, f"{what}; a section stands once", "paste-section-repeated", mend)
        return self.sections.setdefault(name, Section(name, number))

    def _add(self, section: Section, text: str, number: int) -> Line | None:
        match = _OPTION.fullmatch(text)
        if not match or not match[1]:
            what = "is none; expected [section], or option = value"
            self._refuse(number, what, "paste-line-broken")
            return None
        line = Line(section.name, match[1], [match[2]], number, number)
        if before := section.lines.get(line.name):
            what = f"says again what line {before.number} says; expected each option once"
            self._refuse(number, what, "paste-line-repeated")
        else:
            section.lines[line.name] = line
        return line

    def _refuse(self, number: int, what: str, name: str, mend: str = "") -> None:
        """No word of the line is shown: it can be a password."""
        where = f"line {number} of {self.path}"
        mend = mend or mends.comment_out(self.path, number, number)
        what = f"{where} {what}; Glance does not start"
        self.broken.append(Finding(Level.ERROR, name, what, mend))
