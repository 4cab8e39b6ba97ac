"""The pages below docs/measured/: how they begin, and their tables."""

import os
import platform
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.targets import Target

MEASURED = Path(__file__).parent.parent / "docs" / "measured"


def written() -> str:
    """The words that have the day of a page, and the machine."""
    return (
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}: "
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.release()}."
    )


def publish(name: str, title: str, *parts: str) -> None:
    """Write the page `docs/measured/<name>.md`. `parts` are paragraphs, headings and tables."""
    text = "\n\n".join(part.strip() for part in (f"# {title}", written(), *parts)) + "\n"
    (MEASURED / f"{name}.md").write_text(text)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def targets(rows: Iterable[Target]) -> str:
    """The table of targets."""
    head = ("target", "measured", "wanted", "met")
    return table(head, [each.row() for each in rows])
