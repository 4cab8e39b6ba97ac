"""The origin of a segment: what its first entry holds."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind


@dataclass(frozen=True, slots=True)
class Origin:
    """Which process has begun a segment, and when.

    `boot` shows whether clocks can be compared: it names a boot of the machine. The other fields
    are for people.
    """

    boot: str
    pid: int
    time: float  # when the segment was begun, in seconds, by the wall clock

    @classmethod
    def of_this_process(cls) -> Self:
        """The origin of a segment that this process begins at this moment."""
        return cls(boot_id(), os.getpid(), time.time())

    @classmethod
    def decode(cls, start: bytes) -> Self | None:
        """The origin in the first bytes of a segment; None: damaged, or of a newer version."""
        for entry in entries.scan(start):
            if entry.kind == Kind.SEGMENT and entry.version <= entries.VERSION:
                boot, pid, began = entry.body.decode().split()
                return cls(boot, int(pid), float(began))
        return None

    def encode(self) -> bytes:
        """The body of a segment's first entry."""
        return f"{self.boot} {self.pid} {self.time:.6f}".encode()


def boot_id() -> str:
    """The id of this boot of the machine (random(4)); `unknown` where Linux does not show it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
