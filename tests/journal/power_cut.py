"""What a power cut leaves at worst: of each file what was synced, under the names that were synced.

A file that was removed may be gone at once.
"""

import os
from pathlib import Path

import pytest

Inode = tuple[int, int]


class PowerCut:
    """Watches what this process syncs in one directory."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._directory = directory
        self._names: dict[str, Inode] = {}
        self._contents: dict[Inode, bytes] = {}
        for name in ("fsync", "fdatasync"):
            monkeypatch.setattr(os, name, self._synced)

    def left(self) -> dict[str, bytes]:
        """The content of the files that a power cut at this moment would leave, by name."""
        return {
            name: self._contents.get(inode, b"")
            for name, inode in self._names.items()
            if _inode(self._directory / name) == inode
        }

    def _synced(self, fd: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{fd}"))
        if path == self._directory:
            found = {each.name: _inode(each) for each in path.iterdir()}
            self._names = {name: inode for name, inode in found.items() if inode is not None}
        elif path.exists():
            inode = _inode(path)
            assert inode is not None
            self._contents[inode] = path.read_bytes()


def _inode(path: Path) -> Inode | None:
    try:
        found = path.lstat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
