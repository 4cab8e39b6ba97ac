"""The journals of this process, one for each directory.

Two journals of one process in one directory would take each other's locks: POSIX locks belong to
the process (see locks.py).
"""

import os
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.journal.writer import Journal


class ProcessJournals:
    """Gives each process that uses the instance its own journals; safe to use over a fork.

    A forked child inherits the instance. It gets journals of its own, and closes the descriptors
    that it has inherited from its parent.
    """

    def __init__(self) -> None:
        self._journals: dict[tuple[int, Path], Journal] = {}  # by process id and directory

    def identity(self, directory: Path) -> str | None:
        """The identity under which this process records in `directory`; None: it has not begun."""
        journal = self._journals.get((os.getpid(), directory))
        return None if journal is None else journal.identity

    def all(self) -> list[Journal]:
        """The journals of this process, of all directories."""
        here = os.getpid()
        return [journal for (pid, _), journal in list(self._journals.items()) if pid == here]

    def get(self, directory: Path, make: Callable[[], Journal]) -> Journal:
        """The journal of the calling process in `directory`.

        Where there is none, `make` makes it; it must not open anything, as several threads may
        call it at the same time and one result is kept.
        """
        key = os.getpid(), directory
        journal = self._journals.get(key)
        if journal is None:
            for inherited in [each for each in list(self._journals) if each[0] != key[0]]:
                if (parents := self._journals.pop(inherited, None)) is not None:
                    parents.close()
            journal = self._journals.setdefault(key, make())
        return journal
