"""The clock of the journal: CLOCK_BOOTTIME of the machine, one clock for all its processes.

A process in a time namespace sees another CLOCK_BOOTTIME, and Linux shows how far that is from the
machine's (time_namespaces(7)). A container that CRIU has restored is in a time namespace, and other
containers can be.
"""

import os
from pathlib import Path

_PROCESS = Path("/proc/self")
_SECOND = 1_000_000_000  # nanoseconds


def namespace_offset() -> int:
    """By how many nanoseconds CLOCK_BOOTTIME of this process is ahead of the machine's.

    0 where Linux does not show that, or has no time namespaces.
    """
    try:
        # The file timens_offsets is about the namespace that children of this process are made in.
        if os.readlink(_PROCESS / "ns/time") != os.readlink(_PROCESS / "ns/time_for_children"):
            return 0
        lines = (_PROCESS / "timens_offsets").read_text().splitlines()
    except OSError:
        return 0
    for clock, seconds, nanoseconds in map(str.split, lines):
        if clock == "boottime":
            return int(seconds) * _SECOND + int(nanoseconds)
    return 0
