"""Compares what a command printed with the page that shows it."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_VARIES = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*", "TIME"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "ID"),
    (r"(?<![\w.])[0-9a-f]{16}\b", "ID"),  # not in a number such as 1.796048107001917e+09
    (r"(?<![\w/])(/[\w.+-]+)+", "PATH"),
    (r"\b\d+(\.\d+){3}(:\d+)?", "HOST"),
    (r"\b\d+(\.\d+)? ([KMGT]i)?B\b", "SIZE"),
    (r"\b\d+[dhms]( \d+[hms])?(?=[ :;,]|$)", "AGE"),
    (r"\b\d+(\.\d+)?(e\+\d+)?", "N"),
    (r"-{2,}", "--"),
    (r"[ \t]+", " "),
)


def assert_documented(page: str, command_line: str, output: str) -> None:
    """Find the block of docs/`page` that begins with `$ command_line`, and compare its output.

    What varies from run to run counts as the same: times, ids, paths, hosts, sizes and numbers, and
    the widths of columns.
    """
    blocks = re.findall(
        r"^```console\n\$ (.*)\n((?:.*\n)*?)```$", (DOCS / page).read_text(), re.MULTILINE
    )
    shown = [block for line, block in blocks if normalised(line) == normalised(command_line)]
    assert shown, f"{page} does not show {command_line}"
    wanted = normalised(output)
    assert wanted in map(normalised, shown), f"{page} shows other than:\n{output}"


def normalised(text: str) -> str:
    """The text with words in the place of what varies."""
    for pattern, word in _VARIES:
        text = re.sub(pattern, word, text, flags=re.MULTILINE)
    return "\n".join(line.rstrip() for line in text.strip().splitlines())
