"""What a process has recorded is counted to the last entry, also when it was killed."""

import json
from collections import Counter
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Priority
from glance_notify_middleware.journal import checksummed
from glance_notify_middleware.journal.layout import listing, live_path, segment_path
from glance_notify_middleware.journal.tally import Tally, tally
from tests.journal.fake_leader import FakeLeader, read_totals, write_dead_process
from tests.journal.processes import living_writer
from tests.journal.sample_journals import (
    MakeJournal,
    encoded,
    message,
    record_each,
    segments,
    write_segment,
)

A = "a" * 16
UPDATE = ("image.update", Priority.INFO)


def tally_of(directory: Path, identity: str) -> Tally:
    live = live_path(directory, identity)
    content = (checksummed.load(live) or {}) if live.exists() else None
    return tally(directory, identity, listing(directory).segments.get(identity, []), content)


def test_entries_since_the_live_file_was_written_count(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal(segment_size=2000)
    journal.open()
    for recorded in range(1, 60):
        journal.record([message()])
        if recorded == 20:
            journal.maintain()
        found = tally_of(tmp_path, str(journal.identity))
        assert (found.counters.recorded[UPDATE], found.end) == (recorded, recorded)


def test_bytes_of_downloads_count_by_whether_they_were_complete(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    for payload, priority in [
        ({"bytes_sent": 700}, Priority.INFO),
        ({"bytes_sent": 20}, Priority.ERROR),
        ({"bytes_sent": 3}, Priority.WARN),
        ("a text", Priority.ERROR),
        ({"bytes_sent": None}, Priority.INFO),
    ]:
        body = json.dumps({"payload": payload}).encode()
        journal.record([message(body, event_type="image.send", priority=priority)])
    journal.record([message(b'{"payload": {"bytes_sent": 9000}}')])
    assert journal.counters()["sent"] == {"complete": 700, "cut": 20}
    found = tally_of(tmp_path, str(journal.identity))
    assert found.counters.sent == {"complete": 700, "cut": 20}


def test_killed_process_that_was_never_maintained_is_counted_whole(tmp_path: Path) -> None:
    """Its first segments are delivered, and removed, before it dies: its counters were written when
    each next one was begun."""
    leader = FakeLeader(tmp_path)
    with living_writer(tmp_path, segment_size=2000) as writer:
        recorded = 0
        for _ in range(6):
            recorded += len(writer.record(9))
            leader.deliver()
            leader.survey()
        assert segments(tmp_path)[0] != segment_path(tmp_path, writer.identity, 0)
        recorded += len(writer.record(2))
        writer.kill()
        assert tally_of(tmp_path, writer.identity).counters.recorded[UPDATE] == recorded
        leader.settle()
    leader.close()
    assert read_totals(tmp_path) == (Counter({"image.update INFO": recorded}), {})


def test_process_that_dies_before_its_live_file_is_written_is_counted(tmp_path: Path) -> None:
    leader = FakeLeader(tmp_path)
    with living_writer(tmp_path, 5) as writer:
        assert live_path(tmp_path, writer.identity).read_bytes() == b""
        writer.kill()
        leader.settle()
    leader.close()
    assert read_totals(tmp_path)[0] == {"image.update INFO": 5}


def test_entries_behind_damage_count_and_gaps_do_not(tmp_path: Path) -> None:
    write_dead_process(tmp_path, A, 3)
    with segment_path(tmp_path, A, 0).open("ab") as file:
        file.write(b"\0" * 50 + encoded([message(), message()], number=5))
    found = tally_of(tmp_path, A)
    assert (found.counters.recorded[UPDATE], found.end) == (5, 7)


def test_live_file_of_an_older_version_is_completed_from_the_segment_that_it_counts_into(
    tmp_path: Path,
) -> None:
    """It does not say up to which place it counts."""
    made = [(at, message()) for at in range(5)]
    write_dead_process(tmp_path, A, 2)
    write_segment(tmp_path, A, made[:4], segment=1, number=2)
    content = {"number": 4, "recorded": {"image.update INFO": 4}, "dropped": {}}
    live_path(tmp_path, A).write_bytes(checksummed.dumps(content))
    found = tally_of(tmp_path, A)
    assert (found.counters.recorded[UPDATE], found.end) == (6, 6)


def test_nothing_is_counted_without_a_live_file(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(1, message()), (2, message())])
    found = tally_of(tmp_path, A)
    assert (found.counters.recorded, found.end) == ({}, 2)


def test_messages_that_are_recorded_again_are_not_counted_again(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    """Somebody has removed the segment: the next one begins with its content."""
    journal = make_journal()
    record_each(journal, [message() for _ in range(4)])
    segments(tmp_path)[0].unlink()
    journal.maintain()
    journal.record([message()])
    found = tally_of(tmp_path, str(journal.identity))
    assert (found.counters.recorded[UPDATE], found.end) == (5, 5)


@pytest.mark.parametrize("place", [[0, 10**9], [7, 0]])
def test_place_that_is_not_there_any_more_harms_nothing(place: list[int], tmp_path: Path) -> None:
    write_dead_process(tmp_path, A, 2, place=place)
    assert tally_of(tmp_path, A).end == 2
