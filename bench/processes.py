"""The processor time and the memory of a process, as the kernel counts them."""

import os
from pathlib import Path


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads that the process has, in seconds (schedstat, proc(5)).

    A thread that has ended is not counted.
    """
    spent = (path.read_text().split()[0] for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(map(int, spent)) / 1e9


def private_memory(pid: int | None = None) -> float:
    """MiB of memory of a process, by default of this one, that belongs to no file (RssAnon,
    proc(5))."""
    lines = Path(f"/proc/{pid or os.getpid()}/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024
