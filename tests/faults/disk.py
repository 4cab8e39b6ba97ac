"""A disk of its own for a journal. Who makes one must be root, as file systems are mounted."""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from tests.faults.stage import Stage

_LOST = "notifications are lost: "


class Disk:
    """A small file system at `path`. In a `with` statement; nothing may use it after that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ballast = path / "ballast"

    def __enter__(self) -> "Disk":
        if os.geteuid() != 0:
            raise PermissionError("this fault needs root: it mounts a file system")
        self._path.mkdir(mode=0o700)
        _run("mount", "-t", "tmpfs", "-o", "size=16m,mode=0700", "none", str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", str(self._path))

    @contextlib.contextmanager
    def full(self) -> Iterator[None]:
        """Nothing more can be written."""
        with self._ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(4096)):
                pass
        yield
        self._ballast.unlink()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[None]:
        """No file can be opened to be written, made or removed."""
        path, aside = str(self._path), str(self._path.with_name(f"{self._path.name}-read-only"))
        # It is read-only before it is at its place: who has a file open there to write to it
        # would keep it from becoming so.
        os.mkdir(aside)
        _run("mount", "--bind", path, aside)
        _run("mount", "-o", "remount,bind,ro", aside)
        _run("mount", "--bind", aside, path)
        yield
        # Whoever has a file open by way of it keeps that.
        _run("umount", "--lazy", path)
        _run("umount", "--lazy", aside)
        os.rmdir(aside)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def lost_in_the_log(stage: Stage) -> set[tuple[str, str]]:
    """Request id and event of what was logged, whole, since it could not be recorded."""
    decoder = json.JSONDecoder()
    found = set()
    for part in stage.log_text().split(_LOST)[1:]:
        rest = part
        while rest.startswith("{"):
            told, end = decoder.raw_decode(rest)
            found.add((told["_context_request_id"], f"{told['event_type']} {told['priority']}"))
            rest = rest[end:].lstrip("\n")
    return found


def counted_as_dropped(stage: Stage) -> int:
    """What all processes of the journal have counted."""
    files = [stage.journal / "totals.json", *stage.journal.glob("*.live")]
    counters = [checksummed.load(each) or {} for each in files]
    return sum(sum(each.get("dropped", {}).values()) for each in counters)
