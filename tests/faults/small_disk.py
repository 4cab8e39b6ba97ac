"""A disk of its own for a journal. Root is needed, as file systems are mounted."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from tests.faults.deployment import Deployment

_LOST = "notifications are lost: "


class SmallDisk:
    """A small file system at `path`, in a `with` statement; nothing may use it afterwards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ballast = path / "ballast"

    def __enter__(self) -> "SmallDisk":
        if os.geteuid() != 0:
            raise PermissionError("this fault needs root: it mounts a file system")
        self._path.mkdir(mode=0o700)
        _run("mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", str(self._path))

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Meanwhile nothing more can be written."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        yield
        self._ballast.unlink()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """Meanwhile no file can be opened for writing, made or removed."""
        path, aside = str(self._path), str(self._path.with_name(f"{self._path.name}-read-only"))
        # It becomes read-only before it is mounted at its place: there a process that has a file
        # open for writing would prevent that.
        os.mkdir(aside)
        _run("mount", "--bind", path, aside)
        _run("mount", "-o", "remount,bind,ro", aside)
        _run("mount", "--bind", aside, path)
        yield
        # A process that has opened a file through this mount keeps it (--lazy).
        _run("umount", "--lazy", path)
        _run("umount", "--lazy", aside)
        os.rmdir(aside)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def lost_in_the_log(deployment: Deployment) -> set[tuple[str, str]]:
    """Request id and event of each notification that was logged, as it could not be recorded."""
    decoder = json.JSONDecoder()
    found = set()
    for part in deployment.log_text().split(_LOST)[1:]:
        rest = part
        while rest.startswith("{"):
            message, end = decoder.raw_decode(rest)
            event = f"{message['event_type']} {message['priority']}"
            found.add((message["_context_request_id"], event))
            rest = rest[end:].lstrip("\n")
    return found


def counted_as_dropped(deployment: Deployment) -> int:
    """The number of dropped notifications that all processes of the journal have counted."""
    files = [deployment.journal / "totals.json", *deployment.journal.glob("*.live")]
    counters = [checksummed.load(path) or {} for path in files]
    return sum(sum(counted.get("dropped", {}).values()) for counted in counters)
