"""Places in the journals of processes, and how far all of it is known to be delivered."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import CURSORS


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the journal of one process: all before it has been dealt with.

    `number` is that of the next notification; None where it is not known.
    """

    segment: int
    offset: int
    number: int | None


def delivered_positions(directory: Path) -> dict[str, Position]:
    """How far all strategies have come, by identity, as it was last saved; nothing where no file
    says so that can be read."""
    content: dict[str, Any] | None = None
    with contextlib.suppress(OSError):
        content = checksummed.load(directory / CURSORS)
    found = [section.get("positions", {}) for section in (content or {}).values()]
    if not found:
        return {}
    return {
        identity: min(
            (Position(*each[identity]) for each in found),
            key=lambda place: (place.segment, place.offset),
        )
        for identity in set(found[0]).intersection(*found[1:])
    }
