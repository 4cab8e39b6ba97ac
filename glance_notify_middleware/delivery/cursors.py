"""The cursors: how far each strategy has come in each journal. Without them all is sent again."""

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from glance_notify_middleware.delivery.target_counts import TargetCounts
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.layout import CURSORS, aside_path, listing, segment_path
from glance_notify_middleware.journal.ownership import OwnerFilter
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.runtime.own_log import LOG, log_line

_SAVE_INTERVAL = 0.1  # seconds between two saves, at least


class CursorFile:
    """The cursors of all strategies of a directory, in one file. The leader saves it.

    If the file is damaged or missing, every strategy begins with the oldest entry. If it is good
    and a strategy is not in it, that strategy begins with what is recorded from now on.

    `retired` are the cursors, by strategy, that are in the file but belong to no configured
    strategy. They are not saved again.
    """

    def __init__(self, directory: Path, strategies: Iterable[str]) -> None:
        """Read what was saved. Raises OSError."""
        self._path = directory / CURSORS
        self._saved_at = 0.0
        add_strategies(directory, strategies)
        saved = checksummed.load(self._path)
        if saved is None and is_foreign(self._path):
            what = f"{self._path} is no regular file of user {os.geteuid()}, and counts for nothing"
            log_line(LOG, logging.ERROR, f"{what}: what is in the journal is sent again")
        found = saved or {}
        # An older version has saved no counts.
        self._is_dirty = saved is None or any(
            not isinstance(section, dict) or "counts" not in section for section in found.values()
        )
        self._sections = {
            name: Cursors(self, found.get(name), _aside_sizes(directory, name))
            for name in strategies
        }
        others = found.keys() - self._sections.keys()
        self.retired = {name: Cursors(self, found[name], {}) for name in sorted(others)}

    def of(self, strategy: str) -> "Cursors":
        """The cursors of one strategy."""
        return self._sections[strategy]

    def changed(self) -> None:
        """Note that there is something to save."""
        self._is_dirty = True

    def save(self, *, at_once: bool = False, durable: bool = False) -> bool:
        """Save the cursors that have moved: ten times a second at most, or `at_once`. Returns
        whether all of them are saved.

        With `durable` the file survives a power cut. Without it a power cut may bring an older file
        back, and more is sent twice.

        A full disk must not keep segments from being removed, which would make room. So
        `Cursors.at_last_save` moves on although the file could not be written; after a crash more
        is sent twice.
        """
        now = time.monotonic()
        if not self._is_dirty or (now - self._saved_at < _SAVE_INTERVAL and not at_once):
            return not self._is_dirty
        content = {name: cursors.content() for name, cursors in self._sections.items()}
        with contextlib.suppress(OSError):
            checksummed.replace(self._path, content, durable=durable)
            self._is_dirty = False
        for cursors in self._sections.values():
            cursors.at_last_save = dict(cursors.positions)
        self._saved_at = now
        return not self._is_dirty


