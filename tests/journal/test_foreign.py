"""FIFOs, links and other users' files under names of the journal: left alone, and logged."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.delivery.cursors import add_strategies
from glance_notify_middleware.delivery.dead_letters import append
from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import checksummed, fitness, layout, locks
from glance_notify_middleware.journal.files import ForeignFileError, open_owned, read_owned
from glance_notify_middleware.journal.fitness import DirectoryError
from glance_notify_middleware.journal.layout import live_path, segment_path
from tests.delivery.test_aside_files import deliver_all, make_files
from tests.journal.fake_leader import FakeLeader, write_dead_process
from tests.journal.foreign_files import FOREIGN
from tests.journal.processes import living_writer
from tests.journal.sample_journals import message, write_segment

A, B = "a" * 16, "b" * 16

NAMES = (
    f"{A}.0.seg", f"{A}.live", "relay.lock", "cursors.json", "destinations.json", "totals.json",
    "aside.rabbit.warn.seg", "dead-2026-11.jsonl", f"{A}.7.new", "cursors.json.0123456789.tmp",
)  # fmt: skip

Plant = Callable[[Path], None]


@pytest.fixture(params=FOREIGN)
def plant(request: pytest.FixtureRequest) -> Plant:
    """Puts a foreign file at a path."""
    return FOREIGN[request.param]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "journal"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def leader(directory: Path) -> Iterator[FakeLeader]:
    one = FakeLeader(directory)
    yield one
    one.close()


def count_lines(caplog: pytest.LogCaptureFixture, part: str) -> int:
    """How many lines of the log have this part."""
    return sum(part in each.getMessage() for each in caplog.records)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT | os.O_APPEND])
def test_foreign_file_is_not_opened_and_not_waited_for(
    plant: Plant, flags: int, directory: Path
) -> None:
    path = directory / f"{A}.0.seg"
    plant(path)
    with pytest.raises(ForeignFileError, match=f"is no regular file of user {os.geteuid()}"):
        open_owned(path, flags)
    assert not (directory / "nothing").exists()


def test_owned_file_is_opened_and_read_and_made_for_its_owner_alone(
    directory: Path,
) -> None:
    path = directory / "relay.lock"
    with pytest.raises(FileNotFoundError):
        open_owned(path, os.O_RDWR)
    fd = open_owned(path, os.O_RDWR | os.O_CREAT)
    os.write(fd, b"0123456789")
    os.close(fd)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_owned(path) == b"0123456789"
    assert read_owned(path, 7) == b"789"


@pytest.mark.parametrize("name", NAMES)
def test_foreign_file_is_refused_at_the_start_by_its_name_with_the_way_out(
    plant: Plant, name: str, directory: Path
) -> None:
    plant(directory / name)
    with pytest.raises(DirectoryError) as raised:
        fitness.prepare(directory)
    assert str(raised.value) == (
        f"'{directory / name}' is no regular file of user {os.geteuid()}, so it is none of the "
        f"journal's; find out who has put it there, and remove it: rm {directory / name} "
        f"(or, where it is the journal's own and was restored, say: chown {os.geteuid()})"
    )


@pytest.mark.parametrize("name", ["lost+found", "ballast", f"{A}.0.seg.bak", "notes.txt"])
def test_foreign_file_under_another_name_is_accepted(
    plant: Plant, name: str, directory: Path
) -> None:
    plant(directory / name)
    fitness.prepare(directory)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o720, 0o1777])
def test_directory_that_other_users_may_write_is_refused_with_the_chmod_line(
    mode: int, directory: Path
) -> None:
    directory.chmod(mode)
    with pytest.raises(DirectoryError) as raised:
        fitness.prepare(directory)
    assert str(raised.value) == (
        f"'{directory}' may be written by others than user {os.geteuid()} (its mode is "
        f"{mode:04o}); expected a directory for its owner alone: chmod 0700 {directory}"
    )


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o755, 0o2755])
def test_directory_that_other_users_may_read_is_accepted(mode: int, directory: Path) -> None:
    directory.chmod(mode)
    fitness.prepare(directory)


def test_directory_that_becomes_writable_for_other_users_is_logged_once(
    leader: FakeLeader, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        leader.survey()
        directory.chmod(0o777)
        for _ in range(3):
            leader.survey()
        directory.chmod(0o700)
    assert count_lines(caplog, "may be written by others") == 2


def test_foreign_segment_that_appears_later_is_logged_once_and_delays_no_other(
    plant: Plant, leader: FakeLeader, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    plant(segment_path(directory, B, 0))
    plant(live_path(directory, B))
    left = write_dead_process(directory, A)
    for _ in range(4):
        leader.survey()
        leader.deliver()
    assert leader.unknown == []
    assert leader.deliver() == []
    assert not segment_path(directory, A, 0).exists()
    assert left
    assert os.path.lexists(segment_path(directory, B, 0))
    for path in (segment_path(directory, B, 0), live_path(directory, B)):
        assert count_lines(caplog, f"{path} is no regular file of user {os.geteuid()}") == 1


def test_foreign_segment_behind_those_of_a_living_process_hides_no_entry(
    plant: Plant, leader: FakeLeader, directory: Path
) -> None:
    """A reader that sees a later segment reads the one before it to its end, and never again."""
    with living_writer(directory, 2) as writer:
        plant(segment_path(directory, writer.identity, 99))
        assert len(leader.deliver()) == 2
        leader.survey()
        more = writer.record(3)
        assert leader.deliver() == more


def test_foreign_file_in_the_place_of_a_known_segment_delays_no_other(
    plant: Plant, leader: FakeLeader, directory: Path
) -> None:
    first = write_dead_process(directory, A)
    assert leader.deliver() == first
    path = segment_path(directory, A, 0)
    path.unlink()
    plant(path)
    leader.reader.close()
    second = write_dead_process(directory, B)
    assert leader.deliver() == second
    for _ in range(3):
        leader.survey()
        assert leader.deliver() == []
    assert not segment_path(directory, B, 0).exists()


def test_foreign_live_file_is_not_locked_and_delays_no_other(
    plant: Plant, leader: FakeLeader, directory: Path
) -> None:
    path = live_path(directory, A)
    plant(path)
    assert locks.open_locked(path) is None
    left = write_dead_process(directory, B)
    leader.survey()
    assert leader.deliver() == left


@pytest.mark.parametrize("name", ["cursors.json", "destinations.json", "totals.json"])
def test_foreign_file_in_the_place_of_a_small_file_is_replaced(
    plant: Plant, name: str, directory: Path
) -> None:
    path = directory / name
    plant(path)
    assert checksummed.load(path) is None
    checksummed.replace(path, {"a": 1})
    assert checksummed.load(path) == {"a": 1}
    assert stat.S_IMODE(path.lstat().st_mode) == 0o600


def test_foreign_file_in_the_place_of_the_cursors_is_logged_and_all_is_sent_again(
    plant: Plant, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = directory / "cursors.json"
    left = write_dead_process(directory, A)
    plant(path)
    leader = FakeLeader(directory)
    assert leader.deliver() == left
    assert (
        count_lines(caplog, f"{path} is no regular file of user {os.geteuid()}, and counts for")
        == 1
    )
    leader.close()
    assert (checksummed.load(path) or {})["rabbit"]["positions"].keys() == {A}


def test_foreign_segment_is_skipped_where_a_new_strategy_begins(
    plant: Plant, directory: Path
) -> None:
    owned = write_segment(directory, A, [(5, message())])
    plant(segment_path(directory, A, 1))
    plant(segment_path(directory, B, 0))
    checksummed.replace(directory / "cursors.json", {"rabbit": {}})
    add_strategies(directory, ["rabbit", "qpid"])
    found = checksummed.load(directory / "cursors.json") or {}
    assert found["qpid"]["positions"] == {A: [0, owned.stat().st_size, None]}


def test_aside_file_that_is_foreign_is_replaced(plant: Plant, directory: Path) -> None:
    path = directory / "aside.rabbit.warn.seg"
    plant(path)
    found, cursors = make_files(directory)
    cursors.move_aside(Priority.WARN, 7)
    found.postpone(Priority.WARN, 0.0)
    made = [message(priority=Priority.WARN) for _ in range(3)]
    assert all(found.add(each) for each in made)
    assert deliver_all(found) == made
    kept = [each for each in directory.iterdir() if each.suffix == ".kept"]
    assert len(kept) == 1
    fitness.prepare(directory)


def test_dead_letter_file_that_is_foreign_is_replaced(plant: Plant, directory: Path) -> None:
    path = append(directory, "rabbit", message())
    path.unlink()
    plant(path)
    assert append(directory, "rabbit", message()) == path
    assert path.is_file()
    assert len(path.read_text().splitlines()) == 1
    fitness.prepare(directory)


def test_stale_temporary_file_is_removed_and_no_other(plant: Plant, directory: Path) -> None:
    plant(directory / "x.tmp")
    old, fresh, other = directory / f"{A}.new", directory / f"{B}.new", directory / f"{B}.live"
    for path in (old, fresh, other):
        path.touch()
    for path in (old, other):
        os.utime(path, (1, 1))
    layout.remove_stale_temporaries(directory)
    assert not old.exists()
    assert fresh.exists(), "the process that makes it is about to rename it"
    assert other.exists()
    assert os.path.lexists(directory / "x.tmp")
