"""What a leader keeps of the dead that it has settled: nothing that grows with their number."""

from pathlib import Path

from glance_notify_middleware.journal import checked
from tests.journal.leading import Leading, leave_behind
from tests.journal.support import open_files


def test_neither_their_names_nor_their_files_are_kept(tmp_path: Path) -> None:
    leading = Leading(tmp_path)
    for number in range(3):
        leave_behind(tmp_path, f"{number:016x}")
        leading.settle()
    assert (checked.load(tmp_path / "totals.json") or {})["added"] == [f"{2:016x}"]
    assert not [each for each in open_files() if each.startswith(str(tmp_path))]
    leading.end()
