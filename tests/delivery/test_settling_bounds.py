"""What a leader keeps does not grow with the number of processes that it has settled."""

import uuid
from pathlib import Path

from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.writer import Journal
from tests.journal.fake_leader import FakeLeader, write_dead_process
from tests.journal.sample_journals import GIB, open_files
from tests.journal.test_intents import begun, recorder


def test_names_and_files_of_settled_processes_are_not_kept(tmp_path: Path) -> None:
    leader = FakeLeader(tmp_path)
    for number in range(110):
        write_dead_process(tmp_path, f"{number:016x}")
        leader.settle()
    added = (checksummed.load(tmp_path / "totals.json") or {})["added"]
    assert added == [f"{number:016x}" for number in range(9, 110)]  # at most one more than 100
    assert not [each for each in open_files() if each.startswith(str(tmp_path))]
    leader.close()


def test_unknown_outcomes_of_very_many_operations_are_reported_once_each(tmp_path: Path) -> None:
    journal = Journal(tmp_path, max_size=GIB)
    cut = [begun() for _ in range(350)]
    for each in cut:
        recorder(journal).begin(each)
    journal.close()  # its process counts as dead
    leader = FakeLeader(tmp_path)
    leader.settle()
    leader.close()
    reported = [notification.message_id for notification in leader.unknown]
    assert reported == [str(uuid.UUID(bytes=each.key)) for each in cut]
