"""The journal's directory: what lies in it under which name.

<identity>.<number>.seg   a segment: records, written by the one process of that identity
<identity>.live           its lock tells whether that process lives; holds its counters
relay.lock                its lock is the leader's
cursors.json              how far each strategy has come
destinations.json         where the notifications of this directory go
destinations.lock         shared by the processes that have agreed to that
totals.json               the counters of processes that have ended
aside.<...>.seg           messages that their broker had nowhere to put
dead-<month>.jsonl        dead letters
"""

import contextlib
import os
import re
import time
from dataclasses import dataclass, field
from pathlib import Path

from glance_notify_middleware.journal.files import is_foreign

RELAY_LOCK = "relay.lock"
CURSORS = "cursors.json"
DESTINATIONS = "destinations.json"
DESTINATIONS_LOCK = "destinations.lock"
TOTALS = "totals.json"

_SEGMENT = re.compile(r"([0-9a-f]{16})\.(\d+)\.seg")
_LIVE = re.compile(r"([0-9a-f]{16})\.live")
_SINGLE = "|".join(map(re.escape, (RELAY_LOCK, CURSORS, DESTINATIONS, DESTINATIONS_LOCK, TOTALS)))
_NAMED = re.compile(
    rf"{_SEGMENT.pattern}|{_LIVE.pattern}|{_SINGLE}|aside\..*\.seg|dead-.*\.jsonl|.*\.(new|tmp)"
)

_MAKING = 60.0  # seconds after which nobody is still about to rename a file that he has made


@dataclass(slots=True)
class Listing:
    """What lies in a journal's directory at one moment."""

    segments: dict[str, list[int]] = field(default_factory=dict)  # sorted numbers by identity
    living: set[str] = field(default_factory=set)  # identities that have a live file


def segment_path(directory: Path, identity: str, number: int) -> Path:
    """Where a segment lies."""
    return directory / f"{identity}.{number}.seg"


def live_path(directory: Path, identity: str) -> Path:
    """Where the live file of an identity lies."""
    return directory / f"{identity}.live"


def listing(directory: Path) -> Listing:
    """What lies there now. Raises OSError."""
    found = Listing()
    for name in os.listdir(directory):
        if segment := _SEGMENT.fullmatch(name):
            found.segments.setdefault(segment[1], []).append(int(segment[2]))
        elif live := _LIVE.fullmatch(name):
            found.living.add(live[1])
    for numbers in found.segments.values():
        numbers.sort()
    return found


def is_journal_name(name: str) -> bool:
    """Whether the journal uses that name."""
    return _NAMED.fullmatch(name) is not None


def remove_stale_temporaries(directory: Path) -> None:
    """Remove what processes have left that were killed while they made a file. Raises OSError."""
    for path in [*directory.glob("*.new"), *directory.glob("*.tmp")]:
        try:
            if not is_foreign(path) and time.time() - path.lstat().st_mtime > _MAKING:
                path.unlink()
        except FileNotFoundError:
            continue


def file_sizes(directory: Path) -> dict[str, int]:
    """The length of each file that lies there, in bytes, by its name. Raises OSError."""
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed in this moment
                found[entry.name] = entry.stat(follow_symlinks=False).st_size
    return found
