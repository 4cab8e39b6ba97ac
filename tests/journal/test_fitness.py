"""Whether a directory is fit for a journal."""

import os
import re
from pathlib import Path

import pytest

from glance_notify_middleware.journal import fitness
from glance_notify_middleware.journal.fitness import DirectoryError
from tests.journal.other_user import as_another_user, open_to_all


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """`tmp_path`, with modes that let every user reach it."""
    return open_to_all(tmp_path)


def test_missing_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "notifications"
    for _ in range(2):
        fitness.prepare(directory)
        assert directory.stat().st_mode & 0o777 == 0o700


def test_directory_whose_parent_is_missing_is_not_made(tmp_path: Path) -> None:
    directory = tmp_path / "no" / "such"
    with pytest.raises(DirectoryError) as raised:
        fitness.prepare(directory)
    assert str(raised.value) == (
        f"'{directory}' cannot be made (No such file or directory); expected a directory, or one "
        f"that user {os.geteuid()} may make"
    )


def test_file_in_the_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(DirectoryError, match="File exists"):
        fitness.prepare(path)


def test_directory_in_a_parent_that_cannot_be_written_is_not_made(open_path: Path) -> None:
    with as_another_user() as user, pytest.raises(DirectoryError) as raised:
        fitness.prepare(open_path / "notifications")
    assert str(open_path / "notifications") in str(raised.value)
    assert f"(Permission denied); expected a directory, or one that user {user}" in str(
        raised.value
    )


def test_directory_of_another_user_is_refused_and_both_users_are_named(open_path: Path) -> None:
    with as_another_user() as user, pytest.raises(DirectoryError) as raised:
        fitness.prepare(open_path)
    assert f"belongs to user 0, this process to user {user}" in str(raised.value)


def test_directory_that_its_owner_cannot_write_is_refused(open_path: Path) -> None:
    directory = open_path / "notifications"
    directory.mkdir()
    directory.chmod(0o500)
    with as_another_user(directory) as user, pytest.raises(DirectoryError) as raised:
        fitness.prepare(directory)
    assert f"'{directory}' cannot be written by user {user}" in str(raised.value)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "ceph", "fuse.sshfs"])
def test_network_file_system_is_refused_by_its_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, tmp_path, kind)
    with pytest.raises(DirectoryError, match=re.escape(f"on a network file system ({kind})")):
        fitness.prepare(tmp_path)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "fuse.local"])
def test_local_file_system_is_accepted(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, tmp_path, kind)
    fitness.prepare(tmp_path)


def test_unknown_file_system_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(_: Path) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", unreadable)
    fitness.prepare(tmp_path)


def mounted(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str) -> None:
    """Replace /proc/self/mountinfo: the file system of `path` is of this kind."""
    device = path.stat().st_dev
    lines = (
        "22 1 0:20 / /proc rw,nosuid shared:12 - proc proc rw\n"
        f"31 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 master:2 - {kind} host:/x rw\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda _: lines)
