"""A disk whose power can be cut: a file system in a file. Root is needed, as it is mounted."""

import os
import subprocess
from pathlib import Path

_SIZE = 96 * 1024 * 1024  # bytes


class PowerCutDisk:
    """A file system at `path`, in a `with` statement; nothing may use it afterwards.

    Linux writes its cached pages to the disk when a program asks for it (fsync), or much later. So
    a copy of the file has what the disk would have after a power cut at that moment.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._disk = path.with_name(f"{path.name}.disk")
        self._copy = path.with_name(f"{path.name}.cut")

    def __enter__(self) -> "PowerCutDisk":
        if os.geteuid() != 0:
            raise PermissionError("this fault needs root: it mounts a file system")
        self._path.mkdir(mode=0o700)
        with self._disk.open("wb") as disk:
            disk.truncate(_SIZE)
        _run("mkfs.ext4", "-q", "-F", str(self._disk))
        self._mount(self._disk)
        self._path.chmod(0o700)
        _run("sync", "--file-system", str(self._path))
        return self

    def __exit__(self, *_: object) -> None:
        _run("umount", str(self._path))
        for path in (self._disk, self._copy):
            path.unlink(missing_ok=True)

    def cut(self) -> None:
        """Copy what is on the disk now. Its writers are to be stopped (SIGSTOP) before."""
        _run("cp", "--sparse=always", str(self._disk), str(self._copy))

    def restore(self) -> None:
        """Mount the copy, as after the power cut. Nothing may use the file system meanwhile."""
        _run("umount", str(self._path))
        self._mount(self._copy)

    def _mount(self, disk: Path) -> None:
        # Without an fsync nothing is written to the disk for ten minutes.
        _run("mount", "-o", "loop,commit=600", str(disk), str(self._path))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
