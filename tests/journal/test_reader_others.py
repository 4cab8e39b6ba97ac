"""Journals of other boots and of newer versions, and very many journals."""

import os
import resource
import time
from pathlib import Path

from glance_notify_middleware.journal.reader import Reader
from tests.journal.processes import call_in_process
from tests.journal.sample_journals import (
    OTHER_BOOT,
    encoded,
    head,
    ids,
    lost,
    message,
    of_newer_version,
    open_files,
    read,
    write_segment,
)

A, B, C = "a" * 16, "b" * 16, "c" * 16
MANY = 5000


def test_entries_of_earlier_boots_come_first_whatever_their_clocks(tmp_path: Path) -> None:
    future = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 10**12
    this_boot, before, long_before = message(), [message(), message()], message()
    write_segment(tmp_path, A, [(1, this_boot)])
    write_segment(tmp_path, B, [(future, before[0])], boot=OTHER_BOOT, began=2000.0)
    write_segment(tmp_path, C, [(future + 1, before[1])], boot=OTHER_BOOT, began=2001.0)
    write_segment(tmp_path, "d" * 16, [(2 * future, long_before)], boot="older", began=1000.0)
    expected = [long_before, *before, this_boot]
    assert ids(read(tmp_path)) == [each.message_id for each in expected]


def test_dead_process_is_read_to_its_end_whatever_its_clock(tmp_path: Path) -> None:
    """Its head is damaged, so that its clock is unknown."""
    future = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + 1_800_000_000
    path = write_segment(tmp_path, A, [(future, message())])
    path.write_bytes(bytes(len(head())) + path.read_bytes()[len(head()) :])
    reader = Reader(tmp_path, {})
    assert ids(reader.read(500)) == []
    reader.chains[A].is_dead = True
    assert len(ids(reader.read(500))) == 1
    reader.close()


def test_newer_entry_ends_the_reading_of_its_journal_and_of_no_other(tmp_path: Path) -> None:
    """It stays until a relay of that version comes: to skip it would be to lose it."""
    made = [message() for _ in range(4)]
    path = write_segment(tmp_path, A, [(5, made[0])])
    newer = of_newer_version(encoded(made[1:2], number=1, clock=6))
    path.write_bytes(path.read_bytes() + newer + encoded(made[2:3], number=2, clock=7))
    write_segment(tmp_path, A, [(8, message())], segment=1, number=3)
    write_segment(tmp_path, B, [(9, made[3])])
    reader = Reader(tmp_path, {})
    steps = reader.read(500) + reader.read(500)
    reader.chains[A].is_dead = True
    steps += reader.read(500)
    assert ids(steps) == [made[0].message_id, made[3].message_id]
    assert lost(steps) == 0
    assert not reader.chains[A].is_finished, "a finished journal would be removed"
    last = next(step for step in steps if ids([step]) == [made[0].message_id])
    assert reader.chains[A].position == last.after
    reader.close()


def test_newer_segment_with_a_different_head_ends_the_reading_of_no_other(
    tmp_path: Path,
) -> None:
    newer = of_newer_version(head(body=b"boot=x pid=7 time=1.5 host=h container=c"))
    (tmp_path / f"{A}.0.seg").write_bytes(newer + of_newer_version(encoded([message()])))
    readable = message()
    write_segment(tmp_path, B, [(5, readable)])
    assert ids(read(tmp_path)) == [readable.message_id]


def with_few_descriptors(directory: Path) -> tuple[list[str], int]:
    """Read all with few descriptors; returns the ids, and how many files the reader has open."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    reader = Reader(directory, {})
    before = len(os.listdir("/proc/self/fd"))
    found: list[str] = []
    while more := reader.read(500):
        found += ids(more)
    while_open = len(os.listdir("/proc/self/fd")) - before
    reader.close()
    assert len(os.listdir("/proc/self/fd")) <= before
    return found, while_open


def test_thousands_of_small_journals_need_few_descriptors(tmp_path: Path) -> None:
    """A crash loop: each process has recorded twice, in turn with all other processes."""
    made = [message() for _ in range(2 * MANY)]
    for at in range(MANY):
        entries = [(1 + at, made[at]), (1 + MANY + at, made[MANY + at])]
        write_segment(tmp_path, f"{at:016x}", entries)
    found, while_open = call_in_process(with_few_descriptors, tmp_path)
    assert found == [each.message_id for each in made]
    assert while_open < 100


def test_segment_that_was_read_to_its_end_is_closed(tmp_path: Path) -> None:
    """An open file takes room on the disk, also when it is removed."""
    first = write_segment(tmp_path, A, [(1, message())])
    write_segment(tmp_path, A, [(2, message())], segment=1, number=1)
    reader = Reader(tmp_path, {})
    assert len(ids(reader.read(9))) == 2
    first.unlink()
    assert not [each for each in open_files() if each.startswith(str(first))]
    reader.close()


def test_damaged_last_entry_is_counted_also_without_a_live_file(
    tmp_path: Path,
) -> None:
    """The live file, with what the process had counted, may be removed."""
    segment = write_segment(tmp_path, A, [(1, message()), (2, message())])
    data = bytearray(segment.read_bytes())
    data[-1] ^= 0x55
    segment.write_bytes(data)
    reader = Reader(tmp_path, {})
    assert len(ids(reader.read(9))) == 1
    assert reader.lost_at_end(A, None) == 1
    reader.close()
