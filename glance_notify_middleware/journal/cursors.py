"""How far a strategy has come in the journal of each process. Without them all is sent again."""

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checked
from glance_notify_middleware.journal.directory import CURSORS
from glance_notify_middleware.journal.reader import Position

_AT_MOST_EVERY = 0.1  # seconds


class Cursors:
    """The cursors of one strategy, which one leader moves and saves.

    `positions` is by identity of a process: all before it is confirmed or a dead letter. `aside`
    is by priority: the offset in the file of what was set aside.
    """

    def __init__(self, directory: Path, strategy: str) -> None:
        """Read what was saved. Damaged or missing: from the oldest record on. Raises OSError."""
        self._path = directory / CURSORS
        self._strategy = strategy
        self._is_dirty = False
        self._saved_at = 0.0
        saved = _of(checked.load(self._path), strategy)
        self.positions = {
            identity: Position(*place) for identity, place in saved.get("positions", {}).items()
        }
        self.aside: dict[str, int] = dict(saved.get("aside", {}))
        self.saved: Mapping[str, Position] = dict(self.positions)

    def move(self, identity: str, position: Position) -> None:
        """All of that process before `position` has been dealt with."""
        self.positions[identity] = position
        self._is_dirty = True

    def move_aside(self, priority: str, offset: int) -> None:
        """What was set aside is delivered up to `offset`."""
        self.aside[priority] = offset
        self._is_dirty = True

    def forget(self, identity: str) -> None:
        """The process is settled."""
        if self.positions.pop(identity, None) is not None:
            self._is_dirty = True

    def save(self, *, at_once: bool = False) -> bool:
        """Save what has moved, ten times a second at most; returns whether all of it is saved.

        That the disk is full must not keep what would make room: then they are not saved now, and
        after a crash more is sent twice.
        """
        now = time.monotonic()
        if not self._is_dirty or (now - self._saved_at < _AT_MOST_EVERY and not at_once):
            return not self._is_dirty
        places = {
            identity: [place.segment, place.offset, place.number]
            for identity, place in self.positions.items()
        }
        with contextlib.suppress(OSError):
            checked.replace(
                self._path, {self._strategy: {"positions": places, "aside": self.aside}}
            )
            self._is_dirty = False
        self.saved = dict(self.positions)
        self._saved_at = now
        return not self._is_dirty


def _of(content: dict[str, Any] | None, strategy: str) -> dict[str, Any]:
    found = (content or {}).get(strategy, {})
    return found if isinstance(found, dict) else {}
