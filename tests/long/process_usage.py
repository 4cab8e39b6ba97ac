"""The memory and the processor time of processes."""

import os
import re
import threading
from collections.abc import Sequence
from pathlib import Path

_BETWEEN_LOOKS = 0.2  # seconds


def rss_anon(pid: int) -> float:
    """MiB of memory of the process that belongs to no file (RssAnon, proc(5))."""
    found = re.search(r"RssAnon:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Processor time of the process since it began, in seconds (utime and stime, proc(5))."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


class Growth:
    """Watches the memory of processes, in a `with` statement. `most` is the most, in MiB, by which
    the memory of a process exceeded that at the beginning."""

    def __init__(self, *pids: int) -> None:
        self.most = 0.0
        self._before: Sequence[tuple[int, float]] = [(pid, rss_anon(pid)) for pid in pids]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> "Growth":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.wait(_BETWEEN_LOOKS):
            grown = (rss_anon(pid) - before for pid, before in self._before)
            self.most = max(self.most, *grown)
