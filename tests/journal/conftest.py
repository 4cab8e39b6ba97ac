"""A fixture that makes journals, and closes them when the test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from glance_notify_middleware.journal.writer import Journal
from tests.journal.sample_journals import GIB, MakeJournal


@pytest.fixture
def make_journal(tmp_path: Path) -> Iterator[MakeJournal]:
    """Makes journals in `tmp_path`, or in the directory that the test gives."""
    made: list[Journal] = []

    def make(
        directory: Path = tmp_path,
        *,
        max_size: int = GIB,
        sync: bool = False,
        segment_size: int = 4 * 1024 * 1024,
    ) -> Journal:
        journal = Journal(directory, max_size=max_size, sync=sync, segment_size=segment_size)
        made.append(journal)
        return journal

    yield make
    for journal in made:
        journal.close()
