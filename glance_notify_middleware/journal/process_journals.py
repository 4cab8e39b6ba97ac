"""The journal: what has been recorded, on disk, until it has been delivered.

This process's journals are here, one for each directory: POSIX locks belong to the process, so two
of them in one directory would take each other's.
"""

import os
from collections.abc import Callable
from pathlib import Path

from glance_notify_middleware.journal.writer import Journal

_JOURNALS: dict[tuple[int, Path], Journal] = {}


def identity_here(directory: Path) -> str | None:
    """Under which identity this process records in `directory`; None: under none so far."""
    journal = _JOURNALS.get((os.getpid(), directory))
    return None if journal is None else journal.identity


def all_here() -> list[Journal]:
    """The journals of this process, of all directories."""
    return [ours for (pid, _), ours in list(_JOURNALS.items()) if pid == os.getpid()]


def of_this_process(directory: Path, make: Callable[[], Journal]) -> Journal:
    """The journal of the process that calls; `make` makes it, where there is none, and opens
    nothing. A forked child gets one of its own, and lets go of its parent's."""
    key = os.getpid(), directory
    journal = _JOURNALS.get(key)
    if journal is None:
        for inherited in [other for other in list(_JOURNALS) if other[0] != key[0]]:
            if (dropped := _JOURNALS.pop(inherited, None)) is not None:
                dropped.close()
        journal = _JOURNALS.setdefault(key, make())
    return journal
