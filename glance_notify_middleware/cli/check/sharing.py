"""Sections that share a journal_dir, and have to agree on what is in the journal."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from glance_notify_middleware.cli import mends
from glance_notify_middleware.cli.check.lines import Lines
from glance_notify_middleware.config.finding import Finding, Level
from glance_notify_middleware.delivery import assembly
from glance_notify_middleware.strategies.registry import with_delivery


def findings(sections: Sequence[Lines], path: Path) -> Iterator[Finding]:
    """The sections of a paste file whose options differ from those of an earlier section with the
    same journal_dir."""
    first: dict[Path, Lines] = {}
    for lines in sections:
        if not with_delivery(lines.settings):
            continue
        directory = assembly.directory_of(lines.settings)
        earlier = first.setdefault(directory, lines)
        if earlier is lines:
            continue
        here, there = (
            assembly.agreed(each.settings, with_delivery(each.settings))
            for each in (lines, earlier)
        )
        names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
        if names:
            own = directory.with_name(f"{directory.name}-{lines.section.partition(':')[2]}")
            yield Finding(
                Level.ERROR,
                "sections-disagree",
                f"[{earlier.section}] and [{lines.section}] of {path} have the same journal_dir, "
                f"{directory}, and differ in {', '.join(names)}: Glance does not start",
                mends.line_in(lines.section, path, f"journal_dir = {own}"),
            )
