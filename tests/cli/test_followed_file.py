"""The log_file that `listen` follows."""

from pathlib import Path

import pytest

from glance_notify_middleware.cli.target.followed_file import FollowedFile
from glance_notify_middleware.strategies.listening import ListenError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "notifications.log"
    path.write_bytes(b"before\n")
    return path


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def test_lines_are_given_out_as_they_are_written(path: Path) -> None:
    followed = FollowedFile(path)
    followed.connect()
    assert followed.next(0) is None
    append(path, b"one\ntwo\nthr")
    assert [followed.next(0) for _ in range(3)] == [b"one", b"two", None]
    append(path, b"ee\n")
    assert followed.next(0) == b"three"
    followed.close()


def test_file_that_logrotate_moves_is_read_to_its_end(path: Path) -> None:
    followed = FollowedFile(path)
    followed.connect()
    moved = path.rename(path.with_suffix(".1"))
    append(moved, b"late\n")
    assert followed.next(0) == b"late"
    assert followed.next(0) is None  # there is no new file yet
    append(path, b"new\n")
    assert followed.next(0) == b"new"
    followed.close()


def test_end_of_a_moved_file_comes_before_the_new_file(path: Path) -> None:
    followed = FollowedFile(path)
    followed.connect()
    append(path.rename(path.with_suffix(".1")), b"late\n")
    append(path, b"new\n")
    assert [followed.next(0) for _ in range(3)] == [b"late", b"new", None]
    followed.close()


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="No such file"):
        FollowedFile(tmp_path / "missing").connect()
