"""Parts of the pages below docs/measured/, as Markdown."""

import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib import metadata


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose columns are aligned, so that its source can be read, too."""
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (head, *rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]
    lines.insert(1, ["-" * width for width in widths])
    padded = (
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines
    )
    return "".join(f"| {' | '.join(cells)} |\n" for cells in padded)


def joined(parts: Iterable[str]) -> str:
    """All parts that are not empty, with an empty line between two of them."""
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def written_with(*distributions: str) -> str:
    """The sentence that has the day on which `make long` wrote a page, and the versions.

    `distributions` are the names of the installed packages whose versions are of interest.
    """
    versions = [f"{each} {metadata.version(each)}" for each in distributions]
    versions.append(f"Python {platform.python_version()}")
    versions.append(f"glance_notify_middleware {metadata.version('glance_notify_middleware')}")
    return f"Written on {datetime.now(UTC):%Y-%m-%d} by `make long`: {', '.join(versions)}."
