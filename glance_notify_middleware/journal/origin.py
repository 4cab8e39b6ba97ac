"""Whose a segment is: what its first record tells."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from glance_notify_middleware.journal import entries
from glance_notify_middleware.journal.entries import Kind


@dataclass(frozen=True, slots=True)
class Origin:
    """The boot of the machine tells whether clocks can be compared; the rest is for people."""

    boot: str
    pid: int
    time: float  # when the segment was begun, by the wall clock

    @classmethod
    def of_this_process(cls) -> Self:
        """This process."""
        return cls(boot_id(), os.getpid(), time.time())

    @classmethod
    def decode(cls, start: bytes) -> Self | None:
        """What the bytes at the start of a segment tell; None: they are damaged, or newer."""
        for record in entries.scan(start):
            if record.kind == Kind.SEGMENT and record.version <= entries.VERSION:
                boot, pid, began = record.body.decode().split()
                return cls(boot, int(pid), float(began))
        return None

    def encode(self) -> bytes:
        """The body of a segment's first record."""
        return f"{self.boot} {self.pid} {self.time:.6f}".encode()


def boot_id() -> str:
    """What Linux calls this boot of the machine (random(4)); `unknown` where it does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return "unknown"
