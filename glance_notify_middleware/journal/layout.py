"""What lies in the journal's directory under which name.

<identity>.<number>.seg   a segment: entries of the one process that has this journal identity
<identity>.live           the live file of that process: its lock, and its counters
relay.lock                its lock is the leader's
cursors.json              how far each strategy has come in each journal
destinations.json         where the notifications of this directory go
destinations.lock         its lock is shared by the processes that have agreed to that
totals.json               the counters of processes that have ended
state.json                what the leader alone knows: see delivery/node/state_file.py
aside.<...>.seg           messages of a priority that are set aside, or that an operator sends again
aside.<...>.retry         an operator's request: these messages are to be tried at once
dead-<month>.jsonl        dead letters
<name>.new, <name>.tmp    a file that is being made; it gets its name when it is whole
<name>.<...>.kept         what lay under a name of the journal and was moved away
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
STATE = "state.json"

_SEGMENT = re.compile(r"([0-9a-f]{16})\.(\d+)\.seg")
_LIVE = re.compile(r"([0-9a-f]{16})\.live")
_SINGLE = "|".join(
    map(re.escape, (RELAY_LOCK, CURSORS, DESTINATIONS, DESTINATIONS_LOCK, TOTALS, STATE))
)
_NAMED = re.compile(
    rf"{_SEGMENT.pattern}|{_LIVE.pattern}|{_SINGLE}|aside\..*\.(seg|retry)|dead-.*\.jsonl|.*\.(new|tmp)"
)

_STALE = 60.0  # seconds after which a process that makes a file has renamed it, or has died


@dataclass(slots=True)
class Listing:
    """What lies in a journal's directory at one moment."""

    segments: dict[str, list[int]] = field(default_factory=dict)  # sorted numbers by identity
    live_files: set[str] = field(default_factory=set)  # identities; their processes may be dead


def segment_path(directory: Path, identity: str, number: int) -> Path:
    """The path of a segment."""
    return directory / f"{identity}.{number}.seg"


def live_path(directory: Path, identity: str) -> Path:
    """The path of a live file."""
    return directory / f"{identity}.live"


def aside_path(directory: Path, target: str, priority: str) -> Path:
    """The path of an aside file."""
    return directory / f"aside.{target}.{priority.lower()}.seg"


def aside_retry_path(directory: Path, target: str, priority: str) -> Path:
    """The path of the request to try at once what is in an aside file."""
    return aside_path(directory, target, priority).with_suffix(".retry")


def listing(directory: Path) -> Listing:
    """The segments and live files that lie there at this moment. Raises OSError."""
    found = Listing()
    for name in os.listdir(directory):
        if segment := _SEGMENT.fullmatch(name):
            found.segments.setdefault(segment[1], []).append(int(segment[2]))
        elif live := _LIVE.fullmatch(name):
            found.live_files.add(live[1])
    for numbers in found.segments.values():
        numbers.sort()
    return found


def is_journal_name(name: str) -> bool:
    """Whether the journal uses this name, except for what was moved away."""
    return _NAMED.fullmatch(name) is not None


def remove_stale_temporaries(directory: Path) -> None:
    """Remove the files that processes were making when they were killed. Raises OSError."""
    for path in [*directory.glob("*.new"), *directory.glob("*.tmp")]:
        try:
            if not is_foreign(path) and time.time() - path.lstat().st_mtime > _STALE:
                path.unlink()
        except FileNotFoundError:
            continue


def file_sizes(directory: Path) -> dict[str, int]:
    """The size in bytes of each file that lies there, by its name. Raises OSError."""
    found = {}
    with os.scandir(directory) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # removed since it was listed
                found[entry.name] = entry.stat(follow_symlinks=False).st_size
    return found
