"""What lies in a journal's directory and is none of the journal's: left alone, and told once."""

import logging
import os
from pathlib import Path

from glance_notify_middleware.journal.files import is_foreign
from glance_notify_middleware.journal.fitness import foreign_files, mode_problem
from glance_notify_middleware.journal.layout import Listing, live_path, segment_path
from glance_notify_middleware.runtime.own_log import LOG, log_line


class OwnerFilter:
    """Keeps from a listing what this user has not written. Each name is looked at once: what is
    put in its place later shows when it is opened."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._segments: dict[str, list[int]] = {}  # what was found at the last look
        self._living: set[str] = set()

    def apply(self, listed: Listing) -> Listing:
        """Of what is listed, the regular files of this user. Raises OSError."""
        before = self._segments
        self._segments = {
            identity: numbers
            if before.get(identity) == numbers  # as with nearly all, nearly always
            else self._vetted(identity, numbers, before.get(identity, []))
            for identity, numbers in listed.segments.items()
        }
        new = {
            each
            for each in listed.living - self._living
            if not is_foreign(live_path(self._directory, each))
        }
        self._living = (listed.living & self._living) | new
        with_some = {identity: found for identity, found in self._segments.items() if found}
        return Listing(with_some, self._living)

    def _vetted(self, identity: str, numbers: list[int], before: list[int]) -> list[int]:
        return [
            each
            for each in numbers
            if each in before or not is_foreign(segment_path(self._directory, identity, each))
        ]


class DirectoryAudit:
    """Logs, once each, what others have put into a directory, and that they may."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._seen: set[str] = set()
        self._is_open = False  # to others

    def check(self) -> None:
        """To be called once a second. Raises OSError."""
        names = set(os.listdir(self._directory))
        for path in foreign_files(self._directory, names - self._seen):
            told = f"{path} is no regular file of user {os.geteuid()}, so it is none of the"
            log_line(LOG, logging.ERROR, f"{told} journal's, and is ignored; remove it")
        self._seen = names
        others = mode_problem(self._directory)
        if others and not self._is_open:
            log_line(LOG, logging.ERROR, others)
        self._is_open = bool(others)
