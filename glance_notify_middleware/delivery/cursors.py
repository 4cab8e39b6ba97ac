"""How far each strategy has come in the journal of each process. Without that all is sent again."""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.layout import CURSORS, listing, segment_path
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.own_log import LOG, log_line

_AT_MOST_EVERY = 0.1  # seconds


class CursorFile:
    """The cursors of all strategies of a directory, in one file, which one leader saves.

    Damaged or missing: every strategy begins with the oldest record. Good, but a strategy is not
    in it: that one begins with what is recorded from now on. `retired` has by name, as they were
    saved, those that are in it and are no strategies any more: it saves them no longer.
    """

    def __init__(self, directory: Path, strategies: Iterable[str]) -> None:
        """Read what was saved. Raises OSError."""
        self._path = directory / CURSORS
        self._saved_at = 0.0
        add_strategies(directory, strategies)
        saved = checksummed.load(self._path)
        if saved is None and is_foreign(self._path):
            told = f"{self._path} is no regular file of user {os.geteuid()}, and counts for nothing"
            log_line(LOG, logging.ERROR, f"{told}: what is in the journal is sent again")
        found = saved or {}
        self._is_dirty = saved is None
        self._sections = {name: Cursors(self, found.get(name)) for name in strategies}
        others = found.keys() - self._sections.keys()
        self.retired = {name: Cursors(self, found[name]) for name in sorted(others)}

    def of(self, strategy: str) -> "Cursors":
        """The cursors of one strategy."""
        return self._sections[strategy]

    def changed(self) -> None:
        """There is something to be saved."""
        self._is_dirty = True

    def save(self, *, at_once: bool = False, durable: bool = False) -> bool:
        """Save what has moved, ten times a second at most; returns whether all of it is saved, and
        with `durable` whether it is there also after a power cut, which else sends more twice.

        That the disk is full must not keep what would make room: then they are not saved now, and
        after a crash more is sent twice.
        """
        now = time.monotonic()
        if not self._is_dirty or (now - self._saved_at < _AT_MOST_EVERY and not at_once):
            return not self._is_dirty
        content = {name: cursors.content() for name, cursors in self._sections.items()}
        with contextlib.suppress(OSError):
            checksummed.replace(self._path, content, durable=durable)
            self._is_dirty = False
        for cursors in self._sections.values():
            cursors.saved = dict(cursors.positions)
        self._saved_at = now
        return not self._is_dirty


class Cursors:
    """The cursors of one strategy, which the leader moves.

    `positions` is by identity of a process: all before it is confirmed or a dead letter. `aside`
    is by priority: the offset in the file of what was set aside. `saved` are the positions that
    the file has.
    """

    def __init__(self, file: CursorFile, found: object) -> None:
        """`found` is what stands for it in the file; damaged: from the oldest record on."""
        self._file = file
        saved: dict[str, Any] = found if isinstance(found, dict) else {}
        self.positions = {
            identity: Position(*place) for identity, place in saved.get("positions", {}).items()
        }
        self.aside: dict[str, int] = dict(saved.get("aside", {}))
        self.saved: Mapping[str, Position] = dict(self.positions)

    def move(self, identity: str, position: Position) -> None:
        """All of that process before `position` has been dealt with."""
        self.positions[identity] = position
        self._file.changed()

    def move_aside(self, priority: str, offset: int) -> None:
        """What was set aside is delivered up to `offset`."""
        self.aside[priority] = offset
        self._file.changed()

    def forget(self, identity: str) -> None:
        """The process is settled."""
        if self.positions.pop(identity, None) is not None:
            self._file.changed()

    def save(self, *, at_once: bool = False, durable: bool = False) -> bool:
        """See CursorFile.save."""
        return self._file.save(at_once=at_once, durable=durable)

    def content(self) -> dict[str, Any]:
        """What is to stand for it in the file."""
        return _content(self.positions, self.aside)


def add_strategies(directory: Path, strategies: Iterable[str]) -> None:
    """Put those of `strategies` that are not in a good file there, at the end of all journals.

    Raises OSError. The end is found before the file is read: who has put them there first may
    have recorded since.
    """
    path = directory / CURSORS
    ends = _ends(directory)
    content = checksummed.load(path)
    if content is None:
        return
    new = {name: _content(ends, {}) for name in strategies if name not in content}
    if new:
        # Durable: else a power cut has it begin later, behind what is recorded until then.
        checksummed.replace(path, content | new, durable=True)


def _ends(directory: Path) -> dict[str, Position]:
    """Behind all that is recorded: what is torn there is passed over by whoever reads on."""
    found = {}
    for identity, numbers in OwnerFilter(directory).apply(listing(directory)).segments.items():
        with contextlib.suppress(FileNotFoundError):  # removed in this moment
            size = segment_path(directory, identity, numbers[-1]).lstat().st_size
            found[identity] = Position(numbers[-1], size, None)
    return found


def _content(positions: Mapping[str, Position], aside: Mapping[str, int]) -> dict[str, Any]:
    places = {
        identity: [place.segment, place.offset, place.number]
        for identity, place in positions.items()
    }
    return {"positions": places, "aside": dict(aside)}
