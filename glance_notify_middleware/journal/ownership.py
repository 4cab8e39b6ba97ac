"""Foreign files in a journal's directory (see files.py): they are ignored, and logged once each."""

import logging
import os
from pathlib import Path

from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.fitness import foreign_files, mode_problem
from glance_notify_middleware.journal.layout import Listing, live_path, segment_path
from glance_notify_middleware.runtime.own_log import LOG, log_line


class OwnerFilter:
    """Takes the foreign files out of the listings of one directory.

    Each name is checked once. What takes the place of a file later is found when it is opened.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segments: dict[str, list[int]] = {}  # owned, in the listing before
        self._live_files: set[str] = set()  # owned, in the listing before

    def apply(self, listed: Listing) -> Listing:
        """The part of `listed` that is owned. Raises OSError."""
        before = self._segments
        self._segments = {
            identity: numbers
            if before.get(identity) == numbers  # as with nearly all, nearly always
            else self._owned(identity, numbers, before.get(identity, []))
            for identity, numbers in listed.segments.items()
        }
        new = {
            identity
            for identity in listed.live_files - self._live_files
            if not is_foreign(live_path(self._directory, identity))
        }
        self._live_files = (listed.live_files & self._live_files) | new
        segments = {identity: numbers for identity, numbers in self._segments.items() if numbers}
        return Listing(segments, self._live_files)

    def _owned(self, identity: str, numbers: list[int], before: list[int]) -> list[int]:
        return [
            number
            for number in numbers
            if number in before or not is_foreign(segment_path(self._directory, identity, number))
        ]


class DirectoryAudit:
    """Logs foreign files, and a mode that lets other users write, once each."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: set[str] = set()  # names
        self._had_problem = False  # with the mode

    def check(self) -> None:
        """Look at the directory. To be called once a second. Raises OSError."""
        names = set(os.listdir(self._directory))
        for path in foreign_files(self._directory, names - self._seen):
            line = f"{path} is no regular file of user {os.geteuid()}, so it is none of the"
            log_line(LOG, logging.ERROR, f"{line} journal's, and is ignored; remove it")
        self._seen = names
        problem = mode_problem(self._directory)
        if problem and not self._had_problem:
            log_line(LOG, logging.ERROR, problem)
        self._had_problem = bool(problem)
