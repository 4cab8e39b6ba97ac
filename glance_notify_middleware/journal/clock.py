"""The clock of the journal: CLOCK_BOOTTIME as the machine has it, one for all its processes.

A process in a time namespace is given another one, and Linux tells how far that is ahead
(time_namespaces(7)): a container restored by CRIU is in one, and others can be.
"""

import os
from pathlib import Path

_PROCESS = Path("/proc/self")
_SECOND = 1_000_000_000  # nanoseconds


def namespace_offset() -> int:
    """By how many nanoseconds CLOCK_BOOTTIME of this process is ahead of the machine's.

    0 where Linux does not tell, or knows no time namespaces.
    """
    try:
        # What it tells is of the namespace that children are made in.
        if os.readlink(_PROCESS / "ns/time") != os.readlink(_PROCESS / "ns/time_for_children"):
            return 0
        lines = (_PROCESS / "timens_offsets").read_text().splitlines()
    except OSError:
        return 0
    for clock, seconds, nanoseconds in map(str.split, lines):
        if clock == "boottime":
            return int(seconds) * _SECOND + int(nanoseconds)
    return 0
