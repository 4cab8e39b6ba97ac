"""Small files with a checksum: damage is detected."""

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glance_notify_middleware.journal import checksummed
from tests.journal.processes import eventually, running

CONTENT = {"strategy": {"positions": {"a": [0, 12, None]}, "Größe": "\ud800"}}


def test_replaced_content_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    for content in ({}, CONTENT):
        checksummed.replace(path, content)
        assert checksummed.load(path) == content
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file_has_no_content_and_an_unreadable_one_is_an_error(
    tmp_path: Path,
) -> None:
    assert checksummed.load(tmp_path / "missing") is None
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        checksummed.load(tmp_path / "file" / "below")


def test_damage_at_any_byte_is_detected() -> None:
    whole = checksummed.dumps(CONTENT)
    for at in range(len(whole) - 1):
        damaged = bytearray(whole)
        damaged[at] ^= 0xFF
        assert checksummed.loads(bytes(damaged)) is None, at
        assert checksummed.loads(whole[:at]) is None, at


def test_rest_of_a_longer_content_is_ignored() -> None:
    assert checksummed.loads(checksummed.dumps(CONTENT) + b'"} of before\n\n') == CONTENT


@given(st.binary() | st.binary().map(lambda noise: b"00000000\n" + noise))
def test_noise_has_no_content(noise: bytes) -> None:
    assert checksummed.loads(noise) is None


@pytest.mark.parametrize("text", ["[]", "7", "null", '"text"'])
def test_json_that_is_no_object_is_no_content(text: str) -> None:
    crc = zlib.crc32(text.encode())
    assert checksummed.loads(b"%08x\n%s\n" % (crc, text.encode())) is None


def replace_for_ever(path: Path) -> None:
    while True:
        for size in (1, 20_000):
            checksummed.replace(path, {"size": size, "text": "x" * size})


def test_reader_finds_the_old_file_or_the_new_also_over_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    for _ in range(5):
        sizes: set[int] = set()

        def look(seen: set[int] = sizes) -> bool:
            found = checksummed.load(path)
            assert found is not None
            assert len(found["text"]) == found["size"]
            seen.add(found["size"])
            return seen == {1, 20_000}

        with running(replace_for_ever, path):
            eventually(path.exists)
            eventually(look)
        assert checksummed.load(path) is not None


def test_old_file_stays_when_the_disk_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cursors.json"
    checksummed.replace(path, CONTENT)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        checksummed.replace(path, {})
    assert checksummed.load(path) == CONTENT


def test_temporary_file_is_not_shared_by_processes_with_the_same_pid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two containers on one volume: the processes of both can have the same pid."""
    path = tmp_path / "destinations.json"
    replace = Path.replace

    def meanwhile(temporary: Path, target: Path) -> Path:
        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replace)
            checksummed.replace(path, {"other": "container"})
        return replace(temporary, target)

    monkeypatch.setattr(Path, "replace", meanwhile)
    checksummed.replace(path, CONTENT)
    assert checksummed.load(path) == CONTENT
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_two_processes_can_replace_a_file_at_the_same_time(tmp_path: Path) -> None:
    path = tmp_path / "cursors.json"
    with running(replace_for_ever, path), running(replace_for_ever, path):
        eventually(path.exists)
        for _ in range(50):
            found = checksummed.load(path)
            assert found is not None
            checksummed.replace(path, {"size": os.getpid(), "text": ""})
