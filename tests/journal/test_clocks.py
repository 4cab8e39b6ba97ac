"""Clocks that differ: time namespaces, and processes whose clock cannot be compared."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from glance_notify_middleware.journal import clock
from glance_notify_middleware.journal.reader import Reader
from tests.journal.sample_journals import MakeJournal, ids, message, record_each, write_segment

A, B, C = "a" * 16, "b" * 16, "c" * 16
HOUR = 3600 * 10**9  # nanoseconds

WRITER = """
import json, sys
from pathlib import Path
from glance_notify_middleware.journal import clock
from glance_notify_middleware.journal.reader import Reader
from glance_notify_middleware.journal.writer import Journal
from tests.journal.sample_journals import GIB, ids, message, record_each
journal = Journal(Path(sys.argv[1]), max_size=GIB)
print(json.dumps(clock.namespace_offset()), flush=True)
for line in sys.stdin:
    if line == "read\\n":
        reader = Reader(Path(sys.argv[1]), {})
        found = ids(reader.read(10**9))
        reader.close()
    else:
        found = record_each(journal, [message()])
    print(json.dumps(found), flush=True)
"""


class ProcessInNamespace:
    """A process in a time namespace that records, and reads, on request."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.offset: int = self._answer()

    def do(self, what: str) -> list[str]:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        answer: list[str] = self._answer()
        return answer

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


@contextmanager
def in_a_time_namespace(directory: Path, seconds: int) -> Iterator[ProcessInNamespace]:
    """A process whose CLOCK_BOOTTIME is `seconds` ahead. Only root can make such a namespace."""
    if os.geteuid() != 0:
        pytest.fail("only root can make a time namespace")
    command = ["unshare", "-T", f"--boottime={seconds}", "--fork", "--kill-child"]
    with subprocess.Popen(
        [*command, sys.executable, "-c", WRITER, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        yield ProcessInNamespace(process)
        assert process.stdin is not None
        process.stdin.close()


def test_offset_of_this_process_is_zero() -> None:
    assert clock.namespace_offset() == 0


@pytest.mark.parametrize("offsets", ["", "monotonic 0 0\n"])
def test_offset_is_zero_where_linux_does_not_show_it(
    offsets: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clock, "_PROCESS", tmp_path)
    assert clock.namespace_offset() == 0
    (tmp_path / "ns").mkdir()
    for name in ("time", "time_for_children"):
        (tmp_path / "ns" / name).symlink_to("time:[1]")
    (tmp_path / "timens_offsets").write_text(offsets)
    assert clock.namespace_offset() == 0


def test_offset_of_the_children_alone_is_not_that_of_this_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(clock, "_PROCESS", tmp_path)
    (tmp_path / "ns").mkdir()
    for name, namespace in (("time", 1), ("time_for_children", 2)):
        (tmp_path / "ns" / name).symlink_to(f"time:[{namespace}]")
    (tmp_path / "timens_offsets").write_text("monotonic 0 0\nboottime 7 0\n")
    assert clock.namespace_offset() == 0


@pytest.mark.parametrize("seconds", [100_000, -1])
def test_entries_of_two_time_namespaces_are_read_in_their_order(
    seconds: int, make_journal: MakeJournal, tmp_path: Path
) -> None:
    here = make_journal()
    with in_a_time_namespace(tmp_path, seconds) as there:
        assert there.offset == seconds * 10**9
        recorded = []
        for turn in range(20):
            recorded += there.do("record") if turn % 3 else record_each(here, [message()])
        reader = Reader(tmp_path, {})
        assert ids(reader.read(500)) == recorded
        reader.close()
        assert there.do("read") == recorded, "a relay in the namespace reads the same order"


def test_clock_that_cannot_be_compared_delays_no_entry(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """As that of a version that knows no time namespaces, or of a process from another machine."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    far = [message() for _ in range(3)]
    write_segment(tmp_path, A, [(now + HOUR + at, each) for at, each in enumerate(far)])
    farthest = message()
    write_segment(tmp_path, B, [(2**64 - 1, farthest)])
    near = record_each(make_journal(), [message(), message()])
    reader = Reader(tmp_path, {})
    found = ids(reader.read(500))
    assert not any(chain.is_dead for chain in reader.chains.values())
    assert set(found) == {*near, farthest.message_id, *(each.message_id for each in far)}
    assert [each for each in found if each in near] == near
    assert [each for each in found if each in {one.message_id for one in far}] == [
        each.message_id for each in far
    ]
    reader.close()


def test_journal_with_a_clock_far_ahead_is_read_beside_a_busy_one(tmp_path: Path) -> None:
    """Under load each pass ends with an entry that was made after the pass began."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    far, near = message(), message()
    write_segment(tmp_path, A, [(now + HOUR, far)])
    write_segment(tmp_path, B, [(now + 10**9, near)])
    reader = Reader(tmp_path, {})
    assert ids(reader.read(500)) == [far.message_id]
    reader.close()


def test_clock_is_judged_for_each_segment(tmp_path: Path) -> None:
    """Only the entries of the segment with another clock are out of order."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    astray, first, second = message(), message(), message()
    write_segment(tmp_path, A, [(now + HOUR, astray)])
    write_segment(tmp_path, A, [(now - 1, second)], segment=1, number=1)
    write_segment(tmp_path, B, [(now - 2, first)])
    reader = Reader(tmp_path, {})
    assert ids(reader.read(500)) == [each.message_id for each in (astray, first, second)]
    reader.close()


def test_entries_of_an_earlier_boot_keep_their_order(tmp_path: Path) -> None:
    """The clock of that boot can be far ahead, and is one for all its processes."""
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    made = [message() for _ in range(6)]
    for start, identity in enumerate((C, A, B)):
        entries = [(now + HOUR + at, made[at]) for at in range(start, 6, 3)]
        write_segment(tmp_path, identity, entries, boot="former")
    reader = Reader(tmp_path, {})
    assert ids(reader.read(500)) == [each.message_id for each in made]
    reader.close()
