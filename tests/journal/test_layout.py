"""The journal's directory: is it fit, who lives in it, where does it send."""

import os
import re
import time
from pathlib import Path

import pytest

from glance_notify_middleware.journal import checksummed, layout
from glance_notify_middleware.journal.layout import DestinationsError, DirectoryError
from tests.journal.processes import eventually, living_writer, running
from tests.journal.support import MakeJournal
from tests.journal.users import as_another_user, open_to_all

HERE = {"notifier_strategy": "rabbit", "rabbit_notification_topic": "notifications"}
THERE = HERE | {"rabbit_notification_topic": "elsewhere"}


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """`tmp_path`, where every user can get at it."""
    return open_to_all(tmp_path)


def test_a_directory_that_is_missing_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "notifications"
    for _ in range(2):
        layout.prepare(directory)
        assert directory.stat().st_mode & 0o777 == 0o700


def test_one_whose_parent_is_missing_is_not_made(tmp_path: Path) -> None:
    directory = tmp_path / "no" / "such"
    with pytest.raises(DirectoryError) as raised:
        layout.prepare(directory)
    assert str(raised.value) == (
        f"'{directory}' cannot be made (No such file or directory); expected a directory, or one "
        f"that user {os.geteuid()} may make"
    )


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(DirectoryError, match="File exists"):
        layout.prepare(path)


def test_one_in_a_parent_that_cannot_be_written_is_not_made(open_path: Path) -> None:
    with as_another_user() as user, pytest.raises(DirectoryError) as raised:
        layout.prepare(open_path / "notifications")
    assert str(open_path / "notifications") in str(raised.value)
    assert f"(Permission denied); expected a directory, or one that user {user}" in str(
        raised.value
    )


def test_one_of_another_user_is_refused_and_both_are_named(open_path: Path) -> None:
    with as_another_user() as user, pytest.raises(DirectoryError) as raised:
        layout.prepare(open_path)
    assert f"belongs to user 0, this process to user {user}" in str(raised.value)


