"""`journal_sync = full`: the last entry of a full segment is on the disk, too."""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.journal.sample_journals import MakeJournal, message, numbers, segments


def test_last_entry_of_a_full_segment_is_on_the_disk_when_its_thread_returns(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that records waits for the sync of the newest segment, which another thread may have
    begun since."""
    journal = make_journal(sync=True, segment_size=1000)
    journal.open()
    synced: Counter[int] = Counter()  # bytes of each segment, by its inode
    working = threading.Event()
    sync = os.fdatasync

    def watched(fd: int) -> None:
        sync(fd)
        found = os.fstat(fd)
        synced[found.st_ino] = max(synced[found.st_ino], found.st_size)
        if not working.is_set():
            working.set()
            while len(numbers(tmp_path)) < 3:  # until both other threads have recorded
                pass

    monkeypatch.setattr(os, "fdatasync", watched)
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(journal.record, [message()])
        assert working.wait(30)
        last_of_its_segment = threads.submit(journal.record, [message(bytes(1500))])
        while len(numbers(tmp_path)) < 2:
            pass
        first_of_the_next = threads.submit(journal.record, [message()])
        for each in (first, last_of_its_segment, first_of_the_next):
            each.result(30)
    assert len(segments(tmp_path)) == 2
    for path in segments(tmp_path):
        assert synced[path.stat().st_ino] == path.stat().st_size
