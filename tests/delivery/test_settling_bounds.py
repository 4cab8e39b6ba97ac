"""What a leader keeps of the dead that it has settled: nothing that grows with their number."""

import uuid
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.writer import Journal
from tests.journal.fake_leader import FakeLeader, write_dead_process
from tests.journal.sample_journals import GIB, open_files
from tests.journal.test_intents import begun, recorder


def test_neither_their_names_nor_their_files_are_kept(tmp_path: Path) -> None:
    leader = FakeLeader(tmp_path)
    for number in range(3):
        write_dead_process(tmp_path, f"{number:016x}")
        leader.settle()
    assert (checksummed.load(tmp_path / "totals.json") or {})["added"] == [f"{2:016x}"]
    assert not [each for each in open_files() if each.startswith(str(tmp_path))]
    leader.close()


def test_each_of_very_many_operations_that_were_cut_is_told_once(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    cut = [begun() for _ in range(350)]
    for each in cut:
        recorder(journal).begin(each)
    journal.close()  # its process counts as dead
    leader = FakeLeader(tmp_path)
    leader.settle()
    leader.close()
    told = [each.message_id for each in leader.unknown]
    assert told == [str(uuid.UUID(bytes=each.key)) for each in cut]
