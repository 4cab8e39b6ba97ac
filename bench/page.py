"""The pages below docs/measured/: how they begin, and their tables."""

import os
import platform
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.chart import Bar, Scale, svg
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
    whole = (f"# {title}", written(), *(_wrapped(part.strip()) for part in parts))
    (MEASURED / f"{name}.md").write_text("\n\n".join(whole) + "\n")


def _wrapped(part: str) -> str:
    """A paragraph that is one line, in lines; anything else as it is."""
    is_paragraph = "\n" not in part and part[0] not in "#!|"
    return textwrap.fill(part, 100, break_on_hyphens=False) if is_paragraph else part


def draw(name: str, title: str, bars: Sequence[Bar], scale: Scale) -> str:
    """Write the chart `docs/measured/<name>.svg`; returns the Markdown that shows it on a page."""
    (MEASURED / f"{name}.svg").write_text(svg(title, bars, scale))
    return f"![{title}]({name}.svg)"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def targets(found: Sequence[Target]) -> str:
    """The table of targets, and why some are missed, as far as they say so: each reason once."""
    head = ("target", "measured", "wanted", "met")
    parts = [table(head, [each.row() for each in found])]
    reasons = dict.fromkeys(each.why for each in found if each.why and not each.is_met)
    if reasons:
        parts += ["Why some are missed:", "\n".join(_item(reason) for reason in reasons)]
    return "\n\n".join(parts)


def _item(text: str) -> str:
    """An item of a list, in lines."""
    return textwrap.fill(
        text, 100, initial_indent="* ", subsequent_indent="  ", break_on_hyphens=False
    )
