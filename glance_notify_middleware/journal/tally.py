"""What one journal has recorded: the counters in its live file, and the entries since.

A process writes its counters once a second, and at each turnover to another segment. So all that it
has recorded since stands in its newest segments, which stay until it is settled. Counted together
the two are exact, also of a process that was killed.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.counters import Counters
from glance_notify_middleware.journal.entries import Entry, Kind
from glance_notify_middleware.journal.files import open_owned, read_owned
from glance_notify_middleware.journal.layout import segment_path

_HEAD = 64 * 1024  # bytes in which the first entry of a segment is found


@dataclass(frozen=True, slots=True)
class Tally:
    """What one journal has recorded. `end` is the number of its next notification."""

    counters: Counters
    end: int


def tally(
    directory: Path, identity: str, segments: Sequence[int], content: Mapping[str, Any] | None
) -> Tally:
    """Count what the journal with these segments has recorded.

    `segments` are their sorted numbers. `content` is that of the live file: empty where it cannot
    be read, or was not written yet; None where there is no live file: then nothing is counted, as
    nobody knows what was counted already. Only what was recorded since the live file was written is
    read. Raises OSError.
    """
    counters = Counters.of(content or {})
    counted = None if content is None else int(content.get("number", 0))
    end = counted or 0
    for entry in _since(directory, identity, segments, content or {}, counted):
        if entry.version > entries.VERSION:
            break
        is_new = entry.number >= end and entry.count > 0  # else it is recorded again
        if counted is not None and entry.kind == Kind.EVENTS and is_new:
            counters.count(entries.decode_messages(entry.body))
        end = max(end, entry.number + entry.count)
    return Tally(counters, end)


def _since(
    directory: Path,
    identity: str,
    segments: Sequence[int],
    content: Mapping[str, Any],
    counted: int | None,
) -> Iterator[Entry]:
    """The entries since the live file had this content, and maybe some before."""
    if "place" in content:
        first, offset = content["place"]
    else:  # an older version has written it, or there is none
        first, offset = _segment_with(directory, identity, segments, counted), 0
    for number in segments:
        if number >= first:
            with contextlib.suppress(FileNotFoundError):  # delivered, and removed
                path = segment_path(directory, identity, number)
                yield from entries.scan(read_owned(path, offset if number == first else 0))


def _segment_with(
    directory: Path, identity: str, segments: Sequence[int], counted: int | None
) -> int:
    """The newest segment that begins at `counted` or before; None: the newest that has an entry."""
    for number in reversed(segments):
        begins = _first_number(segment_path(directory, identity, number))
        if begins is not None and (counted is None or begins <= counted):
            return number
    return 0


def _first_number(segment: Path) -> int | None:
    """The number in the first good entry of a segment; None where there is none."""
    try:
        fd = open_owned(segment, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        found = next(entries.scan(os.pread(fd, _HEAD, 0)), None)
    finally:
        os.close(fd)
    return None if found is None else found.number
