"""Places in the journals of processes, and how far a journal is known to be delivered."""

import contextlib
from pathlib import Path
from typing import Any, NamedTuple

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import CURSORS


class Position(NamedTuple):
    """A place in the journal of one process: all before it is done.

    `segment` is the number of a segment, `offset` a number of bytes in it. `number` is that of the
    next notification; None where it is not known.
    """

    segment: int
    offset: int
    number: int | None


def delivered_positions(directory: Path) -> dict[str, Position]:
    """How far each journal is delivered to all strategies, by identity, as it was last saved.

    A journal is left out while a strategy has not begun it. The result is empty where cursors.json
    is missing or cannot be read.
    """
    content: dict[str, Any] | None = None
    with contextlib.suppress(OSError):
        content = checksummed.load(directory / CURSORS)
    by_strategy = [section.get("positions", {}) for section in (content or {}).values()]
    if not by_strategy:
        return {}
    return {
        identity: min(
            (Position(*positions[identity]) for positions in by_strategy),
            key=lambda position: (position.segment, position.offset),
        )
        for identity in set(by_strategy[0]).intersection(*by_strategy[1:])
    }
