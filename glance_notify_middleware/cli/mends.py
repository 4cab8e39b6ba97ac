"""The lines that mend a finding: a line of a file, or a command of a shell.

Both forms can be applied by a program. A line of a file is `in [section] of file: name = value`: it
takes the place of all lines of that name in the section, which is added where it is missing. Words
in brackets behind either form are for people.
"""

import shlex
from pathlib import Path


def line_in(section: str, path: Path, line: str) -> str:
    """The line that a section of a file needs."""
    return f"in [{section}] of {path}: {line}"


def comment_out(path: Path, first: int, last: int) -> str:
    """The command that makes comments of these lines of a file."""
    return edit(path, f"{_lines(first, last)}s/^/#/")


def dedent(path: Path, first: int, last: int) -> str:
    """The command that removes the indentation of these lines of a file."""
    return edit(path, f"{_lines(first, last)}s/^[[:space:]]*//")


def edit(path: Path, script: str) -> str:
    """The command that edits a file by a script of sed(1)."""
    return f"sed -i {shlex.quote(script)} {shlex.quote(str(path))}"


def move(path: Path, first: int, last: int, behind: int) -> str:
    """The command that moves lines of a file behind another line of it."""
    lines, name = _lines(first, last), shlex.quote(str(path))
    return f"sed -n '{lines}p' {name} | sed -i -e '{behind}r /dev/stdin' -e '{lines}d' {name}"


def _lines(first: int, last: int) -> str:
    return str(first) if first == last else f"{first},{last}"