class Cursors:
    """The cursors of one strategy, which the leader moves.

    `positions` are by journal identity: every message before a position is confirmed, a dead letter
    or set aside. `were_saved`: they began with what a good file had, so that nothing was sent of a
    journal that has no position. `last` are the numbers of the last messages before the positions
    that the strategy gets, by journal identity, where there are any. `aside` are offsets in the
    aside files, in bytes, by priority. `aside_passed` are the offsets in them before which no
    message is behind a position any more. `counts` count what the cursors have passed.
    `at_last_save` are the positions at the last try to save them, also where the file could not be
    written.
    """

    def __init__(self, file: CursorFile, found: object, aside_sizes: Mapping[str, int]) -> None:
        """`found` is the section of this strategy in the file. A damaged section begins with the
        oldest entry. `aside_sizes` are those of its aside files, in bytes: older versions have not
        saved what was passed in them."""
        self._file = file
        self.were_saved = isinstance(found, dict)
        saved: dict[str, Any] = found if isinstance(found, dict) else {}
        self.positions = {
            identity: Position(*place) for identity, place in saved.get("positions", {}).items()
        }
        self.last: dict[str, int] = dict(saved.get("last", {}))
        self.aside: dict[str, int] = dict(saved.get("aside", {}))
        self.aside_passed: dict[str, int] = dict(saved.get("aside_passed", aside_sizes))
        self.counts = TargetCounts.of(saved.get("counts", {}))
        self.at_last_save: Mapping[str, Position] = dict(self.positions)

    def move(self, identity: str, position: Position, last: int | None = None) -> None:
        """Move the cursor in one journal to `position`. `last` is the number of the last message
        before it, where that is another one than before."""
        self.positions[identity] = position
        if last is not None:
            self.last[identity] = last
        self._file.changed()

    def move_aside(self, priority: str, offset: int) -> None:
        """Move the cursor in the aside file of `priority` to `offset`, in bytes. 0: the file is
        about to go, or is gone."""
        self.aside[priority] = offset
        if not offset:
            self.aside_passed[priority] = 0
        self._file.changed()

    def pass_aside(self, priority: str, end: int) -> None:
        """A position has passed a message whose entry in the aside file ends at `end`."""
        self.aside_passed[priority] = end
        self._file.changed()

    def aside_passed_in(self, priority: str) -> int:
        """The offset in the aside file of `priority` before which no message is in the journal."""
        return self.aside_passed.get(priority, 0)

    def failed(self, reason: str) -> None:
        """Count a try that has failed."""
        self.counts.failures[reason] += 1
        self._file.changed()

    def forget(self, identity: str) -> None:
        """Drop the cursor in a journal whose files are gone."""
        self.last.pop(identity, None)
        if self.positions.pop(identity, None) is not None:
            self._file.changed()

    def save(self, *, at_once: bool = False, durable: bool = False) -> bool:
        """See CursorFile.save."""
        return self._file.save(at_once=at_once, durable=durable)

    def content(self) -> dict[str, Any]:
        """The section of this strategy, as it is written into the file."""
        return _content(self.positions, self.last, self.aside, self.aside_passed, self.counts)


def add_strategies(directory: Path, strategies: Iterable[str]) -> None:
    """Add the `strategies` that a good file does not have, with cursors at the end of all journals.

    The ends are found before the file is read: another process may have added the strategies
    before, and may have recorded since. Raises OSError.
    """
    path = directory / CURSORS
    ends = _ends(directory)
    content = checksummed.load(path)
    if content is None:
        return
    new = {
        name: _content(ends, {}, {}, {}, TargetCounts())
        for name in strategies
        if name not in content
    }
    if new:
        # Durable: after a power cut the strategy would else begin later, and skip what is recorded
        # from now on until then.
        checksummed.replace(path, content | new, durable=True)


def _aside_sizes(directory: Path, strategy: str) -> dict[str, int]:
    """The sizes of the aside files of a strategy, in bytes, by priority."""
    found: dict[str, int] = {}
    for priority in Priority:
        with contextlib.suppress(FileNotFoundError):
            found[priority] = aside_path(directory, strategy, priority).lstat().st_size
    return found


def _ends(directory: Path) -> dict[str, Position]:
    """The end of each journal. A reader that goes on there skips an entry that is torn there."""
    found = {}
    for identity, numbers in OwnerFilter(directory).apply(listing(directory)).segments.items():
        with contextlib.suppress(FileNotFoundError):  # it has just been removed
            size = segment_path(directory, identity, numbers[-1]).lstat().st_size
            found[identity] = Position(numbers[-1], size, None)
    return found


def _content(
    positions: Mapping[str, Position],
    last: Mapping[str, int],
    aside: Mapping[str, int],
    aside_passed: Mapping[str, int],
    counts: TargetCounts,
) -> dict[str, Any]:
    places = {
        identity: [place.segment, place.offset, place.number]
        for identity, place in positions.items()
    }
    return {
        "positions": places,
        "last": dict(last),
        "aside": dict(aside),
        "aside_passed": dict(aside_passed),
        "counts": counts.content(),
    }
