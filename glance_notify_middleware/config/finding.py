"""What a check has found: what is wrong, and the line that mends it."""

import enum
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How bad a finding is."""

    WARNING = "WARNING"
    """It works, and may not work well, or not for long."""
    ERROR = "ERROR"
    """It does not work, or notifications are lost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a deployment. No text holds a secret."""

    level: Level
    name: str
    """A few words with hyphens, which scripts can rely on: `filter-missing`."""
    what: str
    """What was found, in one line."""
    mend: str
    """What mends it, in one line: a line of a file, or a command."""
