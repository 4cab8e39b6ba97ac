"""What findings mean for a command: their order, and its exit status."""

from collections.abc import Iterable, Sequence

from glance_notify_middleware.cli.command import ERRORS, RIGHT, WARNINGS
from glance_notify_middleware.config.finding import Finding, Level

NEARLY_FULL = 0.8
"""The part of journal_max_size above which a journal is nearly full."""


def errors_first(found: Iterable[Finding]) -> list[Finding]:
    """The findings, errors first, and else in their order."""
    return sorted(found, key=lambda finding: finding.level is not Level.ERROR)


def has_error(found: Sequence[Finding]) -> bool:
    """Whether one of the findings is an error."""
    return any(finding.level is Level.ERROR for finding in found)


def exit_status(found: Sequence[Finding]) -> int:
    """The exit status that these findings make: RIGHT, WARNINGS or ERRORS."""
    if has_error(found):
        return ERRORS
    return WARNINGS if found else RIGHT