def test_one_that_its_owner_cannot_write_is_refused(open_path: Path) -> None:
    directory = open_path / "notifications"
    directory.mkdir()
    directory.chmod(0o500)
    with as_another_user(directory) as user, pytest.raises(DirectoryError) as raised:
        layout.prepare(directory)
    assert f"'{directory}' cannot be written by user {user}" in str(raised.value)


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "9p", "ceph", "fuse.sshfs"])
def test_a_network_file_system_is_refused_by_its_name(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounted(monkeypatch, tmp_path, kind)
    with pytest.raises(DirectoryError, match=re.escape(f"on a network file system ({kind})")):
        layout.prepare(tmp_path)


@pytest.mark.parametrize("kind", ["ext4", "xfs", "btrfs", "overlay", "tmpfs", "zfs", "fuse.local"])
def test_a_local_one_is_not(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mounted(monkeypatch, tmp_path, kind)
    layout.prepare(tmp_path)


def test_where_linux_does_not_tell_it_is_taken_for_local(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(_: Path) -> str:
        raise PermissionError

    monkeypatch.setattr(Path, "read_text", unreadable)
    layout.prepare(tmp_path)


def mounted(monkeypatch: pytest.MonkeyPatch, path: Path, kind: str) -> None:
    """Have /proc/self/mountinfo tell that the file system of `path` is of that kind."""
    device = path.stat().st_dev
    told = (
        "22 1 0:20 / /proc rw,nosuid shared:12 - proc proc rw\n"
        f"31 1 {os.major(device)}:{os.minor(device)} / / rw shared:1 master:2 - {kind} host:/x rw\n"
    )
    monkeypatch.setattr(Path, "read_text", lambda _: told)


def test_the_listing_has_segments_and_live_files_and_nothing_else(tmp_path: Path) -> None:
    a, b = "0123456789abcdef", "f" * 16
    names = [f"{a}.{number}.seg" for number in (10, 9, 0)] + [f"{b}.3.seg", f"{b}.live"]
    foreign = [
        f"{a}.live.new", f"{a}.new", f"{a}.x.seg", f"{a}.1.seg.bak", f"{a}..seg", f"{a}0.1.seg",
        f"{a.upper()}.1.seg", "aside.rabbit.warn.seg", "cursors.json", "relay.lock", "lost+found",
    ]  # fmt: skip
    for name in names + foreign:
        (tmp_path / name).touch()
    found = layout.listing(tmp_path)
    assert found.segments == {a: [0, 9, 10], b: [3]}
    assert found.living == {b}


def test_the_sizes_are_those_of_all_files(tmp_path: Path) -> None:
    for size in (0, 10, 300):
        (tmp_path / str(size)).write_bytes(bytes(size))
    assert layout.sizes(tmp_path) == {"0": 0, "10": 10, "300": 300}


def test_who_lives_cannot_be_seized_and_who_has_died_can(tmp_path: Path) -> None:
    with living_writer(tmp_path) as writer:
        live = layout.live_path(tmp_path, writer.identity)
        assert layout.seize(live) is None
        writer.end()
        fd = layout.seize(live)
        assert fd is not None
        os.close(fd)
    live.unlink()
    assert layout.seize(live) is None


def test_the_first_process_says_where_all_send_to(tmp_path: Path) -> None:
    layout.agree(tmp_path, HERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == HERE
    with living_writer(tmp_path):
        layout.agree(tmp_path, HERE, lambda: None)


def test_another_destination_is_refused_while_anybody_lives(tmp_path: Path) -> None:
    layout.agree(tmp_path, HERE, lambda: None)
    with living_writer(tmp_path) as writer:
        with pytest.raises(DestinationsError) as raised:
            layout.agree(tmp_path, THERE, lambda: None)
        assert (raised.value.name, raised.value.living) == (
            "rabbit_notification_topic",
            "notifications",
        )
        writer.end()
        layout.agree(tmp_path, THERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == THERE


def test_a_newer_versions_further_destination_is_another_one(tmp_path: Path) -> None:
    layout.agree(tmp_path, HERE | {"further": 1}, lambda: None)
    with living_writer(tmp_path), pytest.raises(DestinationsError) as raised:
        layout.agree(tmp_path, HERE, lambda: None)
    assert (raised.value.name, raised.value.living) == ("further", 1)


def test_a_second_filter_of_this_process_must_agree_too_and_costs_no_lock(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    layout.agree(tmp_path, HERE, lambda: None)
    journal = make_journal()
    journal.open()
    with pytest.raises(DestinationsError):
        layout.agree(tmp_path, THERE, lambda: journal.identity)


def hold(path: Path) -> None:
    """Lock the file, as the leader does."""
    with path.open("w") as file:
        assert layout.lock(file.fileno())
        (path.parent / "holds").touch()
        time.sleep(60)


def test_a_relay_that_sends_elsewhere_lives_too(tmp_path: Path) -> None:
    """With a process of its own: it would go on, and remove what it has sent there."""
    layout.agree(tmp_path, HERE, lambda: None)
    with running(hold, tmp_path / "relay.lock"):
        eventually((tmp_path / "holds").exists)
        with pytest.raises(DestinationsError):
            layout.agree(tmp_path, THERE, lambda: None)
    layout.agree(tmp_path, THERE, lambda: None)


def test_who_only_looks_in_this_moment_is_waited_for(tmp_path: Path) -> None:
    """A lock that is held to see that it can be."""
    layout.agree(tmp_path, HERE, lambda: None)
    asked: list[None] = []

    def ours() -> str | None:
        asked.append(None)
        return "a" * 16 if len(asked) == 1 else None

    layout.agree(tmp_path, THERE, ours)
    assert checksummed.load(tmp_path / "destinations.json") == THERE


def test_before_they_change_something_can_be_done(tmp_path: Path) -> None:
    done: list[object] = []

    def before() -> None:
        done.append(checksummed.load(tmp_path / "destinations.json"))

    for wanted in (HERE, HERE, THERE, THERE):
        layout.agree(tmp_path, wanted, lambda: None, before)
    assert done == [None, HERE]


def test_destinations_that_are_damaged_are_written_again(tmp_path: Path) -> None:
    (tmp_path / "destinations.json").write_bytes(os.urandom(200))
    with living_writer(tmp_path):
        layout.agree(tmp_path, HERE, lambda: None)
    assert checksummed.load(tmp_path / "destinations.json") == HERE
