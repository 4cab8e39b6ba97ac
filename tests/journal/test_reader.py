"""The entries of all processes, in the order in which they were made, each once."""

import time
from pathlib import Path

import pytest

from glance_notify_middleware.events.notification import Message
from glance_notify_middleware.journal import entries, layout
from glance_notify_middleware.journal.layout import Listing
from glance_notify_middleware.journal.positions import Position
from glance_notify_middleware.journal.reader import Reader
from tests.journal.sample_journals import (
    MakeJournal,
    encoded,
    head,
    ids,
    lost,
    message,
    read,
    record_each,
    segments,
    write_segment,
)

A, B, C = "a" * 16, "b" * 16, "c" * 16


def test_entries_of_several_processes_are_merged_by_their_clocks(tmp_path: Path) -> None:
    made = [message() for _ in range(9)]
    for start, identity in enumerate((C, A, B)):
        write_segment(tmp_path, identity, [(10 + at, made[at]) for at in range(start, 9, 3)])
    assert ids(read(tmp_path)) == [each.message_id for each in made]


def test_processes_that_record_in_turn_are_read_in_their_order(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journals = [make_journal(segment_size=900) for _ in range(4)]
    recorded = []
    for turn in range(200):
        recorded += record_each(journals[turn * 7 % 4], [message()])
    assert ids(read(tmp_path)) == recorded


def test_entry_recorded_after_the_clock_was_taken_waits_for_the_next_pass(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the pass lists, a new process records, and then, as an effect, a listed process."""
    known, new = make_journal(), make_journal()
    recorded = record_each(known, [message()])
    listing = layout.listing

    def slow_listing(directory: Path) -> Listing:
        found = listing(directory)
        recorded.extend(record_each(new, [message()]))
        recorded.extend(record_each(known, [message()]))
        return found

    reader = Reader(tmp_path, {})
    with monkeypatch.context() as patched:
        patched.setattr(f"{Reader.__module__}.listing", slow_listing)
        found = ids(reader.read(500))
    assert found == recorded[:1]
    assert found + ids(reader.read(500)) == recorded
    reader.close()


def test_entry_with_a_later_clock_waits_until_that_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    past, future = message(), message()
    write_segment(tmp_path, A, [(now + 300_000_000, future)])
    write_segment(tmp_path, B, [(now, past)])
    reader = Reader(tmp_path, {})
    with monkeypatch.context() as patched:
        patched.setattr(reader, "_now", lambda: now)
        assert ids(reader.read(500)) == [past.message_id]
        assert ids(reader.read(500)) == []
    time.sleep(0.35)
    assert ids(reader.read(500)) == [future.message_id]
    reader.close()


def test_entry_is_read_once(make_journal: MakeJournal, tmp_path: Path) -> None:
    journals = [make_journal(segment_size=800) for _ in range(3)]
    reader = Reader(tmp_path, {})
    recorded, found = [], []
    for turn in range(60):
        recorded += record_each(journals[turn % 3], [message() for _ in range(turn % 5)])
        found += ids(reader.read(1 + turn % 4))
    found += ids(reader.read(500))
    assert found == recorded
    assert reader.read(500) == []
    reader.close()


def test_pass_returns_as_many_messages_as_asked_for_or_a_few_more(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    for _ in range(10):
        journal.record([message(), message(), message()])
    reader = Reader(tmp_path, {})
    assert [len(ids(reader.read(7))) for _ in range(5)] == [9, 9, 9, 3, 0]
    reader.close()


def test_new_reader_goes_on_from_the_positions_of_another(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journals = [make_journal(segment_size=700) for _ in range(2)]
    for turn in range(30):
        record_each(journals[turn % 2], [message(bytes(100))])
    steps = read(tmp_path)
    positions: dict[str, Position] = {}
    for done, step in enumerate(steps, 1):
        positions[step.identity] = step.after
        reader = Reader(tmp_path, dict(positions))
        rest = reader.read(500)
        reader.close()
        assert ids(rest) == ids(steps[done:])
        assert lost(rest) == 0


def test_entry_that_is_not_whole_is_read_when_it_is(tmp_path: Path) -> None:
    first, second = message(), message()
    path = write_segment(tmp_path, A, [(5, first)])
    whole = path.read_bytes()
    entry = encoded([second], number=1, clock=6)
    for cut in range(len(entry)):
        path.write_bytes(whole)
        reader = Reader(tmp_path, {})
        assert ids(reader.read(500)) == [first.message_id]
        path.write_bytes(whole + entry[:cut])
        assert ids(reader.read(500)) == [], cut
        path.write_bytes(whole + entry)
        steps = reader.read(500)
        assert (ids(steps), lost(steps)) == ([second.message_id], 0), cut
        reader.close()


def test_torn_end_of_a_dead_process_is_skipped(tmp_path: Path) -> None:
    first = message()
    path = write_segment(tmp_path, A, [(5, first)])
    path.write_bytes(path.read_bytes() + encoded([message()], number=1, clock=6)[:-1])
    reader = Reader(tmp_path, {})
    steps = reader.read(500)
    chain = reader.chains[A]
    assert not chain.is_finished
    chain.is_dead, chain.at_end = True, False
    steps += reader.read(500)
    assert ids(steps) == [first.message_id]
    assert chain.is_finished
    assert reader.lost_at_end(A, counted=1) == 0
    reader.close()


def test_entry_longer_than_a_chunk_is_read(tmp_path: Path) -> None:
    made = [message(bytes(size)) for size in (10, 70_000, 10, 250_000, 10)]
    write_segment(tmp_path, A, [(at, each) for at, each in enumerate(made, 5)])
    assert [each for step in read(tmp_path) for each in step.messages] == made


def test_reader_reads_little_ahead_of_many_journals(tmp_path: Path) -> None:
    many, each = 300, 20
    for at in range(many):
        made = [message(bytes(1000)) for _ in range(each - 1)] + [message(bytes(70_000))]
        write_segment(tmp_path, f"{at:016x}", [(5 + n, one) for n, one in enumerate(made)])
    reader = Reader(tmp_path, {})
    steps = reader.read(1)
    ahead = [step for chain in reader.chains.values() for _, step in chain.ahead]
    assert sum(len(one.body) for step in ahead for one in step.messages) < many * 5_000
    while more := reader.read(500):
        steps += more
    assert len(ids(steps)) == many * each
    reader.close()


def test_noise_longer_than_a_chunk_hides_no_later_entry(tmp_path: Path) -> None:
    made = [message() for _ in range(3)]
    path = write_segment(tmp_path, A, [(5, made[0])])
    noise = b"\xff\xfeGN" * 100_000
    path.write_bytes(
        path.read_bytes()
        + noise
        + encoded(made[1:2], number=11, clock=6)
        + noise
        + encoded(made[2:], number=12, clock=7)
    )
    steps = read(tmp_path)
    assert ids(steps) == [each.message_id for each in made]
    assert [step.lost for step in steps if step.lost] == [10]


def test_damaged_entry_is_counted_with_the_next_good_one(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    journal = make_journal()
    made = [message() for _ in range(9)]
    for at in range(0, 9, 3):
        journal.record(made[at : at + 3])
    path = segments(tmp_path)[0]
    data = bytearray(path.read_bytes())
    at = data.index(made[4].message_id.encode())
    data[at] ^= 1
    path.write_bytes(data)
    steps = read(tmp_path)
    assert ids(steps) == [each.message_id for each in made[:3] + made[6:]]
    assert [step.lost for step in steps if step.messages] == [0, 3]
    assert not any(step.gone for step in steps)


def test_segment_missing_between_others_is_counted(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    recorded = record_each(make_journal(segment_size=400), [message(bytes(400)) for _ in range(9)])
    segments(tmp_path)[4].unlink()
    steps = read(tmp_path)
    assert ids(steps) == recorded[:4] + recorded[5:]
    assert [(step.lost, step.gone) for step in steps if step.lost] == [(1, True)]


def test_first_segments_that_are_missing_are_no_loss(
    make_journal: MakeJournal, tmp_path: Path
) -> None:
    recorded = record_each(make_journal(segment_size=400), [message(bytes(400)) for _ in range(9)])
    for path in segments(tmp_path)[:3]:
        path.unlink()
    steps = read(tmp_path)
    assert (ids(steps), lost(steps)) == (recorded[3:], 0)


def test_segment_removed_between_listing_and_reading_is_skipped(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another leader has removed it."""
    recorded = record_each(make_journal(segment_size=400), [message(bytes(400)) for _ in range(4)])
    listing = layout.listing

    def late(directory: Path) -> Listing:
        found = listing(directory)
        segments(directory)[0].unlink()
        return found

    monkeypatch.setattr(f"{Reader.__module__}.listing", late)
    assert ids(read(tmp_path)) == recorded[1:]


def test_segment_with_a_damaged_head_is_read_as_one_of_this_boot(tmp_path: Path) -> None:
    made = [message() for _ in range(3)]
    path = write_segment(tmp_path, A, [(5, made[0]), (7, made[2])])
    path.write_bytes(bytes(len(head())) + path.read_bytes()[len(head()) :])
    write_segment(tmp_path, B, [(6, made[1])])
    assert ids(read(tmp_path)) == [each.message_id for each in made]


def test_journal_that_was_forgotten_is_read_from_its_beginning(tmp_path: Path) -> None:
    write_segment(tmp_path, A, [(5, message())])
    reader = Reader(tmp_path, {})
    assert len(ids(reader.read(500))) == 1
    reader.forget(A)
    reader.forget(B)
    assert len(ids(reader.read(500))) == 1
    reader.close()


def read_ahead(reader: Reader) -> list[Message]:
    """What the reader has read of journals and not returned."""
    steps = [step for chain in reader.chains.values() for _, step in chain.ahead]
    return [each for step in steps for each in step.messages]


def test_what_is_read_ahead_is_merged_like_all_entries(tmp_path: Path) -> None:
    made = [message(bytes(1000)) for _ in range(900)]
    for start, identity in enumerate((C, A, B)):
        write_segment(tmp_path, identity, [(10 + at, made[at]) for at in range(start, 900, 3)])
    reader = Reader(tmp_path, {})
    steps = reader.read(100)
    before = len(read_ahead(reader))
    calls = 0
    while reader.read_on():
        calls += 1
    assert calls > 3
    assert len(read_ahead(reader)) == 900 - 100 > before
    while more := reader.read(100):
        steps += more
    assert ids(steps) == [each.message_id for each in made]
    reader.close()


def test_entries_that_are_read_ahead_have_a_mebibyte_in_all(tmp_path: Path) -> None:
    for identity in (A, B, C):
        made = [message(bytes(1000)) for _ in range(2000)]
        write_segment(tmp_path, identity, [(5 + at, one) for at, one in enumerate(made)])
    reader = Reader(tmp_path, {})
    for _ in range(4):
        reader.read(300)
        while reader.read_on():
            pass
        size = sum(len(each.body) for each in read_ahead(reader))
        assert 2**19 < size < 2**20 + 3 * 2**16
    reader.close()


def test_reading_on_stays_in_the_segment_that_is_being_read(tmp_path: Path) -> None:
    """The next segments are those of a list that is made in the next pass."""
    made = [message() for _ in range(9)]
    for segment in range(3):
        part = [(10 + at, made[at]) for at in range(3 * segment, 3 * segment + 3)]
        write_segment(tmp_path, A, part, segment=segment, number=3 * segment)
    reader = Reader(tmp_path, {})
    steps = reader.read(1)
    assert not reader.read_on()
    assert read_ahead(reader) == made[1:3]
    while more := reader.read(1):
        steps += more
    assert ids(steps) == [each.message_id for each in made]
    reader.close()


def test_entry_that_is_read_ahead_and_is_later_than_the_pass_waits(
    make_journal: MakeJournal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = make_journal()
    recorded = record_each(journal, [message(bytes(1000)) for _ in range(200)])
    reader = Reader(tmp_path, {})
    steps = reader.read(10)
    time_of_pass = reader._now()
    recorded += record_each(journal, [message()])
    while reader.read_on():
        pass
    assert len(read_ahead(reader)) == 191
    with monkeypatch.context() as patched:
        patched.setattr(reader, "_now", lambda: time_of_pass)
        steps += reader.read(500)
    assert ids(steps) == recorded[:200]
    assert ids(reader.read(500)) == recorded[200:]
    reader.close()


def test_entry_over_whose_messages_an_error_came_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [message(bytes(1000)) for _ in range(200)]
    write_segment(tmp_path, A, [(5 + at, one) for at, one in enumerate(made)])
    reader = Reader(tmp_path, {})
    steps = reader.read(1)
    with monkeypatch.context() as patched:
        patched.setattr(entries, "decode_messages", raise_memory_error)
        with pytest.raises(MemoryError):
            reader.read_on()
    while more := reader.read(500):
        steps += more
    assert ids(steps) == [each.message_id for each in made]
    assert lost(steps) == 0
    reader.close()


def raise_memory_error(*_: object) -> list[Message]:
    raise MemoryError
