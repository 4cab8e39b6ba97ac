"""The files of dead letters, as an operator's commands read them, and remove letters from them.

The leader may append to a file at any time, so a file is never written anew: the line of a letter
that is removed is overwritten with spaces. Of a command that is killed meanwhile a long line can
have spaces in front alone: what begins with a space is removed.
"""

import contextlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal.files import ForeignFileError, open_owned, sync_directory

_NAME = re.compile(r"dead-(\d{4})-(\d{2})\.jsonl")
_LATE = 24 * 3600.0  # seconds into a month in which the leader may still append to the one before


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter, and where it stands."""

    time: str
    """When it became one: `YYYY-MM-DD HH:MM:SS.ffffff` in UTC."""
    target: str
    notification: Mapping[str, Any]
    path: Path
    offset: int
    line: bytes
    """Its line without the line end, at `offset` of the file."""

    @property
    def message_id(self) -> str:
        """The id of the notification, or what stands in its place."""
        return str(self.notification.get("message_id"))


class DeadFiles:
    """The dead letters of a directory."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.damaged: dict[Path, int] = {}
        """How many lines are no dead letters, by file, as the last pass over the letters found."""

    def letters(self) -> Iterator[DeadLetter]:
        """All letters, the oldest first. Raises OSError."""
        self.damaged = {}
        names = sorted(name for name in os.listdir(self._directory) if _NAME.fullmatch(name))
        for name in names:
            # Another command may have removed the file; what is foreign is not the journal's.
            with contextlib.suppress(FileNotFoundError, ForeignFileError):
                yield from self._letters_of(self._directory / name)

    def remove(self, letters: Iterable[DeadLetter]) -> int:
        """Remove letters; returns how many were still there. They are gone from the disk then.
        Raises OSError.

        A file of an earlier month that has no letter any more is removed.
        """
        by_path: dict[Path, list[DeadLetter]] = {}
        for letter in letters:
            by_path.setdefault(letter.path, []).append(letter)
        return sum(self._blank(path, found) for path, found in by_path.items())

    def _letters_of(self, path: Path) -> Iterator[DeadLetter]:
        with os.fdopen(open_owned(path, os.O_RDONLY), "rb") as file:
            offset = 0
            for line in file:
                if letter := _letter(path, offset, line.removesuffix(b"\n")):
                    yield letter
                elif not _is_removed(line):
                    self.damaged[path] = self.damaged.get(path, 0) + 1
                offset += len(line)

    def _blank(self, path: Path, letters: Iterable[DeadLetter]) -> int:
        count = 0
        try:
            fd = open_owned(path, os.O_RDWR)
        except FileNotFoundError:
            return 0
        try:
            for letter in letters:
                size = len(letter.line)
                if os.pread(fd, size, letter.offset) == letter.line:
                    os.pwrite(fd, b" " * size, letter.offset)
                    count += 1
            os.fsync(fd)
            if _is_of_earlier_month(path) and _has_no_letter(fd):
                path.unlink(missing_ok=True)
                sync_directory(self._directory)
        finally:
            os.close(fd)
        return count


def _letter(path: Path, offset: int, line: bytes) -> DeadLetter | None:
    """The letter that a line has; None for a line that is blank or damaged."""
    with contextlib.suppress(ValueError):
        match json.loads(line):
            case {"time": str(at), "strategy": str(target), "notification": dict(notification)}:
                return DeadLetter(at, target, notification, path, offset, line)
    return None


def _is_of_earlier_month(path: Path) -> bool:
    """Whether the leader appends nothing any more to a file of this name."""
    found = _NAME.fullmatch(path.name)
    now = datetime.fromtimestamp(time.time() - _LATE, UTC)
    return found is not None and (int(found[1]), int(found[2])) < (now.year, now.month)


def _is_removed(line: bytes) -> bool:
    return line[:1].isspace()


def _has_no_letter(fd: int) -> bool:
    with os.fdopen(os.dup(fd), "rb") as file:
        file.seek(0)
        return all(map(_is_removed, file))
